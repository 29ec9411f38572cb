import { ProbeFailure } from './contract.ts';
import type { Probe } from './contract.ts';
import { expectStatus, textAt } from './expect.ts';
import { ensureProbePeople } from './people.ts';
import { askMatrix, expectEnded, expectWhoami, logIn, logOut, newDeviceId } from './session.ts';

/** Clients that know only Matrix's own login: password, refresh, logout. One password login. */
export const password: Probe = {
  id: 'P17',
  title: 'password login, refresh, logout',
  classes: ['steady'],
  phases: ['legacy', 'delegated'],
  async run(context) {
    const people = await ensureProbePeople(context);
    const session = await logIn(context, people.a, context.secrets.probePassword, newDeviceId());
    let token = session.accessToken;
    let refreshed = false;
    try {
      await expectWhoami(context, session, 'the new token');
      if (session.refreshToken !== undefined) {
        const answer = await askMatrix(context, 'v3/refresh', { body: { refresh_token: session.refreshToken } });
        expectStatus(answer, 200, 'refresh');
        token = textAt(answer.json(), 'access_token');
        await expectWhoami(context, { ...session, accessToken: token }, 'the refreshed token');
        refreshed = true;
      } else if (context.phase === 'delegated') {
        throw new ProbeFailure('the login gave no refresh token though one was asked for; expected one from MAS');
      }
    } finally {
      await logOut(context, token);
    }
    await expectEnded(context, token, 'a token that was logged out');
    return `${people.a} logged in${refreshed ? ', refreshed' : ''} and out`;
  },
};

/**
 * The gate of a rollback: a password from before still logs in. In phase delegated the gate proves the password by the code
 * flow (P11), so that gate and full run together stay within three logins, which is what MAS lets one address do at once.
 */
export const passwordGate: Probe = {
  id: 'P17',
  title: 'old password',
  classes: ['gate'],
  phases: ['legacy'],
  async run(context) {
    const people = await ensureProbePeople(context);
    const session = await logIn(context, people.a, context.secrets.probePassword, newDeviceId());
    await logOut(context, session.accessToken);
    return `${people.a} logged in and out`;
  },
};
