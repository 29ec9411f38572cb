import { pbkdf2 as pbkdf2Callback, randomBytes, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';
import bcrypt from 'bcryptjs';
import { argon2id } from 'hash-wasm';
import { CommandError } from '../cli/errors.ts';
import type { LoadedScheme } from '../config/secrets.ts';

const pbkdf2 = promisify(pbkdf2Callback);

/** Parameters of the `argon2` and `pbkdf2` crates' defaults, which MAS uses. */
const ARGON2 = { memorySize: 19456, iterations: 2, parallelism: 1, hashLength: 32 };
const PBKDF2 = { iterations: 600_000, length: 32 };

function unpadded(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64').replace(/=+$/, '');
}

/** bcrypt reads 72 bytes and ignores the rest, in both programs; a pepper that is not UTF-8 is not supported here. */
function bcryptText(password: Buffer): string {
  return password.toString('utf8');
}

async function hash(scheme: LoadedScheme, password: Buffer): Promise<string> {
  const salt = randomBytes(16);
  const peppered = scheme.secret === undefined ? password : Buffer.concat([password, scheme.secret]);
  switch (scheme.algorithm) {
    case 'bcrypt': return bcrypt.hash(bcryptText(peppered), scheme.cost ?? 12);
    case 'argon2id': return argon2id({ password, salt, secret: scheme.secret, ...ARGON2, outputType: 'encoded' });
    case 'pbkdf2': {
      const derived = await pbkdf2(peppered, salt, PBKDF2.iterations, PBKDF2.length, 'sha256');
      return `$pbkdf2-sha256$i=${String(PBKDF2.iterations)},l=${String(PBKDF2.length)}$${unpadded(salt)}$${unpadded(derived)}`;
    }
  }
}

async function verify(scheme: LoadedScheme, password: Buffer, hashed: string): Promise<boolean> {
  const peppered = scheme.secret === undefined ? password : Buffer.concat([password, scheme.secret]);
  if (scheme.algorithm === 'bcrypt') return bcrypt.compare(bcryptText(peppered), hashed);
  const [, name = '', ...parts] = hashed.split('$');
  const parameters = Object.fromEntries((parts.find((part) => part.includes('=') && part.includes(',')) ?? '').split(',').map((pair) => pair.split('=') as [string, string]));
  const salt = Buffer.from(parts.at(-2) ?? '', 'base64');
  const expected = Buffer.from(parts.at(-1) ?? '', 'base64');
  const number = (key: string, fallback: number): number => Number(parameters[key] ?? fallback);
  const derived = scheme.algorithm === 'argon2id'
    ? Buffer.from(await argon2id({ password, salt, secret: scheme.secret, memorySize: number('m', ARGON2.memorySize), iterations: number('t', ARGON2.iterations),
      parallelism: number('p', ARGON2.parallelism), hashLength: expected.length, outputType: 'binary' }))
    : await pbkdf2(peppered, salt, number('i', PBKDF2.iterations), expected.length, name.replace('pbkdf2-', ''));
  return derived.length === expected.length && timingSafeEqual(derived, expected);
}

/** Checks and makes password hashes by the configured schemes; the highest version hashes new ones (crates/handlers/src/passwords.rs). */
export class Passwords {
  readonly enabled: boolean;
  readonly #schemes: readonly LoadedScheme[];

  constructor(enabled: boolean, schemes: readonly LoadedScheme[]) {
    this.enabled = enabled;
    this.#schemes = schemes;
  }

  #prepare(scheme: LoadedScheme, password: string): Buffer {
    return Buffer.from(scheme.unicodeNormalization ? password.normalize('NFKC') : password, 'utf8');
  }

  /** A new hash under the current scheme. */
  async hash(password: string): Promise<{ version: number; hashed: string }> {
    const current = this.#schemes[0];
    if (!this.enabled || current === undefined) throw new CommandError('Password manager is disabled');
    return { version: current.version, hashed: await hash(current, this.#prepare(current, password)) };
  }

  /** Undefined when the password is wrong; otherwise a hash to store if the old one is of an older scheme. */
  async verify(version: number, password: string, hashed: string): Promise<{ upgraded?: { version: number; hashed: string } } | undefined> {
    const scheme = this.#schemes.find((candidate) => candidate.version === version);
    if (scheme === undefined) throw new CommandError('Hashing scheme not found');
    if (!await verify(scheme, this.#prepare(scheme, password), hashed)) return undefined;
    return version === this.#schemes[0]?.version ? {} : { upgraded: await this.hash(password) };
  }
}

/**
 * Whether a new password is good enough. mas-cli asks zxcvbn (0..4); this is a rough rule that agrees on the plainly weak and the plainly
 * strong: at least eight characters, not one repeated word or run, and more the higher `minimum` is.
 */
export function isComplexEnough(password: string, minimum: number): boolean {
  if (minimum <= 0) return true;
  const distinct = new Set(password.toLowerCase()).size;
  const common = /^(password|passw0rd|qwerty|letmein|welcome|admin|test|hunter|secret|abc|123)[a-z]*[0-9!]*$/i.test(password);
  return !common && password.length >= 6 + minimum && distinct >= 3 + minimum;
}
