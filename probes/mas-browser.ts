/** Walks MAS's pages as a browser without scripts: follows redirects, keeps cookies, sends forms back to their own address. */
import { ProbeFailure } from './contract.ts';
import type { ProbeFetch, ProbeResponse } from './contract.ts';
import { limiterPatience, limiterPause } from './session.ts';

export interface MasBrowser {
  /**
   * Goes from `/authorize` through login and consent.
   * @returns the address at which the client gets its answer; it is not visited.
   * @throws ProbeFailure where MAS shows a page that leads no further.
   */
  authorize(url: string, localpart: string, password: string): Promise<URL>;
  /** Ends the browser's own session, if one was begun. */
  signOut(): Promise<void>;
}

/** Pages between `/authorize` and the client; more means a loop. */
const mostPages = 8;

/** @param issuer MAS's public base: an address that does not begin with it is the client's. */
export function masBrowser(fetch: ProbeFetch, issuer: string): MasBrowser {
  const cookies = new Map<string, string>();
  let csrf = '';

  async function visit(url: string, form?: { readonly [field: string]: string }): Promise<ProbeResponse> {
    const answer = await fetch(url, { method: form === undefined ? 'GET' : 'POST',
      headers: { 'User-Agent': 'matrix-stack-probe/1', 'Accept-Language': 'en', Cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join('; '),
        ...(form === undefined ? {} : { 'Content-Type': 'application/x-www-form-urlencoded' }) },
      ...(form === undefined ? {} : { body: new URLSearchParams(form).toString() }) });
    for (const cookie of (answer.headers['set-cookie'] ?? '').split('\n')) {
      const pair = /^([^=;]+)=([^;]*)/.exec(cookie);
      if (pair?.[1] !== undefined) cookies.set(pair[1], pair[2] ?? '');
    }
    // Every form of a page carries the same token, which belongs to the cookie.
    csrf = /name="csrf"\s+value="([^"]+)"/.exec(answer.text)?.[1] ?? csrf;
    return answer;
  }

  /** The page tells the limiter from a wrong password in words only (translations/en.json of MAS 1.22.0, rate_limit_exceeded). */
  async function signIn(url: string, localpart: string, password: string): Promise<ProbeResponse> {
    const end = performance.now() + limiterPatience;
    for (;;) {
      const answer = await visit(url, { csrf, username: localpart, password });
      if (answer.status !== 200) return answer;
      if (!/too many requests/i.test(answer.text)) throw new ProbeFailure(`the login page refused ${localpart}; expected the password from before to do`);
      if (performance.now() > end) throw new ProbeFailure(`the login page lets ${localpart} in too rarely; expected one login in 20 s. Wait some minutes`);
      await new Promise((resolve) => setTimeout(resolve, limiterPause));
    }
  }

  return {
    async authorize(url, localpart, password) {
      let here = url;
      let answer = await visit(here);
      for (let page = 0; page < mostPages; page++) {
        const to = answer.headers['location'];
        const path = new URL(here).pathname;
        if (answer.status >= 300 && answer.status < 400 && to !== undefined) {
          const next = new URL(to, here);
          if (!next.href.startsWith(issuer)) return next;
          here = next.href;
          answer = await visit(here);
        } else if (answer.status !== 200 || csrf === '') {
          throw new ProbeFailure(`the page ${path} answered ${answer.status} without a form; expected a form or a redirect`);
        } else if (path.endsWith('/login')) {
          answer = await signIn(here, localpart, password);
        } else if (path.includes('/consent/')) {
          answer = await visit(here, { csrf });
          if (answer.status === 200) throw new ProbeFailure('the consent page led nowhere; expected a redirect to the client. MAS\'s policy refuses the client or its scopes');
        } else {
          throw new ProbeFailure(`MAS shows the page ${path}; expected login or consent`);
        }
      }
      throw new ProbeFailure(`MAS led through ${mostPages} pages and not back to the client`);
    },
    async signOut() {
      if (csrf !== '') await visit(`${issuer}logout`, { csrf });
    },
  };
}
