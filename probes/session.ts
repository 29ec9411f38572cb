/** What a client does with a password and a token, in both phases. Every session that a probe opens it also ends. */
import { randomBytes } from 'node:crypto';
import { ProbeFailure } from './contract.ts';
import type { ProbeContext, ProbeResponse } from './contract.ts';
import { at, expectEqual, expectStatus, textAt, told } from './expect.ts';

export interface Session {
  readonly userId: string;
  readonly deviceId: string;
  readonly accessToken: string;
  readonly refreshToken?: string;
}

type Way = Pick<ProbeContext, 'fetch' | 'facts'>;

/** Milliseconds that a login waits for a limiter in all, and between two tries. */
export const limiterPatience = 45_000;
export const limiterPause = 2_000;

/** MAS wants ten characters or more in a device id. */
export function newDeviceId(): string {
  return `PROBE${randomBytes(6).toString('hex').toUpperCase()}`;
}

/** One request at the client-server API through the edge. */
export function askMatrix({ fetch, facts }: Way, path: string, options: { readonly token?: string; readonly method?: string; readonly body?: object } = {}): Promise<ProbeResponse> {
  return fetch(`${facts.urls.homeserver}_matrix/client/${path}`, {
    method: options.method ?? (options.body === undefined ? 'GET' : 'POST'),
    headers: { ...(options.token === undefined ? {} : { Authorization: `Bearer ${options.token}` }), ...(options.body === undefined ? {} : { 'Content-Type': 'application/json' }) },
    ...(options.body === undefined ? {} : { body: JSON.stringify(options.body) }),
  });
}

export interface LoginOptions {
  /** Ask for a refresh token; the access token then ends by itself. @default true */
  readonly refreshable?: boolean;
}

/**
 * One password login. MAS lets one address in three times at once and then every 20 s, Synapse has its own limits: where the
 * server says "later", the login is asked again for {@link limiterPatience}, unless Synapse names a longer time.
 */
export async function askLogin(way: Way, localpart: string, password: string, deviceId: string, { refreshable = true }: LoginOptions = {}): Promise<ProbeResponse> {
  const end = performance.now() + limiterPatience;
  for (;;) {
    const answer = await askMatrix(way, 'v3/login', { body: { type: 'm.login.password', identifier: { type: 'm.id.user', user: localpart }, password,
      device_id: deviceId, initial_device_display_name: 'matrix-stack probe', ...(refreshable ? { refresh_token: true } : {}) } });
    if (answer.status !== 429) return answer;
    const after = at(answer.json(), 'retry_after_ms');
    if (performance.now() + (typeof after === 'number' ? after : 0) > end) return answer;
    await new Promise((resolve) => setTimeout(resolve, limiterPause));
  }
}

/** @throws ProbeFailure when the password is refused or the limiter is reached. */
export async function logIn(way: Way, localpart: string, password: string, deviceId: string, options: LoginOptions = {}): Promise<Session> {
  const answer = await askLogin(way, localpart, password, deviceId, options);
  if (answer.status === 429) throw new ProbeFailure(`login of ${localpart} answered ${told(answer)}; expected 200. The login limiter is reached: wait some minutes`);
  expectStatus(answer, 200, `login of ${localpart}`);
  const document = answer.json();
  expectEqual(at(document, 'device_id'), deviceId, 'device of the new session');
  const refreshToken = at(document, 'refresh_token');
  return { userId: textAt(document, 'user_id'), deviceId, accessToken: textAt(document, 'access_token'), ...(typeof refreshToken === 'string' ? { refreshToken } : {}) };
}

/** @throws ProbeFailure unless the token belongs to this person and device. */
export async function expectWhoami(way: Way, session: Pick<Session, 'userId' | 'deviceId' | 'accessToken'>, what: string): Promise<void> {
  const answer = await askMatrix(way, 'v3/account/whoami', { token: session.accessToken });
  expectStatus(answer, 200, `whoami with ${what}`);
  expectEqual(at(answer.json(), 'user_id'), session.userId, `user of ${what}`);
  expectEqual(at(answer.json(), 'device_id'), session.deviceId, `device of ${what}`);
}

/** @throws ProbeFailure unless the token is refused within five seconds: MAS ends devices in Synapse by a queued job. */
export async function expectEnded(way: Way, token: string, what: string): Promise<void> {
  const end = performance.now() + 5_000;
  for (;;) {
    const answer = await askMatrix(way, 'v3/account/whoami', { token });
    if (answer.status === 401) return;
    if (performance.now() > end) throw new ProbeFailure(`whoami with ${what} still answers ${told(answer)} after 5 s; expected 401`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** Ends a session; a session that is gone already is well. */
export async function logOut(way: Way, token: string): Promise<void> {
  const answer = await askMatrix(way, 'v3/logout', { token, body: {} });
  if (answer.status !== 200 && answer.status !== 401) throw new ProbeFailure(`logout answered ${told(answer)}; expected 200`);
}
