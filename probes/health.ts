import { ProbeFailure } from './contract.ts';
import type { Probe } from './contract.ts';
import { at, expectStatus } from './expect.ts';
import { directFetch } from './fetch.ts';

/** Says that processes run and their databases answer; the other probes say whether they work together. */
export const health: Probe = {
  id: 'P01',
  title: 'services answer',
  classes: ['steady'],
  phases: ['legacy', 'delegated'],
  async run({ fetch, facts, phase, direct }) {
    const versions = await fetch(`${facts.urls.homeserver}_matrix/client/versions`);
    expectStatus(versions, 200, 'GET /_matrix/client/versions');
    const list = at(versions.json(), 'versions');
    if (!Array.isArray(list) || list.length === 0) throw new ProbeFailure('GET /_matrix/client/versions names no version; expected at least one');
    if (direct === undefined) return 'the homeserver answers at the edge';
    expectStatus(await directFetch(`${direct.synapse}/health`), 200, 'Synapse /health');
    if (phase === 'legacy') return 'Synapse is healthy';
    expectStatus(await directFetch(`${direct.masInternal}/health`), 200, 'MAS /health');
    return 'Synapse and MAS are healthy';
  },
};
