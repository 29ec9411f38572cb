/**
 * Sample people of a demo stack: one for each kind of account whose fate differs in a move. They are made through Synapse's own
 * APIs while the stack is in phase legacy, and checked in any phase against what each must be able to do there.
 *
 * There is no guest: syn2mas refuses a server that lets guests in (GuestsEnabled), so guests are covered by SQL in steps/losses.ts.
 */
import { randomBytes } from 'node:crypto';
import { ProbeFailure } from '../probes/contract.ts';
import type { ProbeContext, ProbeOutcome, ProbeResponse } from '../probes/contract.ts';
import { at, expectEqual, expectStatus, textAt, told } from '../probes/expect.ts';
import { directFetch } from '../probes/fetch.ts';
import { registration } from '../probes/people.ts';
import { askLogin, askMatrix, logIn, logOut } from '../probes/session.ts';

/**
 * Settings that a demo stack needs: these people log in far more often than people do, and are made through Synapse's admin API,
 * which the edge must then expose. (`synapseSettings` and `masSettings` of the stack's config.)
 */
export const samplePeopleSettings = {
  exposeSynapseAdmin: true,
  synapseSettings: { rc_login: { address: { per_second: 10, burst_count: 100 }, account: { per_second: 10, burst_count: 100 }, failed_attempts: { per_second: 10, burst_count: 100 } } },
  masSettings: { rate_limiting: { login: { per_ip: { burst: 100, per_second: 10 }, per_account: { burst: 100, per_second: 10 } } } },
} as const;

type Way = Pick<ProbeContext, 'fetch' | 'facts' | 'secrets' | 'direct'>;
type Phase = ProbeContext['phase'];

/** Holds tokens and passwords: keep it in memory or in a file of mode 0600. */
export interface SamplePeople {
  readonly people: readonly SamplePerson[];
  readonly rooms: readonly SampleRoom[];
}

export interface SamplePerson {
  /** Localpart. */
  readonly name: string;
  /** What is special about this one, for people. */
  readonly kind: string;
  /** Null for a bridge's user, who has none. */
  readonly password: string | null;
  /** Sessions from phase legacy that do not end by themselves. */
  readonly sessions: readonly SampleSession[];
  readonly refreshable?: RefreshableSession;
  readonly email?: string;
  readonly expected: { readonly [P in Phase]: SampleFate };
}

export interface SampleFate {
  /** What a password login gets. */
  readonly login: 'works' | 'refused' | 'none';
  /** What whoami says to each session from phase legacy. */
  readonly sessions: 'live' | 'ended';
}

export interface SampleSession {
  readonly deviceId: string;
  readonly accessToken: string;
}

export interface RefreshableSession {
  readonly deviceId: string;
  /** The newest refresh token that Synapse itself gave: it works again after a rollback. */
  readonly ofSynapse: string;
  /** The newest of all: it works as long as whoever gave it is live. */
  readonly newest: string;
}

export interface SampleRoom {
  readonly id: string;
  readonly encrypted: boolean;
  /** Localparts of those who must be able to read it. */
  readonly members: readonly string[];
  readonly events: readonly string[];
}

export interface SampleOptions {
  /** Application service and a localpart of its namespace, to make one user of it. */
  readonly bridgeUser?: { readonly appservice: string; readonly localpart: string };
}

const always = (fate: SampleFate): SamplePerson['expected'] => ({ legacy: fate, delegated: fate });
const well = always({ login: 'works', sessions: 'live' });
const shutOut = always({ login: 'refused', sessions: 'ended' });

/** Composed differently when typed on different keyboards: both sides must normalise it (NFKC) before hashing. */
const unicodePassword = (): string => `ﬁsch-Ångström-e\u0301-①-${randomBytes(9).toString('base64url')}`;
const plainPassword = (): string => randomBytes(18).toString('base64url');
const deviceOf = (name: string, number: number): string => `SAMPLE${name.toUpperCase()}${number}`.padEnd(12, 'X');

/**
 * Makes the sample people and two rooms. Synapse must be live in phase legacy, and nobody of these names may exist.
 * @throws ProbeFailure naming what was refused.
 */
