import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import { readFileSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { calculateJwkThumbprint, type JWK } from 'jose';
import { CommandError, withContext } from '../cli/errors.ts';
import { fromWorkingDirectory } from './load.ts';
import type { DatabaseConfig, Given, KeyConfig, PasswordAlgorithm, PasswordsConfig, SecretsConfig } from './sections.ts';

function readRaw(path: string): Buffer {
  try {
    return readFileSync(fromWorkingDirectory(path));
  } catch (error) {
    // std::io::Error's text for the two cases an operator meets.
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'ENOENT') throw new CommandError('No such file or directory (os error 2)');
    if (code === 'EACCES') throw new CommandError('Permission denied (os error 13)');
    throw error;
  }
}

/** Trimmed when it comes from a file: `matrix.secret_file`, `client_secret_file` (matrix.rs `secret`, mod.rs `ClientSecret::value`). */
export function trimmedSecret(given: Given): string {
  return given.kind === 'inline' ? given.text : readRaw(given.path).toString('utf8').trim();
}

/** The database password; its file is trimmed (crates/cli/src/util.rs). */
export function databasePassword(config: DatabaseConfig): string | undefined {
  if (config.passwordFile === undefined) return config.password;
  try {
    return readRaw(config.passwordFile).toString('utf8').trim();
  } catch (error) {
    throw withContext('could not read database password file', error);
  }
}

/** The 32 bytes of `secrets.encryption`. The file is NOT trimmed, so a final newline is an error (secrets.rs `encryption`). */
export function encryptionKey(config: SecretsConfig): Buffer {
  if (config.encryption.kind === 'inline') return Buffer.from(config.encryption.text, 'hex');
  const content = readRaw(config.encryption.path).toString('latin1');
  const failed = (reason: string): CommandError =>
    withContext('Content of `encryption_file` must contain hex characters encoding exactly 32 bytes', new CommandError(reason));
  if (content.length % 2 === 1) throw failed('Odd number of digits');
  if (content.length !== 64) throw failed('Invalid string length');
  const bad = /[^0-9a-fA-F]/.exec(content);
  if (bad !== null) throw failed(`Invalid character ${JSON.stringify(bad[0]).replaceAll('"', "'")} at position ${String(bad.index)}`);
  return Buffer.from(content, 'hex');
}

/** A password scheme with its pepper read. The file is read raw, NOT trimmed (passwords.rs `load`). */
export interface LoadedScheme {
  readonly version: number;
  readonly algorithm: PasswordAlgorithm;
  readonly cost?: number;
  readonly secret?: Buffer;
  readonly unicodeNormalization: boolean;
}

/** The schemes, highest version first. */
export function loadSchemes(config: PasswordsConfig): LoadedScheme[] {
  const schemes = [...config.schemes].sort((a, b) => b.version - a.version);
  if (new Set(schemes.map((scheme) => scheme.version)).size !== schemes.length) throw new CommandError('Multiple password schemes have the same versions');
  if (schemes.length === 0) throw new CommandError('Requires at least one password scheme in the config');
  return schemes.map(({ secret, secretFile, ...scheme }) => {
    if (secret !== undefined && secretFile !== undefined) throw new CommandError('Cannot specify both `secret` and `secret_file`');
    return { ...scheme, secret: secret !== undefined ? Buffer.from(secret) : secretFile !== undefined ? readRaw(secretFile) : undefined };
  });
}

/** A signing key with its public half as a JWK. */
export interface SigningKey { readonly kid: string; readonly key: KeyObject; readonly publicJwk: JWK; readonly algorithms: readonly string[] }

const EC_ALGORITHMS: Record<string, string> = { prime256v1: 'ES256', secp384r1: 'ES384', secp256k1: 'ES256K' };

async function loadKey(config: KeyConfig): Promise<SigningKey> {
  const raw = config.key.kind === 'inline' ? Buffer.from(config.key.text) : readRaw(config.key.path);
  const passphrase = config.password === undefined ? undefined
    : config.password.kind === 'inline' ? Buffer.from(config.password.text) : readRaw(config.password.path);
  let key: KeyObject;
  try {
    key = raw.includes('-----BEGIN') ? createPrivateKey({ key: raw, format: 'pem', passphrase }) : createPrivateKey({ key: raw, format: 'der', type: 'pkcs8', passphrase });
  } catch {
    throw new CommandError('Unknown key format');
  }
  const curve = key.asymmetricKeyDetails?.namedCurve;
  const algorithms = key.asymmetricKeyType === 'rsa' ? ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'] : [EC_ALGORITHMS[curve ?? ''] ?? 'none'];
  const jwk = createPublicKey(key).export({ format: 'jwk' }) as JWK;
  const kid = config.kid ?? await calculateJwkThumbprint(jwk, 'sha256');
  return { kid, key, algorithms, publicJwk: { ...jwk, kid, use: 'sig' } };
}

/** All signing keys: those of `keys_dir` first, then `keys` (secrets.rs `key_configs`). */
export async function loadSigningKeys(config: SecretsConfig): Promise<SigningKey[]> {
  try {
    const folder = config.keysDir === undefined ? undefined : fromWorkingDirectory(config.keysDir);
    const files = folder === undefined ? [] : readdirSync(folder).map((name) => join(folder, name)).filter((path) => statSync(path).isFile());
    const fromFolder = files.map((path): KeyConfig => ({ key: { kind: 'file', path } }));
    return await Promise.all([...fromFolder, ...config.keys].map(loadKey));
  } catch (error) {
    throw withContext('could not import keys from config', error);
  }
}
