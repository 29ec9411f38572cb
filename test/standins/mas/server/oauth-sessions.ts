import { createHash } from 'node:crypto';
import { SignJWT } from 'jose';
import type pg from 'pg';
import { newId, ulidOf } from '../db/ids.ts';
import type { ClientRow } from './client-auth.ts';
import { issuer, type Context } from './context.ts';
import { deviceOf } from './scope.ts';
import { newToken } from './tokens.ts';

/** A person as the subject of tokens. */
export interface Subject { readonly userSessionId: string; readonly userId: string; readonly username: string }

/** Starts an OAuth session for a signed-in person, or for the client itself. */
export async function addSession(client: pg.ClientBase, owner: ClientRow, subject: Subject | undefined, scope: readonly string[], userAgent: string | undefined): Promise<string> {
  const id = newId();
  await client.query('insert into oauth2_sessions (oauth2_session_id, user_session_id, user_id, oauth2_client_id, scope_list, created_at, user_agent) values ($1, $2, $3, $4, $5, now(), $6)',
    [id, subject?.userSessionId ?? null, subject?.userId ?? null, owner.oauth2_client_id, scope, userAgent ?? null]);
  return id;
}

/** An access token and, when wanted, the refresh token that comes with it. */
export async function addTokens(client: pg.ClientBase, sessionId: string, ttl: number, withRefresh: boolean): Promise<{ accessToken: string; refreshToken?: string; refreshId?: string }> {
  const [accessId, accessToken] = [newId(), newToken('access')];
  await client.query('insert into oauth2_access_tokens (oauth2_access_token_id, oauth2_session_id, access_token, created_at, expires_at) values ($1, $2, $3, now(), now() + make_interval(secs => $4))',
    [accessId, sessionId, accessToken, ttl]);
  if (!withRefresh) return { accessToken };
  const [refreshId, refreshToken] = [newId(), newToken('refresh')];
  await client.query('insert into oauth2_refresh_tokens (oauth2_refresh_token_id, oauth2_session_id, oauth2_access_token_id, refresh_token, created_at) values ($1, $2, $3, $4, now())',
    [refreshId, sessionId, accessId, refreshToken]);
  return { accessToken, refreshToken, refreshId };
}

/** Half of the SHA-2 of a token, for `at_hash` and `c_hash`. */
function halfHash(algorithm: string, token: string): string {
  const digest = createHash(`sha${algorithm.slice(2, 5)}`).update(token).digest();
  return digest.subarray(0, digest.length / 2).toString('base64url');
}

/** An ID token for an hour, signed with the client's algorithm, RS256 unless it asked otherwise (crates/handlers/src/oauth2/mod.rs `generate_id_token`). */
export async function idToken(context: Context, client: ClientRow, subject: Subject, extra: { nonce?: string | null; code?: string | null; accessToken?: string; authTime?: Date }): Promise<string> {
  const algorithm = client.id_token_signed_response_alg ?? 'RS256';
  const key = context.keys.find((candidate) => candidate.algorithms.includes(algorithm));
  if (key === undefined) throw new Error('The signing key is invalid');
  const now = Math.floor(Date.now() / 1000);
  const claims = {
    ...(extra.nonce == null ? {} : { nonce: extra.nonce }),
    ...(extra.authTime === undefined ? {} : { auth_time: Math.floor(extra.authTime.getTime() / 1000) }),
    ...(extra.accessToken === undefined ? {} : { at_hash: halfHash(algorithm, extra.accessToken) }),
    ...(extra.code == null ? {} : { c_hash: halfHash(algorithm, extra.code) }),
  };
  return new SignJWT(claims).setProtectedHeader({ alg: algorithm, kid: key.kid }).setIssuer(issuer(context)).setSubject(ulidOf(subject.userId))
    .setAudience(ulidOf(client.oauth2_client_id)).setIssuedAt(now).setExpirationTime(now + 3600).sign(key.key);
}

/** The name Synapse shows for the new device. mas-cli looks into the user agent; here it is the client's name alone. */
export function deviceName(client: ClientRow): string {
  return `${client.client_name ?? ulidOf(client.oauth2_client_id)} on Unknown device`;
}

/** Makes the devices named in the scope in Synapse, before the tokens are handed out. */
export async function provisionDevices(context: Context, client: ClientRow, username: string, scope: readonly string[]): Promise<void> {
  for (const token of scope) {
    const device = deviceOf(token);
    if (device !== undefined) await context.homeserver.upsertDevice(username, device, deviceName(client));
  }
}