export async function createSamplePeople(way: Way, options: SampleOptions = {}): Promise<SamplePeople> {
  const admin = await register(way, 'sample-admin', 'administrator', plainPassword(), well, { admin: true });
  const asAdmin = adminApi(way, firstToken(admin));
  const alice = await withSecondDevice(way, await register(way, 'sample-alice', 'two devices', plainPassword(), well));
  const bob = await register(way, 'sample-bob', 'one device', plainPassword(), well);
  const mail = { ...await register(way, 'sample-mail', 'e-mail address', plainPassword(), well), email: 'sample-mail@example.org' };
  expectStatus(await asAdmin('PUT', `v2/users/${userId(way, mail.name)}`, { threepids: [{ medium: 'email', address: mail.email }] }), 200, 'giving sample-mail an address');
  const unicode = await register(way, 'sample-unicode', 'password beyond ASCII', unicodePassword(), well);
  const refreshable = await register(way, 'sample-refresh', 'refreshable session', plainPassword(), well, { refreshable: true });
  const locked = await register(way, 'sample-locked', 'locked', plainPassword(), shutOut);
  expectStatus(await asAdmin('PUT', `v2/users/${userId(way, locked.name)}`, { locked: true }), 200, 'locking sample-locked');
  const gone = await register(way, 'sample-gone', 'deactivated', plainPassword(), shutOut);
  expectStatus(await asAdmin('POST', `v1/deactivate/${userId(way, gone.name)}`, { erase: false }), 200, 'deactivating sample-gone');
  const bridged = options.bridgeUser === undefined ? [] : [await registerBridged(way, options.bridgeUser)];
  const rooms = [await createRoom(way, alice, bob, false), await createRoom(way, alice, bob, true)];
  return { people: [alice, bob, admin, mail, unicode, refreshable, locked, gone, ...bridged], rooms };
}

interface RegisterOptions {
  readonly admin?: boolean;
  readonly refreshable?: boolean;
}

/** By the registration secret, which also opens the first session without touching the login limiter. */
async function register(way: Way, name: string, kind: string, password: string, expected: SamplePerson['expected'], options: RegisterOptions = {}): Promise<SamplePerson> {
  const nonce = await adminRequest(way, 'GET', 'v1/register');
  expectStatus(nonce, 200, 'GET /_synapse/admin/v1/register');
  const answer = await adminRequest(way, 'POST', 'v1/register', { ...registration(textAt(nonce.json(), 'nonce'), name, password, options.admin === true, way.secrets.registration),
    inhibit_login: false, device_id: deviceOf(name, 1), initial_device_display_name: 'Sample phone', refresh_token: options.refreshable === true });
  expectStatus(answer, 200, `making ${name}`);
  const session = { deviceId: textAt(answer.json(), 'device_id'), accessToken: textAt(answer.json(), 'access_token') };
  if (options.refreshable !== true) return { name, kind, password, sessions: [session], expected };
  const token = textAt(answer.json(), 'refresh_token');
  return { name, kind, password, sessions: [], refreshable: { deviceId: session.deviceId, ofSynapse: token, newest: token }, expected };
}

async function withSecondDevice(way: Way, person: SamplePerson): Promise<SamplePerson> {
  const { deviceId, accessToken } = await logIn(way, person.name, person.password ?? '', deviceOf(person.name, 2), { refreshable: false });
  return { ...person, sessions: [...person.sessions, { deviceId, accessToken }] };
}

/** A bridge's user with a login of its own: MAS does not know it, the bridge itself goes on. */
async function registerBridged(way: Way, { appservice, localpart }: { readonly appservice: string; readonly localpart: string }): Promise<SamplePerson> {
  const token = way.secrets.asTokens[appservice];
  if (token === undefined) throw new ProbeFailure(`there is no token for application service ${appservice}; expected one in the secrets`);
  const answer = await askMatrix(way, 'v3/register', { token, body: { type: 'm.login.application_service', username: localpart, device_id: deviceOf('bridged', 1) } });
  expectStatus(answer, 200, `making ${localpart} as application service ${appservice}`);
  return { name: localpart, kind: 'user of a bridge', password: null,
    sessions: [{ deviceId: textAt(answer.json(), 'device_id'), accessToken: textAt(answer.json(), 'access_token') }],
    expected: { legacy: { login: 'none', sessions: 'live' }, delegated: { login: 'none', sessions: 'ended' } } };
}

