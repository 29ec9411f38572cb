import { createHash } from 'node:crypto';
import { ulidOf } from '../db/ids.ts';
import { clientForm, findClient, readCredentials, verifyCredentials } from './client-auth.ts';
import { isValid, one, type Context, type UserRow } from './context.ts';
import { deviceScopes, STABLE_API, SYNAPSE_ADMIN, UNSTABLE_API, withBothSpellings } from './scope.ts';
import { kindOf } from './tokens.ts';
import { json, oauthError, type Reply, type Request } from './wire.ts';

interface Answer {
  readonly scope: readonly string[];
  readonly clientId?: string;
  readonly user?: UserRow;
  readonly type: 'access_token' | 'refresh_token';
  readonly created: Date;
  readonly expires?: Date | null;
  readonly jti?: string;
  readonly deviceId?: string;
}

async function user(context: Context, userId: string): Promise<UserRow | undefined> {
  const row = await one<UserRow>(context.pool, 'select * from users where user_id = $1', [userId]);
  return row !== undefined && isValid(row) ? row : undefined;
}

interface CompatTokenRow { id: string; created_at: Date; expires_at: Date | null; user_id: string; device_id: string | null; is_synapse_admin: boolean }

/** A compatibility token: unrefreshed, unexpired, of a live session of a valid person. With `explicitDevice` the device is a field of its own, not a scope. */
async function compat(context: Context, token: string, kind: 'compat-access' | 'compat-refresh', explicitDevice: boolean): Promise<Answer | undefined> {
  const row = await one<CompatTokenRow>(context.pool, kind === 'compat-access'
    ? `select t.compat_access_token_id as id, t.created_at, t.expires_at, s.user_id, s.device_id, s.is_synapse_admin from compat_access_tokens t join compat_sessions s using (compat_session_id)
       where t.access_token = $1 and (t.expires_at is null or t.expires_at >= now()) and s.finished_at is null`
    : `select t.compat_refresh_token_id as id, t.created_at, null::timestamptz as expires_at, s.user_id, s.device_id, s.is_synapse_admin from compat_refresh_tokens t join compat_sessions s using (compat_session_id)
       where t.refresh_token = $1 and t.consumed_at is null and s.finished_at is null`, [token]);
  const owner = row === undefined ? undefined : await user(context, row.user_id);
  if (row === undefined || owner === undefined) return undefined;
  const devices = row.device_id === null || explicitDevice ? [] : deviceScopes(row.device_id);
  // A device id that cannot stand in a scope makes the token inactive (`CantEncodeDeviceID`).
  if (devices === undefined) return undefined;
  return {
    scope: [STABLE_API, UNSTABLE_API, ...devices, ...(row.is_synapse_admin ? [SYNAPSE_ADMIN] : [])].sort(), clientId: 'legacy', user: owner,
    type: kind === 'compat-access' ? 'access_token' : 'refresh_token', created: row.created_at, expires: row.expires_at, deviceId: row.device_id ?? undefined,
  };
}

interface OauthTokenRow { id: string; created_at: Date; expires_at: Date | null; user_id: string | null; oauth2_client_id: string; scope_list: string[]; first_used_at: Date | null }

async function oauth(context: Context, token: string, kind: 'access' | 'refresh'): Promise<Answer | undefined> {
  const row = await one<OauthTokenRow>(context.pool, kind === 'access'
    ? `select t.oauth2_access_token_id as id, t.created_at, t.expires_at, t.first_used_at, s.user_id, s.oauth2_client_id, s.scope_list from oauth2_access_tokens t join oauth2_sessions s using (oauth2_session_id)
       where t.access_token = $1 and t.revoked_at is null and (t.expires_at is null or t.expires_at >= now()) and s.finished_at is null`
    : `select t.oauth2_refresh_token_id as id, t.created_at, null::timestamptz as expires_at, null::timestamptz as first_used_at, s.user_id, s.oauth2_client_id, s.scope_list
       from oauth2_refresh_tokens t join oauth2_sessions s using (oauth2_session_id)
       where t.refresh_token = $1 and t.revoked_at is null and t.consumed_at is null and s.finished_at is null`, [token]);
  if (row === undefined) return undefined;
  const owner = row.user_id === null ? undefined : await user(context, row.user_id);
  if (row.user_id !== null && owner === undefined) return undefined;
  // The first use of an access token spends the refresh token it replaced (see the refresh grant).
  if (kind === 'access' && row.first_used_at === null) await context.pool.query('update oauth2_access_tokens set first_used_at = now() where oauth2_access_token_id = $1', [row.id]);
  return {
    scope: withBothSpellings(row.scope_list), clientId: ulidOf(row.oauth2_client_id), user: owner, type: kind === 'access' ? 'access_token' : 'refresh_token',
    created: row.created_at, expires: row.expires_at, jti: ulidOf(row.id),
  };
}

