import { ProbeFailure } from './contract.ts';
import type { Probe } from './contract.ts';
import { authorizeUrl, publicClient } from './code-flow.ts';
import { at, told } from './expect.ts';

/** What must not be given: codes to addresses nobody registered, tokens for a password, answers about other people's tokens. */
export const refusals: Probe = {
  id: 'P27',
  title: 'refusals of MAS',
  classes: ['steady'],
  phases: ['delegated'],
  async run({ fetch, facts }) {
    const { issuer } = facts.urls;
    const client = publicClient(facts.clients);
    const post = (path: string, fields: { readonly [name: string]: string }): ReturnType<typeof fetch> => fetch(`${issuer}${path}`, {
      method: 'POST', headers: { 'Content-Type': 'application/x-www-form-urlencoded' }, body: new URLSearchParams(fields).toString() });
    if (client !== undefined) {
      const wrong = [changed(client.redirectUri, (url) => { url.pathname = `${url.pathname}/other`; }), ...(client.loopback ? [changed(client.redirectUri, (url) => { url.hostname = '127.0.0.2'; })] : ['https://elsewhere.example/callback'])];
      for (const redirect of wrong) {
        const answer = await fetch(authorizeUrl(issuer, { client_id: client.clientId, redirect_uri: redirect, state: 'x', scope: 'openid', code_challenge: 'x'.repeat(43) }));
        if (answer.status < 400 || answer.status >= 500) throw new ProbeFailure(`a redirect to ${redirect} that ${client.name} never registered answered ${answer.status}; expected a refusal`);
      }
      const granted = await post('oauth2/token', { grant_type: 'password', client_id: client.clientId, username: 'nobody', password: 'nothing' });
      if (granted.status !== 400 || at(granted.json(), 'error') !== 'unsupported_grant_type') throw new ProbeFailure(`the password grant answered ${told(granted)}; expected 400 unsupported_grant_type`);
    }
    const asked = await post('oauth2/introspect', { token: 'x' });
    if (asked.status !== 400 && asked.status !== 401) throw new ProbeFailure(`introspection by nobody answered ${told(asked)}; expected 400 or 401`);
    return client === undefined ? 'introspection by strangers' : 'foreign redirects, the password grant, introspection by strangers';
  },
};

function changed(uri: string, change: (url: URL) => void): string {
  const url = new URL(uri);
  change(url);
  return url.href;
}