async function createRoom(way: Way, owner: SamplePerson, guest: SamplePerson, encrypted: boolean): Promise<SampleRoom> {
  const created = await askMatrix(way, 'v3/createRoom', { token: firstToken(owner), body: { preset: 'private_chat', name: encrypted ? 'Sample, encrypted' : 'Sample', invite: [userId(way, guest.name)],
    initial_state: encrypted ? [{ type: 'm.room.encryption', state_key: '', content: { algorithm: 'm.megolm.v1.aes-sha2' } }] : [] } });
  expectStatus(created, 200, 'making a room');
  const id = textAt(created.json(), 'room_id');
  expectStatus(await askMatrix(way, `v3/rooms/${encodeURIComponent(id)}/join`, { token: firstToken(guest), body: {} }), 200, `joining as ${guest.name}`);
  const events: string[] = [];
  for (const [index, sender] of [owner, guest, owner].entries()) {
    // The server neither reads nor checks the ciphertext, so random bytes stand for one.
    const content = encrypted ? { algorithm: 'm.megolm.v1.aes-sha2', ciphertext: randomBytes(96).toString('base64url'), session_id: randomBytes(24).toString('base64url') } : { msgtype: 'm.text', body: `Message ${index + 1}` };
    const sent = await askMatrix(way, `v3/rooms/${encodeURIComponent(id)}/send/${encrypted ? 'm.room.encrypted' : 'm.room.message'}/${randomBytes(8).toString('hex')}`, { token: firstToken(sender), method: 'PUT', body: content });
    expectStatus(sent, 200, `sending as ${sender.name}`);
    events.push(textAt(sent.json(), 'event_id'));
  }
  return { id, encrypted, members: [owner.name, guest.name], events };
}

/**
 * Checks each person and room against what the phase promises. Logins made here are ended again.
 * @returns rows like those of probes, and the people with the refresh tokens that are now the newest: keep these.
 */
export async function verifySamplePeople(way: Way, sample: SamplePeople, phase: Phase): Promise<{ readonly outcomes: readonly ProbeOutcome[]; readonly people: SamplePeople }> {
  const outcomes: ProbeOutcome[] = [];
  const row = async (id: string, title: string, work: () => Promise<string>): Promise<void> => {
    const begin = performance.now();
    const ended = (passed: boolean, evidence: string): ProbeOutcome => ({ id, title, passed, evidence, milliseconds: Math.round(performance.now() - begin) });
    outcomes.push(await work().then((evidence) => ended(true, evidence), (error: unknown) => ended(false, error instanceof Error ? error.message : String(error))));
  };
  const people: SamplePerson[] = [];
  for (const person of sample.people) {
    let renewed = person.refreshable;
    await row(person.name, person.kind, async () => {
      const found = [await checkSessions(way, person, phase), await checkLogin(way, person, phase)];
      if (person.refreshable !== undefined) {
        renewed = await refresh(way, person, person.refreshable, phase);
        found.push('old session refreshed');
      }
      if (person.email !== undefined) found.push(await checkEmail(way, person, person.email));
      return found.filter((part) => part !== '').join(', ');
    });
    people.push(renewed === undefined ? person : { ...person, refreshable: renewed });
  }
  for (const room of sample.rooms) await row('room', room.encrypted ? 'encrypted room' : 'plain room', () => checkRoom(way, sample.people, room));
  return { outcomes, people: { ...sample, people } };
}

async function checkSessions(way: Way, person: SamplePerson, phase: Phase): Promise<string> {
  const expected = person.expected[phase].sessions;
  for (const { deviceId, accessToken } of person.sessions) {
    const answer = await askMatrix(way, 'v3/account/whoami', { token: accessToken });
    if (expected === 'ended') {
      expectStatus(answer, 401, `whoami with an old session of ${person.name}`);
    } else {
      expectStatus(answer, 200, `whoami with an old session of ${person.name}`);
      expectEqual(at(answer.json(), 'device_id'), deviceId, `device of an old session of ${person.name}`);
    }
  }
  return person.sessions.length === 0 ? '' : `${person.sessions.length} old ${person.sessions.length === 1 ? 'session' : 'sessions'} ${expected}`;
}

