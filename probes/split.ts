import { ProbeFailure } from './contract.ts';
import type { Probe } from './contract.ts';
import { expectCode, expectStatus, onlyInJobs, told } from './expect.ts';
import { directFetch } from './fetch.ts';

/** The same request at the edge and at Synapse itself: only so is it seen who answers. */
export const split: Probe = {
  id: 'P05',
  title: 'edge and Synapse split the routes',
  classes: ['steady'],
  phases: ['legacy', 'delegated'],
  async run({ fetch, facts, phase, direct }) {
    const edge = facts.urls.homeserver.replace(/\/$/, '');
    // MAS calls it over the backend network; the public has nothing to do there in either phase.
    expectStatus(await fetch(`${edge}/_synapse/mas/is_localpart_available?localpart=x`), 404, '/_synapse/mas at the edge');
    if (direct === undefined) return onlyInJobs('Synapse itself');
    const login = '/_matrix/client/v3/login';
    expectStatus(await fetch(`${edge}${login}`), 200, `GET ${login} at the edge`);
    const behind = await directFetch(`${direct.synapse}${login}`);
    if (phase === 'legacy') {
      expectStatus(behind, 200, `GET ${login} at Synapse`);
      return 'login is answered by Synapse';
    }
    expectCode(behind, 404, 'M_UNRECOGNIZED', `GET ${login} at Synapse`);
    for (const route of ['logout', 'refresh']) {
      const path = `/_matrix/client/v3/${route}`;
      const asked = { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: '{}' };
      const atEdge = await fetch(`${edge}${path}`, asked);
      if (atEdge.status === 404 || atEdge.status >= 500) throw new ProbeFailure(`POST ${path} at the edge answered ${told(atEdge)}; expected MAS to refuse an empty request`);
      expectCode(await directFetch(`${direct.synapse}${path}`, asked), 404, 'M_UNRECOGNIZED', `POST ${path} at Synapse`);
    }
    return 'login, logout and refresh are answered by MAS, the rest by Synapse';
  },
};
