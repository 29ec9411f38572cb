/** Makes the secrets of a stack: each from the operating system's random source, in the form its reader wants. */
import { generateKeyPair, randomBytes } from 'node:crypto';
import { promisify } from 'node:util';
import type { OwnSecret } from '../model/names.ts';
import { createCertificates } from './certificates.ts';

const keyPair = promisify(generateKeyPair);

/** Letters and digits only: they stand in URLs, YAML, nginx and SQL without quoting. */
const hex = (bytes: number): string => randomBytes(bytes).toString('hex');

/** A line of Synapse's signing key file: algorithm, version, unpadded base64 of the seed (signedjson/key.py). */
function signingKeyLine(): string {
  return `ed25519 a_${randomBytes(2).toString('hex')} ${randomBytes(32).toString('base64').replaceAll('=', '')}`;
}

async function rsaPem(): Promise<string> {
  const { privateKey } = await keyPair('rsa', { modulusLength: 2048, publicKeyEncoding: { type: 'spki', format: 'pem' }, privateKeyEncoding: { type: 'pkcs8', format: 'pem' } });
  return privateKey;
}

async function ecPem(): Promise<string> {
  const { privateKey } = await keyPair('ec', { namedCurve: 'P-256', publicKeyEncoding: { type: 'spki', format: 'pem' }, privateKeyEncoding: { type: 'pkcs8', format: 'pem' } });
  return privateKey;
}

/**
 * @param wanted names to make.
 * @param stack names the certificate authority.
 * @param hosts names that the certificate is for.
 */
export async function createSecrets(wanted: readonly OwnSecret[], stack: string, hosts: readonly string[]): Promise<ReadonlyMap<OwnSecret, string>> {
  const made = new Map<OwnSecret, string>();
  const tls = wanted.some((name) => name.startsWith('tls')) ? await createCertificates(`matrix-stack ${stack}`, hosts, new Date()) : undefined;
  for (const name of wanted) {
    switch (name) {
      case 'synapseSigningKey': made.set(name, signingKeyLine()); break;
      case 'masSigningRsa': made.set(name, await rsaPem()); break;
      case 'masSigningEc': made.set(name, await ecPem()); break;
      case 'tlsCaKey': made.set(name, tls?.caKey ?? ''); break;
      case 'tlsCaCertificate': made.set(name, tls?.caCertificate ?? ''); break;
      case 'tlsServerKey': made.set(name, tls?.serverKey ?? ''); break;
      case 'tlsServerCertificate': made.set(name, tls?.serverCertificate ?? ''); break;
      // MAS wants exactly 32 bytes as 64 hex digits (crates/config/src/sections/secrets.rs).
      default: made.set(name, hex(32));
    }
  }
  return made;
}
