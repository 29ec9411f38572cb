import { randomInt } from 'node:crypto';
import { crc32 } from 'node:zlib';

/** What a token is, by its shape. */
export type TokenKind = 'access' | 'refresh' | 'compat-access' | 'compat-refresh' | 'personal';

const PREFIXES: Readonly<Record<TokenKind, string>> = { access: 'mat', refresh: 'mar', 'compat-access': 'mct', 'compat-refresh': 'mcr', personal: 'mpt' };
const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

/** Random letters and digits. */
export function alphanumeric(length: number): string {
  return Array.from({ length }, () => ALPHABET[randomInt(62)]).join('');
}

/** Least significant digit first, padded with zeros in front (crates/data-model/src/tokens.rs `base62_encode`). */
function base62(number: number): string {
  let text = '';
  for (let rest = number; rest > 0; rest = Math.floor(rest / 62)) text += ALPHABET[rest % 62];
  return text.padStart(6, '0');
}

/** `<prefix>_<30 characters>_<checksum>`. */
export function newToken(kind: TokenKind): string {
  const base = `${PREFIXES[kind]}_${alphanumeric(30)}`;
  return `${base}_${base62(crc32(base))}`;
}

/** Synapse's older tokens: a macaroon whose first packet says `location`. */
function looksLikeMacaroon(token: string): boolean {
  return /^[A-Za-z0-9_-]+$/.test(token) && Buffer.from(token, 'base64url').subarray(4, 13).toString('latin1') === 'location ';
}

/** The kind of a well-formed token, undefined for anything else. Tokens brought from Synapse count as compatibility tokens (`TokenType::check`). */
export function kindOf(token: string): TokenKind | undefined {
  if (token.startsWith('syt_') || looksLikeMacaroon(token)) return 'compat-access';
  if (token.startsWith('syr_')) return 'compat-refresh';
  const [prefix, random, checksum, ...rest] = token.split('_');
  if (rest.length > 0 || prefix === undefined || random?.length !== 30 || checksum?.length !== 6) return undefined;
  const kind = (Object.keys(PREFIXES) as TokenKind[]).find((candidate) => PREFIXES[candidate] === prefix);
  return kind !== undefined && base62(crc32(`${prefix}_${random}`)) === checksum ? kind : undefined;
}
