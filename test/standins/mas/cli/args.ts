import { parseArgs, type ParseArgsConfig } from 'node:util';

/** A flag that takes a value, one that may be given several times, or a switch. */
export type Flag = { readonly kind: 'switch' | 'value' | 'values'; readonly short?: string };

/** One command: its words, its flags, the names of its positional arguments (`?` marks an optional one). */
export interface Command {
  readonly words: readonly string[];
  readonly flags: Readonly<Record<string, Flag>>;
  readonly positionals: readonly string[];
}

/** What was typed. */
export interface Parsed {
  readonly command: Command;
  readonly configs: readonly string[];
  readonly switches: ReadonlySet<string>;
  readonly values: ReadonlyMap<string, readonly string[]>;
  readonly positionals: readonly string[];
}

/** A mistake in the arguments: exit code 2, as clap does. */
export class UsageError extends Error {}

/** `-c` is global; `-V` and `-h` are handled before. */
const GLOBAL: Readonly<Record<string, Flag>> = { config: { kind: 'values', short: 'c' }, version: { kind: 'switch', short: 'V' }, help: { kind: 'switch', short: 'h' } };

function toOptions(flags: Readonly<Record<string, Flag>>): NonNullable<ParseArgsConfig['options']> {
  return Object.fromEntries(Object.entries(flags).map(([name, flag]) => [name, {
    type: flag.kind === 'switch' ? 'boolean' : 'string', multiple: flag.kind === 'values', ...(flag.short === undefined ? {} : { short: flag.short }),
  } as const]));
}

/** Finds the command by its leading words, whatever flags stand between them. */
function find(commands: readonly Command[], argv: readonly string[]): Command {
  const all = Object.assign({}, ...commands.map((command) => toOptions(command.flags)), toOptions(GLOBAL)) as NonNullable<ParseArgsConfig['options']>;
  const { positionals } = parseArgs({ args: [...argv], options: all, strict: false, allowPositionals: true });
  const typed = positionals.length === 0 ? ['server'] : positionals;
  const match = commands.filter((command) => command.words.every((word, index) => typed[index] === word)).sort((a, b) => b.words.length - a.words.length)[0];
  if (match === undefined) {
    const known = commands.some((command) => command.words[0] === typed[0]);
    throw new UsageError(known && typed.length === 1 ? `'mas-cli ${typed[0] ?? ''}' requires a subcommand but one was not provided` : `unrecognized subcommand '${(known ? typed[1] : typed[0]) ?? ''}'`);
  }
  return match;
}

/** Reads arguments the way clap does: unknown flags, missing values and extra words are errors. */
export function parseArguments(commands: readonly Command[], argv: readonly string[]): Parsed {
  const command = find(commands, argv);
  const flags = { ...GLOBAL, ...command.flags };
  let result: { values: Record<string, unknown>; positionals: string[] };
  try {
    result = parseArgs({ args: [...argv], options: toOptions(flags), strict: true, allowPositionals: true });
  } catch (error) {
    const unknown = /Unknown option '([^']+)'/.exec(error instanceof Error ? error.message : '');
    throw new UsageError(unknown === null ? String(error instanceof Error ? error.message : error) : `unexpected argument '${unknown[1] ?? ''}' found`);
  }
  const positionals = result.positionals.slice(result.positionals.length === 0 ? 0 : command.words.length);
  const needed = command.positionals.filter((name) => !name.endsWith('?'));
  if (positionals.length < needed.length) {
    throw new UsageError(`the following required arguments were not provided:\n${needed.slice(positionals.length).map((name) => `  <${name}>`).join('\n')}`);
  }
  if (positionals.length > command.positionals.length) throw new UsageError(`unexpected argument '${positionals[command.positionals.length] ?? ''}' found`);
  const switches = new Set<string>();
  const values = new Map<string, string[]>();
  for (const [name, value] of Object.entries(result.values)) {
    if (value === true) switches.add(name);
    else if (typeof value === 'string') values.set(name, [value]);
    else if (Array.isArray(value)) values.set(name, value.map(String));
  }
  return { command, configs: values.get('config') ?? [], switches, values, positionals };
}