interface PersonalTokenRow { created_at: Date; expires_at: Date | null; actor_user_id: string; owner_user_id: string | null; owner_oauth2_client_id: string | null; scope_list: string[] }

async function personal(context: Context, token: string): Promise<Answer | undefined> {
  const row = await one<PersonalTokenRow>(context.pool, `select t.created_at, t.expires_at, s.actor_user_id, s.owner_user_id, s.owner_oauth2_client_id, s.scope_list
    from personal_access_tokens t join personal_sessions s using (personal_session_id)
    where t.access_token_sha256 = $1 and t.revoked_at is null and (t.expires_at is null or t.expires_at >= now()) and s.revoked_at is null`, [createHash('sha256').update(token).digest()]);
  const actor = row === undefined ? undefined : await user(context, row.actor_user_id);
  if (row === undefined || actor === undefined) return undefined;
  if (row.owner_user_id !== null && await user(context, row.owner_user_id) === undefined) return undefined;
  return {
    scope: withBothSpellings(row.scope_list), clientId: row.owner_oauth2_client_id === null ? undefined : ulidOf(row.owner_oauth2_client_id), user: actor,
    type: 'access_token', created: row.created_at, expires: row.expires_at,
  };
}

/** What a token is worth now; undefined when it is worth nothing. */
export async function lookUp(context: Context, token: string, explicitDevice: boolean): Promise<Answer | undefined> {
  const kind = kindOf(token);
  switch (kind) {
    case undefined: return undefined;
    case 'access':
    case 'refresh': return oauth(context, token, kind);
    case 'compat-access':
    case 'compat-refresh': return compat(context, token, kind, explicitDevice);
    case 'personal': return personal(context, token);
  }
}

function seconds(date: Date): number {
  return Math.floor(date.getTime() / 1000);
}

/** `POST /oauth2/introspect`: for Synapse by the shared secret, or for a confidential client (crates/handlers/src/oauth2/introspection.rs). */
export async function introspect(context: Context, request: Request): Promise<Reply> {
  const body = clientForm(request, ['token']);
  const credentials = readCredentials(request);
  if (credentials.kind === 'bearer') {
    if (!context.homeserver.isSharedSecret(credentials.token)) return oauthError(401, 'access_denied', 'bearer token presented is invalid');
  } else {
    const client = await findClient(context, credentials.clientId);
    if (client === undefined) return oauthError(401, 'invalid_client');
    if (client.token_endpoint_auth_method === null || client.token_endpoint_auth_method === 'none') return oauthError(401, 'access_denied');
    const problem = await verifyCredentials(context, client, credentials);
    if (problem !== undefined) return oauthError(401, 'invalid_client', problem);
  }
  if (body === undefined) return oauthError(400, 'invalid_request');
  const answer = await lookUp(context, body.get('token') ?? '', request.headers['x-mas-supports-device-id'] === '1');
  const hint = body.get('token_type_hint');
  if (answer === undefined || (hint !== null && hint !== answer.type)) return json(200, { active: false });
  return json(200, {
    active: true, scope: answer.scope.join(' '), client_id: answer.clientId, username: answer.user?.username, token_type: answer.type,
    ...(answer.expires === undefined || answer.expires === null ? {} : { exp: seconds(answer.expires), expires_in: Math.floor((answer.expires.getTime() - Date.now()) / 1000) }),
    iat: seconds(answer.created), nbf: seconds(answer.created), sub: answer.user === undefined ? undefined : ulidOf(answer.user.user_id), jti: answer.jti, device_id: answer.deviceId,
  });
}
