import { randomBytes } from 'node:crypto';
import { ProbeFailure } from './contract.ts';
import type { Probe } from './contract.ts';
import { at, expectStatus, told } from './expect.ts';
import { directFetch } from './fetch.ts';

/** MAS and Synapse hold the same secret: with two, both are healthy and every client gets 503. */
export const secretParity: Probe = {
  id: 'P06',
  title: 'MAS and Synapse trust each other',
  classes: ['gate', 'steady'],
  phases: ['delegated'],
  async run({ fetch, facts, secrets, direct }) {
    // New each time: Synapse keeps the answer about a token for two minutes (synapse/api/auth/mas.py).
    const bogus = `mct_${randomBytes(24).toString('base64url')}`;
    const asked = await fetch(`${facts.urls.homeserver}_matrix/client/v3/account/whoami`, { headers: { Authorization: `Bearer ${bogus}` } });
    if (asked.status === 503) throw new ProbeFailure(`a token nobody has got ${told(asked)}; expected 401. MAS is down, or it has another matrix secret than Synapse`);
    if (asked.status !== 401 || at(asked.json(), 'errcode') !== 'M_UNKNOWN_TOKEN') throw new ProbeFailure(`a token nobody has got ${told(asked)}; expected 401 M_UNKNOWN_TOKEN`);
    if (at(asked.json(), 'error') !== 'Token is not active') throw new ProbeFailure(`a token nobody has got ${told(asked)}; expected "Token is not active", which Synapse says after it asked MAS`);
    if (direct === undefined) return 'Synapse asks MAS about tokens; the other direction is checked in jobs of the stack';
    const back = await directFetch(`${direct.synapse}/_synapse/mas/is_localpart_available?localpart=${randomBytes(12).toString('hex')}`, { headers: { Authorization: `Bearer ${secrets.matrixSecret}` } });
    if (back.status === 403) throw new ProbeFailure('Synapse refused the matrix secret (403); expected 200. It runs with another secret');
    if (back.status === 404) throw new ProbeFailure('Synapse has no /_synapse/mas (404); expected 200. It runs in phase legacy');
    expectStatus(back, 200, '/_synapse/mas/is_localpart_available');
    return 'both directions are trusted';
  },
};
