import { randomBytes } from 'node:crypto';

const CROCKFORD = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';

/** A new ULID as the UUID that MAS stores: 48 bits of milliseconds, then 80 random bits. */
export function newId(milliseconds: number = Date.now()): string {
  const bytes = randomBytes(16);
  bytes.writeUIntBE(Math.max(0, Math.floor(milliseconds)), 0, 6);
  const hex = bytes.toString('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

/** The ULID spelling of a stored UUID. */
export function ulidOf(uuid: string): string {
  let number = BigInt(`0x${uuid.replaceAll('-', '')}`);
  let text = '';
  for (let digit = 0; digit < 26; digit++) {
    text = (CROCKFORD[Number(number & 31n)] ?? '0') + text;
    number >>= 5n;
  }
  return text;
}

/** The UUID of a ULID, or undefined when the text is not one (or exceeds 128 bits). */
export function uuidOf(ulid: string): string | undefined {
  if (!/^[0-7][0-9A-HJKMNP-TV-Z]{25}$/i.test(ulid)) return undefined;
  let number = 0n;
  for (const character of ulid.toUpperCase()) number = (number << 5n) | BigInt(CROCKFORD.indexOf(character));
  const hex = number.toString(16).padStart(32, '0');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

/** The moment held in an id. */
export function timeOf(uuid: string): Date {
  return new Date(parseInt(uuid.replaceAll('-', '').slice(0, 12), 16));
}
