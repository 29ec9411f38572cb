import { ProbeFailure } from './contract.ts';
import type { Probe, ProbeResponse } from './contract.ts';
import { at, expectEqual, expectStatus, textAt, told } from './expect.ts';

/** Clients may register themselves exactly where the stack says so. What they register is kept once, however often they ask. */
export const dynamicRegistration: Probe = {
  id: 'P16',
  title: 'dynamic client registration',
  classes: ['steady'],
  phases: ['delegated'],
  async run({ fetch, facts }) {
    const home = facts.urls.element ?? facts.urls.homeserver;
    const ask = (body: object): Promise<ProbeResponse> => fetch(`${facts.urls.issuer}oauth2/registration`, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) });
    const client = { client_name: 'matrix-stack probe', client_uri: home, application_type: 'native', token_endpoint_auth_method: 'none',
      grant_types: ['authorization_code', 'refresh_token'], response_types: ['code'], redirect_uris: ['http://127.0.0.1/', 'http://[::1]/'] };
    const first = await ask(client);
    const closed = first.status === 403 && at(first.json(), 'error') === 'access_denied';
    const { dynamicRegistration: wanted } = facts;
    if (wanted !== undefined && wanted === closed) throw new ProbeFailure(`registration answered ${told(first)}; expected it to be ${wanted ? 'open' : 'closed'} (matrix:registration.dynamic)`);
    if (closed) return 'closed by the stack';
    expectStatus(first, 201, 'registration of a native client');
    const second = await ask(client);
    expectStatus(second, 201, 'the same registration again');
    expectEqual(textAt(second.json(), 'client_id'), textAt(first.json(), 'client_id'), 'client id of the same registration');
    const refused: { readonly [what: string]: object } = {
      'a redirect to another host': { ...client, application_type: 'web', redirect_uris: ['https://elsewhere.example/callback'] },
      'no client_uri': { ...client, client_uri: undefined },
      'a web client on localhost': { ...client, application_type: 'web', redirect_uris: ['http://localhost/callback'] },
    };
    for (const [what, body] of Object.entries(refused)) expectStatus(await ask(body), 400, `registration with ${what}`);
    return 'one id for the same client; foreign redirects are refused';
  },
};
