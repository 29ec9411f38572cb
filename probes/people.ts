/**
 * The two probe people of a stack. They are made once and kept, have no rights, are in no room, and no statistic counts them.
 * a: logs in and out again. b: keeps one session from before the move, as everybody else's sessions are.
 */
import { createHash, createHmac } from 'node:crypto';
import { ProbeFailure } from './contract.ts';
import type { ProbeContext, ProbeResponse } from './contract.ts';
import { at, expectStatus, textAt } from './expect.ts';
import { directFetch } from './fetch.ts';
import { withMasAdmin } from './mas-admin.ts';
import { expectWhoami, logIn } from './session.ts';

/** Localparts that statistics leave out, as SQL `LIKE` pattern. Synapse allows no leading underscore. */
export const probePeoplePattern = 'matrix-stack-probe-%';

/** Device of the session that person b keeps. */
export const keptDevice = 'MATRIXSTACKPROBE';

export interface ProbePeople {
  readonly a: string;
  readonly b: string;
}

/**
 * Localparts of the probe people. They follow from the password: a copy of this data in another stack has another one and could
 * not set it, so it gets people of its own. The name shows 32 bits of a hash of a random secret.
 */
export function probePeople(probePassword: string): ProbePeople {
  const mark = createHash('sha256').update(`matrix-stack probe people\0${probePassword}`).digest('hex').slice(0, 8);
  const prefix = probePeoplePattern.slice(0, -1);
  return { a: `${prefix}${mark}-a`, b: `${prefix}${mark}-b` };
}

const ensured = new WeakMap<ProbeContext['secrets'], { [phase: string]: Promise<ProbePeople> }>();

/**
 * Makes the probe people where they are missing: by Synapse's registration secret in phase legacy, by MAS's admin API in
 * phase delegated. In phase legacy person b also gets the session that is kept. Idempotent and once per run; outside jobs
 * nothing is made.
 * @throws ProbeFailure when the server refuses to make them.
 */
export function ensureProbePeople(context: ProbeContext): Promise<ProbePeople> {
  const known = ensured.get(context.secrets) ?? {};
  ensured.set(context.secrets, known);
  const made = known[context.phase] ??= make(context);
  // A failure is not kept: the next run tries again.
  made.catch(() => { delete known[context.phase]; });
  return made;
}

async function make(context: ProbeContext): Promise<ProbePeople> {
  const people = probePeople(context.secrets.probePassword);
  if (context.direct === undefined) return people;
  const present = await peoplePresent(context, people);
  for (const localpart of [people.a, people.b]) {
    if (!present.has(localpart)) await (context.phase === 'legacy' ? registerAtSynapse(context, localpart) : registerAtMas(context, localpart));
  }
  if (context.phase === 'legacy') await keepSession(context, people.b);
  return people;
}

async function peoplePresent({ sql, facts }: ProbeContext, people: ProbePeople): Promise<ReadonlySet<string>> {
  if (sql === undefined) return new Set();
  const names = [people.a, people.b].map((localpart) => `@${localpart}:${facts.serverName}`);
  const rows = await sql.synapse('SELECT name FROM users WHERE name = ANY($1)', [names]);
  return new Set(rows.map((row) => String(row['name']).slice(1, -facts.serverName.length - 1)));
}

/** docs/admin_api/register_api.md of Synapse. The route is not exposed at the edge. */
async function registerAtSynapse({ direct, secrets }: ProbeContext, localpart: string): Promise<void> {
  const route = `${direct?.synapse ?? ''}/_synapse/admin/v1/register`;
  const asked = await directFetch(route);
  expectStatus(asked, 200, 'GET /_synapse/admin/v1/register');
  const answer = await directFetch(route, { method: 'POST', headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(registration(textAt(asked.json(), 'nonce'), localpart, secrets.probePassword, false, secrets.registration)) });
  if (existsAlready(answer)) return;
  expectStatus(answer, 200, `making ${localpart} by the registration secret`);
}

/** Body of a shared-secret registration: HMAC-SHA1 over the fields, NUL between them. */
export function registration(nonce: string, username: string, password: string, admin: boolean, secret: string): object {
  const mac = createHmac('sha1', secret).update([nonce, username, password, admin ? 'admin' : 'notadmin'].join('\0')).digest('hex');
  return { nonce, username, password, admin, mac, inhibit_login: true };
}

function registerAtMas(context: ProbeContext, localpart: string): Promise<void> {
  return withMasAdmin(context, async (admin) => {
    const answer = await admin('POST', 'users', { username: localpart });
    const user = answer.status === 409 ? await admin('GET', `users/by-username/${localpart}`) : answer;
    if (user.status !== 200) expectStatus(user, 201, `making ${localpart} by MAS's admin API`);
    const set = await admin('POST', `users/${textAt(user.json(), 'data', 'id')}/set-password`, { password: context.secrets.probePassword, skip_password_check: true });
    expectStatus(set, 204, `setting the password of ${localpart}`);
  });
}

function existsAlready(answer: ProbeResponse): boolean {
  return answer.status === 400 && at(answer.json(), 'errcode') === 'M_USER_IN_USE';
}

/** The session that later proves that sessions outlive the move. Whether it still works is asked, not assumed. */
async function keepSession(context: ProbeContext, localpart: string): Promise<void> {
  if (context.sql === undefined) return;
  const userId = `@${localpart}:${context.facts.serverName}`;
  const [row] = await context.sql.synapse('SELECT token FROM access_tokens WHERE user_id = $1 AND device_id = $2 AND refresh_token_id IS NULL ORDER BY id DESC LIMIT 1', [userId, keptDevice]);
  if (row !== undefined) {
    try {
      await expectWhoami(context, { userId, deviceId: keptDevice, accessToken: String(row['token']) }, 'the kept session');
      return;
    } catch (error) {
      if (!(error instanceof ProbeFailure)) throw error;
    }
  }
  await logIn(context, localpart, context.secrets.probePassword, keptDevice, { refreshable: false });
}
