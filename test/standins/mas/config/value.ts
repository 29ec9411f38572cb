import { CommandError } from '../cli/errors.ts';

/** Anything YAML can hold. */
export type Yaml = null | boolean | number | string | Yaml[] | { [key: string]: Yaml };

/** Says which file a key came from, for error messages; keys are dotted paths. */
export type Origins = ReadonlyMap<string, string>;

/** An error about one key, worded as the figment library words it (figment 0.10 src/error.rs `Display`). */
export class ConfigError extends CommandError {}

/** One place in the merged configuration, with typed readers that fail with figment's sentences. */
export class ConfigValue {
  readonly value: Yaml | undefined;
  readonly path: readonly string[];
  readonly origins: Origins;

  constructor(value: Yaml | undefined, path: readonly string[], origins: Origins) {
    this.value = value;
    this.path = path;
    this.origins = origins;
  }

  /** True when the key is there and is not null: figment reads a null as an absent option. */
  get present(): boolean {
    return this.value !== undefined && this.value !== null;
  }

  /** An error at this key: `sentence for key "default.a.b" in FILE YAML file`. */
  error(sentence: string, deeper: readonly string[] = []): ConfigError {
    const path = [...this.path, ...deeper];
    const file = this.file();
    const key = path.length > 0 && file !== undefined ? ` for key "default.${path.join('.')}"` : '';
    return new ConfigError(`${sentence}${key}${file === undefined ? '' : ` in ${file} YAML file`}`);
  }

  private file(): string | undefined {
    for (let length = this.path.length; length > 0; length--) {
      const file = this.origins.get(this.path.slice(0, length).join('.'));
      if (file !== undefined) return file;
    }
    return undefined;
  }

  /** The value under `key`; fails unless this is a map. */
  at(key: string): ConfigValue {
    if (!this.present) return new ConfigValue(undefined, [...this.path, key], this.origins);
    if (typeof this.value !== 'object' || this.value === null || Array.isArray(this.value)) throw this.wrongType('map');
    return new ConfigValue(this.value[key], [...this.path, key], this.origins);
  }

  /** The value under `key`, which must be there (`missing field`). */
  required(key: string): ConfigValue {
    const value = this.at(key);
    if (!value.present) throw new ConfigValue(this.value, this.path, this.origins).missing(key);
    return value;
  }

  /** The sentence for an absent key. figment adds the key of the parent when there is one. */
  missing(key: string): ConfigError {
    return this.path.length === 0 ? new ConfigError(`missing field \`${key}\``) : this.error(`missing field \`${key}\``);
  }

  private wrongType(expected: string): ConfigError {
    return this.error(`invalid type: found ${actual(this.value)}, expected ${expected}`);
  }

  /** A string; YAML numbers and booleans are not strings. */
  string(): string {
    if (typeof this.value !== 'string') throw this.wrongType('a string');
    return this.value;
  }

  /** A boolean. figment also reads the words true/yes/on/1 and their opposites from strings and numbers. */
  boolean(): boolean {
    const word = typeof this.value === 'string' ? this.value.toLowerCase() : this.value;
    if (word === true || word === 'true' || word === 'yes' || word === 'on' || word === '1' || word === 1) return true;
    if (word === false || word === 'false' || word === 'no' || word === 'off' || word === '0' || word === 0) return false;
    throw this.wrongType('a boolean');
  }

  /** A whole number within the range of the Rust type named by `type` (u16, u32, ...). */
  integer(type: string, min: number, max: number): number {
    const number = typeof this.value === 'string' && /^-?\d+$/.test(this.value) ? Number(this.value) : this.value;
    if (typeof number !== 'number' || !Number.isInteger(number)) throw this.wrongType(type);
    if (number < min || number > max) throw this.error(`invalid value ${actual(number)}, expected ${type}`);
    return number;
  }

  /** Any number. */
  number(): number {
    if (typeof this.value !== 'number') throw this.wrongType('f64');
    return this.value;
  }

  /** An absolute URL, in the normal form of the URL parser. */
  url(): URL {
    const text = this.string();
    if (!URL.canParse(text)) throw this.error(`invalid value: string "${text}", expected relative URL without a base`);
    return new URL(text);
  }

  /** One of the given words. */
  oneOf<const Word extends string>(words: readonly Word[]): Word {
    const text = this.string();
    const word = words.find((candidate) => candidate === text);
    const listed = words.map((candidate) => `\`${candidate}\``);
    const expected = words.length === 2 ? listed.join(' or ') : words.length === 1 ? listed[0] : `one of ${listed.join(', ')}`;
    if (word === undefined) throw this.error(`unknown variant: found \`${text}\`, expected \`${expected ?? 'none'}\``);
    return word;
  }

  /** The elements of a sequence. */
  list(): ConfigValue[] {
    if (!Array.isArray(this.value)) throw this.wrongType('a sequence');
    return this.value.map((element, index) => new ConfigValue(element, [...this.path, String(index)], this.origins));
  }

  /** Keys of a map, in file order. */
  keys(): string[] {
    if (!this.present) return [];
    if (typeof this.value !== 'object' || this.value === null || Array.isArray(this.value)) throw this.wrongType('map');
    return Object.keys(this.value);
  }
}

function actual(value: Yaml | undefined): string {
  if (value === null || value === undefined) return 'unit';
  if (typeof value === 'string') return `string ${JSON.stringify(value)}`;
  if (typeof value === 'boolean') return `bool ${String(value)}`;
  if (typeof value === 'number') return Number.isInteger(value) ? `${value < 0 ? 'signed' : 'unsigned'} int \`${value}\`` : `float \`${value}\``;
  return Array.isArray(value) ? 'sequence' : 'map';
}
