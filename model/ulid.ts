import { createHash } from 'node:crypto';

/** Crockford base32: no I, L, O, U. */
const alphabet = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';

/** What MAS takes as a client or provider id (its config.schema.json), narrowed to ids that fit 128 bits. */
export const ulidPattern = /^[0-7][0-9A-HJKMNP-TV-Z]{25}$/;

/**
 * ULID that follows from its parts: the same parts give the same id in every stack and for ever.
 * @param parts what names the thing, e.g. kind, server name and entry name.
 */
export function derivedUlid(...parts: readonly string[]): string {
  let bits = BigInt(`0x${createHash('sha256').update(parts.join('\0')).digest('hex').slice(0, 32)}`);
  let text = '';
  for (let index = 0; index < 26; index++) {
    text = `${alphabet[Number(bits & 31n)] ?? ''}${text}`;
    bits >>= 5n;
  }
  return text;
}
