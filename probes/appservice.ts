import { ProbeFailure } from './contract.ts';
import type { Probe } from './contract.ts';
import { at, expectEqual, expectStatus } from './expect.ts';
import { askMatrix } from './session.ts';

/** Bridges keep their own tokens, which Synapse checks by itself in both phases. */
export const appservice: Probe = {
  id: 'P19',
  title: 'application services',
  classes: ['gate', 'steady'],
  phases: ['legacy', 'delegated'],
  async run(context) {
    const { facts, secrets } = context;
    await Promise.all(facts.appservices.map(async ({ id, senderLocalpart }) => {
      const token = secrets.asTokens[id];
      if (token === undefined) throw new ProbeFailure(`there is no token for application service ${id}; expected one in the secrets of the job`);
      const answer = await askMatrix(context, 'v3/account/whoami', { token });
      expectStatus(answer, 200, `whoami of application service ${id}`);
      expectEqual(at(answer.json(), 'user_id'), `@${senderLocalpart}:${facts.serverName}`, `user of application service ${id}`);
    }));
    return facts.appservices.length === 0 ? 'the stack has none' : facts.appservices.map(({ id }) => id).join(', ');
  },
};
