import type { Served } from './server.ts';

/** An answer to a browser: pages are read, redirects are not followed. */
export interface Page { readonly status: number; readonly location: string | null; readonly csrf: string | undefined; readonly html: string; readonly headers: Headers }

/** A browser without scripts: a jar of cookies by name, and forms filled by hand. */
export class Browser {
  readonly #mas: Served;
  readonly #jar = new Map<string, string>();

  constructor(mas: Served) {
    this.#mas = mas;
  }

  get cookies(): ReadonlyMap<string, string> {
    return this.#jar;
  }

  /** Asks for a page, or posts a form to it. */
  async go(path: string, form?: Readonly<Record<string, string>>): Promise<Page> {
    const answer = await this.#mas.call(path, {
      ...(form === undefined ? {} : { form: { ...form } }),
      headers: { cookie: [...this.#jar].map(([name, value]) => `${name}=${value}`).join('; '), 'accept-language': 'en', 'user-agent': 'contract/1' },
    });
    for (const cookie of answer.headers.getSetCookie()) {
      const [pair = ''] = cookie.split(';');
      this.#jar.set(pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1));
    }
    return { status: answer.status, location: answer.headers.get('location'), csrf: /name="csrf" value="([^"]+)"/.exec(answer.text)?.[1], html: answer.text, headers: answer.headers };
  }

  /** Posts a form with the token that the page at this address shows. */
  async submit(path: string, form: Readonly<Record<string, string>> = {}): Promise<Page> {
    const page = await this.go(path);
    return this.go(path, { csrf: page.csrf ?? '', ...form });
  }

  /** Follows `/authorize` through login and consent; resolves to the address that the client would be called back on. */
  async authorize(url: string, username: string, password: string): Promise<URL> {
    let page = await this.go(url);
    for (let hop = 0; hop < 8; hop++) {
      const to = page.location;
      if (to === null) throw new Error(`expected a redirect, got ${String(page.status)}: ${page.html.slice(0, 300)}`);
      if (/^[a-z][a-z0-9+.-]*:/i.test(to) && !to.startsWith(this.#mas.base)) return new URL(to);
      const path = new URL(to, this.#mas.base).pathname;
      if (path === '/login') page = await this.submit(to, { username, password });
      else if (path.startsWith('/consent/')) page = await this.submit(to);
      else page = await this.go(to);
    }
    throw new Error('too many redirects');
  }
}
