import { ProbeFailure } from './contract.ts';
import type { Probe } from './contract.ts';
import { at, expectStatus } from './expect.ts';

/** Flows that must be there, and those that may be (upstream providers). */
const flowsOf = {
  /** synapse/rest/client/login.py: the appservice flow is always listed. */
  legacy: { all: ['m.login.password', 'm.login.application_service'], some: ['m.login.sso', 'm.login.token'] },
  /** MAS crates/handlers/src/compat/login.rs. */
  delegated: { all: ['m.login.password', 'm.login.sso', 'm.login.token'], some: [] },
} as const satisfies { readonly [phase: string]: { readonly all: readonly string[]; readonly some: readonly string[] } };

/** The edge sends login to the side that is live: the two answer differently. Proves routing, not logins. */
export const loginFlows: Probe = {
  id: 'P04',
  title: 'login flows at the edge',
  classes: ['gate', 'steady'],
  phases: ['legacy', 'delegated'],
  async run({ fetch, facts, phase }) {
    const found = await Promise.all(['v3', 'r0'].map(async (version) => {
      const answer = await fetch(`${facts.urls.homeserver}_matrix/client/${version}/login`);
      expectStatus(answer, 200, `GET /_matrix/client/${version}/login`);
      return flowsIn(answer.json());
    }));
    const expected: { readonly all: readonly string[]; readonly some: readonly string[] } = flowsOf[phase];
    for (const flows of found) {
      const types = flows.map((flow) => String(at(flow, 'type'))).sort();
      const wrong = [...expected.all.filter((type) => !types.includes(type)), ...types.filter((type) => !expected.all.includes(type) && !expected.some.includes(type))];
      if (wrong.length > 0) throw new ProbeFailure(`login flows are ${types.join(', ')}; expected ${expected.all.join(', ')} in phase ${phase}`);
      const aware = flows.some((flow) => at(flow, 'oauth_aware_preferred') === true || at(flow, 'org.matrix.msc3824.delegated_oidc_compatibility') === true);
      if (aware !== (phase === 'delegated')) throw new ProbeFailure(`m.login.sso ${aware ? 'sends' : 'does not send'} newer clients to OAuth; expected the opposite in phase ${phase}`);
    }
    return found[0]?.map((flow) => String(at(flow, 'type'))).join(', ') ?? '';
  },
};

/** @throws ProbeFailure where there is no list. */
export function flowsIn(document: unknown): readonly unknown[] {
  const flows = at(document, 'flows');
  if (!Array.isArray(flows)) throw new ProbeFailure('the login answer has no list of flows');
  return flows;
}