async function checkLogin(way: Way, person: SamplePerson, phase: Phase): Promise<string> {
  const expected = person.expected[phase].login;
  if (expected === 'none' || person.password === null) return '';
  const answer = await askLogin(way, person.name, person.password, deviceOf(person.name, 9));
  if (expected === 'refused') {
    if (answer.status !== 401 && answer.status !== 403) throw new ProbeFailure(`login of ${person.name} answered ${told(answer)}; expected 401 or 403`);
    return `login refused (${told(answer)})`;
  }
  expectStatus(answer, 200, `login of ${person.name} with the old password`);
  await logOut(way, textAt(answer.json(), 'access_token'));
  return 'old password logs in';
}

/** Whoever gave the newest token may not be live any more; then Synapse's own one must work. */
async function refresh(way: Way, person: SamplePerson, session: RefreshableSession, phase: Phase): Promise<RefreshableSession> {
  let answer: ProbeResponse | undefined;
  for (const token of new Set([session.newest, session.ofSynapse])) {
    answer = await askMatrix(way, 'v3/refresh', { body: { refresh_token: token } });
    if (answer.status === 200) {
      const newest = textAt(answer.json(), 'refresh_token');
      const whoami = await askMatrix(way, 'v3/account/whoami', { token: textAt(answer.json(), 'access_token') });
      expectStatus(whoami, 200, `whoami with the refreshed session of ${person.name}`);
      expectEqual(at(whoami.json(), 'device_id'), session.deviceId, `device of the refreshed session of ${person.name}`);
      return { ...session, newest, ofSynapse: phase === 'legacy' ? newest : session.ofSynapse };
    }
  }
  throw new ProbeFailure(`refreshing the old session of ${person.name} answered ${answer === undefined ? 'nothing' : told(answer)}; expected 200`);
}

async function checkEmail(way: Way, person: SamplePerson, email: string): Promise<string> {
  const answer = await askMatrix(way, 'v3/account/3pid', { token: firstToken(person) });
  expectStatus(answer, 200, `addresses of ${person.name}`);
  const found = at(answer.json(), 'threepids');
  if (!Array.isArray(found) || !found.some((entry) => at(entry, 'address') === email)) throw new ProbeFailure(`${person.name} has no ${email}; expected it`);
  return `has ${email}`;
}

async function checkRoom(way: Way, people: readonly SamplePerson[], room: SampleRoom): Promise<string> {
  for (const name of room.members) {
    const member = people.find((person) => person.name === name);
    if (member === undefined) throw new ProbeFailure(`${name} is a member of a room but no sample person`);
    const answer = await askMatrix(way, `v3/rooms/${encodeURIComponent(room.id)}/messages?dir=b&limit=50`, { token: firstToken(member) });
    expectStatus(answer, 200, `reading the room as ${name}`);
    const chunk = at(answer.json(), 'chunk');
    const found = new Set(Array.isArray(chunk) ? chunk.map((event) => at(event, 'event_id')) : []);
    const missing = room.events.filter((event) => !found.has(event));
    if (missing.length > 0) throw new ProbeFailure(`${name} does not see ${missing.length} of ${room.events.length} messages; expected all`);
  }
  return `${room.events.length} messages read by ${room.members.length} people with old sessions`;
}

function userId({ facts }: Way, name: string): string {
  return `@${name}:${facts.serverName}`;
}

function firstToken(person: SamplePerson): string {
  const [session] = person.sessions;
  if (session === undefined) throw new ProbeFailure(`${person.name} has no old session; expected one`);
  return session.accessToken;
}

/** Synapse's admin API: direct in a job, else through an edge that exposes it (`matrix:exposeSynapseAdmin`). */
function adminRequest({ fetch, facts, direct }: Way, method: string, path: string, body?: object, token?: string): Promise<ProbeResponse> {
  const send = direct === undefined ? fetch : directFetch;
  return send(`${direct === undefined ? facts.urls.homeserver : `${direct.synapse}/`}_synapse/admin/${path}`, { method,
    headers: { ...(token === undefined ? {} : { Authorization: `Bearer ${token}` }), ...(body === undefined ? {} : { 'Content-Type': 'application/json' }) },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }) });
}

function adminApi(way: Way, token: string): (method: string, path: string, body: object) => Promise<ProbeResponse> {
  return (method, path, body) => adminRequest(way, method, path, body, token);
}
