import { createHash, randomBytes, randomInt } from 'node:crypto';
import { ProbeFailure } from './contract.ts';
import type { Probe, ProbeContext } from './contract.ts';
import { expectEqual, expectStatus, textAt } from './expect.ts';
import { masBrowser } from './mas-browser.ts';
import { ensureProbePeople } from './people.ts';
import { expectWhoami, newDeviceId } from './session.ts';

/** What a native client does: authorization code with PKCE, a loopback redirect on a random port, and a device of its own. One password login. */
export const codeFlow: Probe = {
  id: 'P11',
  title: 'login of a native client',
  classes: ['gate', 'steady'],
  phases: ['delegated'],
  async run(context) {
    const { fetch, facts, secrets } = context;
    const client = publicClient(facts.clients);
    if (client === undefined) return 'not checked: the stack has no public client';
    const people = await ensureProbePeople(context);
    const state = randomBytes(16).toString('base64url');
    const verifier = randomBytes(32).toString('base64url');
    const deviceId = newDeviceId();
    const browser = masBrowser(fetch, facts.urls.issuer);
    const request = authorizeUrl(facts.urls.issuer, { client_id: client.clientId, redirect_uri: client.redirectUri, state,
      scope: `openid urn:matrix:client:api:* urn:matrix:client:device:${deviceId}`, code_challenge: createHash('sha256').update(verifier).digest('base64url') });
    const back = await browser.authorize(request, people.a, secrets.probePassword);
    try {
      const answer = back.searchParams;
      if (answer.has('error')) throw new ProbeFailure(`MAS answered the client with ${answer.get('error') ?? ''} ${JSON.stringify(answer.get('error_description') ?? '')}; expected a code`);
      expectEqual(`${back.origin}${back.pathname}`, originAndPath(client.redirectUri), 'address of the client');
      if (answer.get('state') !== state) throw new ProbeFailure('MAS gave the client another state than it sent; expected the same');
      const exchanged = await token(context, { grant_type: 'authorization_code', client_id: client.clientId, redirect_uri: client.redirectUri, code: answer.get('code') ?? '', code_verifier: verifier });
      expectStatus(exchanged, 200, 'exchange of the code');
      const accessToken = textAt(exchanged.json(), 'access_token');
      try {
        textAt(exchanged.json(), 'refresh_token');
        if (!textAt(exchanged.json(), 'scope').split(' ').includes(`urn:matrix:client:device:${deviceId}`)) throw new ProbeFailure('the token lacks the device that was asked for; expected it among the scopes');
        await expectWhoami(context, { userId: `@${people.a}:${facts.serverName}`, deviceId, accessToken }, 'the token of the code flow');
      } finally {
        const revoked = await form(context, 'oauth2/revoke', { client_id: client.clientId, token: accessToken });
        expectStatus(revoked, 200, 'revocation');
      }
    } finally {
      await browser.signOut();
    }
    return `${people.a} by ${client.name} with ${client.loopback ? 'a loopback redirect' : 'its redirect'}, device as asked for`;
  },
};

interface PublicClient {
  readonly name: string;
  readonly clientId: string;
  readonly redirectUri: string;
  readonly loopback: boolean;
}

/** A loopback client on a random port, else any public one: nobody listens at the redirect, its address is the answer. */
export function publicClient(clients: ProbeContext['facts']['clients']): PublicClient | undefined {
  const open = clients.filter((client) => client.authMethod === 'none');
  for (const { name, clientId, redirectUris } of open) {
    const registered = redirectUris.find((uri) => uri.startsWith('http://127.0.0.1/'));
    if (registered === undefined) continue;
    const url = new URL(registered);
    url.port = String(randomInt(10_000, 60_000));
    return { name, clientId, redirectUri: url.href, loopback: true };
  }
  return open.flatMap(({ name, clientId, redirectUris: [redirectUri] }) => (redirectUri === undefined ? [] : [{ name, clientId, redirectUri, loopback: false }]))[0];
}

export function authorizeUrl(issuer: string, parameters: { readonly [name: string]: string }): string {
  return `${issuer}authorize?${new URLSearchParams({ response_type: 'code', response_mode: 'query', code_challenge_method: 'S256', ...parameters }).toString()}`;
}

function originAndPath(uri: string): string {
  const { origin, pathname } = new URL(uri);
  return `${origin}${pathname}`;
}

function token(context: ProbeContext, fields: { readonly [name: string]: string }): ReturnType<ProbeContext['fetch']> {
  return form(context, 'oauth2/token', fields);
}

function form({ fetch, facts }: ProbeContext, path: string, fields: { readonly [name: string]: string }): ReturnType<ProbeContext['fetch']> {
  return fetch(`${facts.urls.issuer}${path}`, { method: 'POST', headers: { 'Content-Type': 'application/x-www-form-urlencoded' }, body: new URLSearchParams(fields).toString() });
}
