import { ProbeFailure } from './contract.ts';
import type { Probe, ProbeResponse } from './contract.ts';
import { at, expectEqual, expectStatus } from './expect.ts';

/** Clients find the homeserver, other servers find its federation port, and browsers of any origin may read both. */
export const wellKnown: Probe = {
  id: 'P02',
  title: 'well-known documents and CORS',
  classes: ['steady'],
  phases: ['legacy', 'delegated'],
  async run({ fetch, facts, phase }) {
    const { homeserver, issuer, apex, apexServed = true } = facts.urls;
    for (const base of new Set(apexServed ? [apex, homeserver] : [homeserver])) {
      const url = `${base}.well-known/matrix/client`;
      const client = await fetch(url);
      readable(client, url);
      expectEqual(withSlash(at(client.json(), 'm.homeserver', 'base_url')), homeserver, `m.homeserver of ${url}`);
      // For clients older than auth_metadata; in phase legacy it would send them to a MAS that is not there.
      expectEqual(at(client.json(), 'org.matrix.msc2965.authentication', 'issuer'), phase === 'delegated' ? issuer : undefined, `issuer in ${url}`);
      const server = await fetch(`${base}.well-known/matrix/server`);
      readable(server, `${base}.well-known/matrix/server`);
      const { hostname, port } = new URL(homeserver);
      expectEqual(at(server.json(), 'm.server'), `${hostname}:${port === '' ? '443' : port}`, `m.server of ${base}.well-known/matrix/server`);
    }
    const asked = await fetch(`${homeserver}_matrix/client/v3/account/whoami`, { method: 'OPTIONS', headers: {
      Origin: 'https://client.invalid', 'Access-Control-Request-Method': 'GET', 'Access-Control-Request-Headers': 'authorization' } });
    if (asked.status !== 200 && asked.status !== 204) throw new ProbeFailure(`OPTIONS of a client route answered ${asked.status}; expected 200 or 204`);
    expectEqual(asked.headers['access-control-allow-origin'], '*', 'Access-Control-Allow-Origin of a client route');
    if (!/(^|[\s,])authorization([\s,]|$)/i.test(asked.headers['access-control-allow-headers'] ?? '')) {
      throw new ProbeFailure('OPTIONS of a client route does not allow the header Authorization; expected it');
    }
    return apexServed ? 'documents on both hosts agree with the stack' : 'documents on the homeserver agree with the stack; those of the server name are served elsewhere';
  },
};

function readable(document: ProbeResponse, url: string): void {
  expectStatus(document, 200, url);
  expectEqual((document.headers['content-type'] ?? '').split(';')[0], 'application/json', `Content-Type of ${url}`);
  expectEqual(document.headers['access-control-allow-origin'], '*', `Access-Control-Allow-Origin of ${url}`);
}

/** Clients take both spellings. */
function withSlash(url: unknown): unknown {
  return typeof url === 'string' && !url.endsWith('/') ? `${url}/` : url;
}
