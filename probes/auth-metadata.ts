import { isDeepStrictEqual } from 'node:util';
import { ProbeFailure } from './contract.ts';
import type { Probe } from './contract.ts';
import { at, expectEqual, expectStatus } from './expect.ts';

/** Members without which matrix-js-sdk refuses the document (src/oauth/validate.ts, 43.0.0). */
const endpoints = ['authorization_endpoint', 'token_endpoint', 'revocation_endpoint', 'registration_endpoint'] as const;
const lists = { response_types_supported: ['code'], grant_types_supported: ['authorization_code', 'refresh_token'], code_challenge_methods_supported: ['S256'], response_modes_supported: ['query', 'fragment'] } as const;

/** Clients of every age find the same authorization server, or none in phase legacy. */
export const authMetadata: Probe = {
  id: 'P03',
  title: 'authorization server metadata',
  classes: ['steady'],
  phases: ['legacy', 'delegated'],
  async run({ fetch, facts, phase }) {
    const { homeserver, issuer } = facts.urls;
    const places = [`${homeserver}_matrix/client/v1/auth_metadata`, `${homeserver}_matrix/client/unstable/org.matrix.msc2965/auth_metadata`, `${issuer}.well-known/openid-configuration`];
    const answers = await Promise.all(places.map(async (place) => ({ place, answer: await fetch(place) })));
    for (const { place, answer } of answers) expectStatus(answer, phase === 'delegated' ? 200 : 404, place);
    if (phase === 'legacy') return 'no authorization server is announced';
    const [stable, ...others] = answers.map(({ place, answer }) => ({ place, document: answer.json() }));
    const document = stable?.document;
    expectEqual(at(document, 'issuer'), issuer, `issuer of ${places[0] ?? ''}`);
    for (const name of endpoints) {
      const found = at(document, name);
      if (typeof found !== 'string' || !found.startsWith(issuer)) throw new ProbeFailure(`${name} is ${JSON.stringify(found) ?? 'missing'}; expected a URL under ${issuer}`);
    }
    for (const [name, wanted] of Object.entries(lists)) {
      const found = at(document, name);
      const missing = wanted.filter((value) => !Array.isArray(found) || !found.includes(value));
      if (missing.length > 0) throw new ProbeFailure(`${name} lacks ${missing.join(', ')}; clients expect it`);
    }
    for (const other of others) {
      if (!isDeepStrictEqual(other.document, document)) throw new ProbeFailure(`${other.place} differs from ${places[0] ?? ''}; expected the same document (Synapse keeps MAS's document until it is restarted)`);
    }
    return `issuer ${issuer} in all three places`;
  },
};
