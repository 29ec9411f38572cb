import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';

/** Encrypts client secrets at rest: ChaCha20-Poly1305, base64 of nonce, text and tag (crates/keystore/src/encrypter.rs). */
export class Encrypter {
  readonly #key: Buffer;

  constructor(key: Buffer) {
    this.#key = key;
  }

  /** A fresh nonce each time, so the same secret never gives the same text. */
  encrypt(plain: string): string {
    const nonce = randomBytes(12);
    const cipher = createCipheriv('chacha20-poly1305', this.#key, nonce, { authTagLength: 16 });
    return Buffer.concat([nonce, cipher.update(plain, 'utf8'), cipher.final(), cipher.getAuthTag()]).toString('base64');
  }

  /** Throws when the text was made with another key. */
  decrypt(encrypted: string): string {
    const bytes = Buffer.from(encrypted, 'base64');
    const decipher = createDecipheriv('chacha20-poly1305', this.#key, bytes.subarray(0, 12), { authTagLength: 16 });
    decipher.setAuthTag(bytes.subarray(-16));
    return Buffer.concat([decipher.update(bytes.subarray(12, -16)), decipher.final()]).toString('utf8');
  }
}
