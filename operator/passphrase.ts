/**
 * Encrypts config values as Pulumi's passphrase provider does, so that many take one key derivation instead of one each
 * (0.4 s a value through `pulumi config set`). Format: pulumi 3.259, sdk/go/common/resource/config/crypt.go and
 * pkg/secrets/passphrase/manager.go.
 */
import { createCipheriv, createDecipheriv, pbkdf2, randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';

export type Encrypt = (value: string) => string;

const iterations = 1_000_000;
const cipher = 'aes-256-gcm';
/** AES-GCM appends its tag to the text. */
const tagLength = 16;

/**
 * @param salt `encryptionsalt` of the stack's file: `v1:SALT:v1:NONCE:TEXT`, where the text is the word "pulumi".
 * @returns null when this is no passphrase stack, or the environment holds no passphrase that fits.
 */
export async function passphraseEncrypt(salt: unknown, environment: NodeJS.ProcessEnv): Promise<Encrypt | null> {
  const passphrase = environment['PULUMI_CONFIG_PASSPHRASE'] ?? await fileOf(environment['PULUMI_CONFIG_PASSPHRASE_FILE']);
  const [version, bytes, ...check] = typeof salt === 'string' ? salt.split(':') : [];
  if (passphrase === null || version !== 'v1' || bytes === undefined) return null;
  const key = await promisify(pbkdf2)(passphrase, Buffer.from(bytes, 'base64'), iterations, 32, 'sha256');
  if (decrypt(key, check) !== 'pulumi') return null;
  return (value) => {
    const nonce = randomBytes(12);
    const sealing = createCipheriv(cipher, key, nonce);
    const text = Buffer.concat([sealing.update(value, 'utf8'), sealing.final(), sealing.getAuthTag()]);
    return `v1:${nonce.toString('base64')}:${text.toString('base64')}`;
  };
}

async function fileOf(path: string | undefined): Promise<string | null> {
  return path === undefined ? null : (await readFile(path, 'utf8')).trim();
}

/** @returns null when the key does not open it. */
function decrypt(key: Buffer, [version, nonce, text]: readonly string[]): string | null {
  if (version !== 'v1' || nonce === undefined || text === undefined) return null;
  const sealed = Buffer.from(text, 'base64');
  const opening = createDecipheriv(cipher, key, Buffer.from(nonce, 'base64'), { authTagLength: tagLength });
  opening.setAuthTag(sealed.subarray(-tagLength));
  try {
    return Buffer.concat([opening.update(sealed.subarray(0, -tagLength)), opening.final()]).toString();
  } catch {
    return null;
  }
}
