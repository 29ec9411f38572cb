import { createCipheriv, createDecipheriv, randomBytes, timingSafeEqual } from 'node:crypto';
import type { Context } from './context.ts';
import { Refusal } from './client-auth.ts';
import { html, type Request } from './wire.ts';
import { errorPage } from './pages.ts';

const HOUR = 3600;
const TWENTY_YEARS = 20 * 365 * 24 * HOUR;

interface Csrf { readonly expiration: number; readonly token: string }
interface SessionInfo { readonly current: string | null; readonly logged_out_at?: string }

/** Cookies of one request and those its answer sets: encrypted, HttpOnly, SameSite=Lax, Secure when the public base is https (crates/axum-utils/src/cookies.rs). */
export class Cookies {
  readonly #key: Buffer;
  readonly #attributes: string;
  readonly #received = new Map<string, string>();
  readonly #set = new Map<string, string>();

  constructor(context: Context, request: Request) {
    this.#key = context.cookieKey;
    const base = context.config.http.publicBase;
    this.#attributes = `; HttpOnly; SameSite=Lax${base.protocol === 'https:' ? '; Secure' : ''}; Path=${base.pathname}`;
    for (const pair of (request.headers.cookie ?? '').split(';')) {
      const equals = pair.indexOf('=');
      if (equals > 0) this.#received.set(pair.slice(0, equals).trim(), pair.slice(equals + 1).trim());
    }
  }

  #load(name: string): unknown {
    try {
      const bytes = Buffer.from(this.#received.get(name) ?? '', 'base64url');
      const decipher = createDecipheriv('aes-256-gcm', this.#key, bytes.subarray(0, 12));
      decipher.setAAD(Buffer.from(name));
      decipher.setAuthTag(bytes.subarray(-16));
      return JSON.parse(Buffer.concat([decipher.update(bytes.subarray(12, -16)), decipher.final()]).toString('utf8'));
    } catch {
      return undefined;
    }
  }

  #save(name: string, value: unknown, permanent: boolean): void {
    const nonce = randomBytes(12);
    const cipher = createCipheriv('aes-256-gcm', this.#key, nonce);
    cipher.setAAD(Buffer.from(name));
    const sealed = Buffer.concat([nonce, cipher.update(JSON.stringify(value), 'utf8'), cipher.final(), cipher.getAuthTag()]).toString('base64url');
    this.#set.set(name, `${name}=${sealed}${this.#attributes}${permanent ? `; Max-Age=${String(TWENTY_YEARS)}` : ''}`);
  }

  /** The token that forms must carry, with the cookie it is tied to renewed for an hour (crates/axum-utils/src/csrf.rs). */
  csrf(): string {
    const known = this.#load('csrf') as Csrf | undefined;
    const now = Math.floor(Date.now() / 1000);
    const token = known !== undefined && known.expiration > now ? known.token : randomBytes(32).toString('base64url');
    this.#save('csrf', { expiration: now + HOUR, token }, false);
    return token;
  }

  /** Refuses a form whose token is not the cookie's; with 500, because most handlers let the error through (the consent page makes it a 400). */
  verifyCsrf(sent: string | null | undefined, status = 500): void {
    const known = this.#load('csrf') as Csrf | undefined;
    const refuse = (reason: string): never => { throw new Refusal(html(status, errorPage(reason))); };
    if (typeof sent !== 'string') throw new Refusal({ status: 422, headers: { 'content-type': 'text/plain; charset=utf-8' }, body: 'Failed to deserialize form body: missing field `csrf`' });
    if (known === undefined) return refuse('Missing CSRF cookie');
    if (known.expiration <= Date.now() / 1000) return refuse('CSRF token expired');
    const [a, b] = [Buffer.from(known.token), Buffer.from(sent)];
    if (a.length !== b.length || !timingSafeEqual(a, b)) refuse('CSRF token mismatch');
  }

  /** Id of the browser session, if the cookie names one; the cookie is renewed. */
  sessionId(): string | undefined {
    const info = this.#load('session') as SessionInfo | undefined;
    this.#save('session', info ?? { current: null }, true);
    return info?.current ?? undefined;
  }

  /** Remembers this browser session, or that it ended. */
  setSession(id: string | undefined): void {
    this.#save('session', id === undefined ? { current: null, logged_out_at: new Date().toISOString() } : { current: id }, true);
  }

  /** `set-cookie` values of the answer. */
  get headers(): string[] {
    return [...this.#set.values()];
  }
}
