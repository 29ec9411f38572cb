import { createHash } from 'node:crypto';
import type pg from 'pg';
import { log } from '../cli/log.ts';
import { ulidOf } from '../db/ids.ts';
import { clientForm, findClient, readCredentials, Refusal, unreadable, verifyCredentials, type ClientRow } from './client-auth.ts';
import { lockForSync, one, transaction, type Context } from './context.ts';
import { addSession, addTokens, idToken, provisionDevices, type Subject } from './oauth-sessions.ts';
import { grantViolations } from './policy.ts';
import { schedule } from './queue.ts';
import { parseScope } from './scope.ts';
import { kindOf } from './tokens.ts';
import { json, oauthError, type Reply, type Request } from './wire.ts';

const TARGET = 'mas_handlers::oauth2::token';
const INVALID_GRANT = (): Reply => oauthError(400, 'invalid_grant');

/** The client behind a request to a token-like endpoint, its credentials checked; refuses otherwise. */
export async function authenticatedClient(context: Context, request: Request): Promise<ClientRow> {
  const credentials = readCredentials(request);
  const client = credentials.kind === 'bearer' ? undefined : await findClient(context, credentials.clientId);
  if (client === undefined) throw new Refusal(oauthError(401, 'invalid_client'));
  if (client.token_endpoint_auth_method === null) throw new Refusal(oauthError(401, 'unauthorized_client'));
  if (await verifyCredentials(context, client, credentials) !== undefined) throw new Refusal(oauthError(401, 'invalid_client'));
  return client;
}

function success(context: Context, body: Readonly<Record<string, unknown>>): Reply {
  return json(200, { ...body, token_type: 'Bearer', expires_in: context.config.small.accessTokenTtl }, { 'cache-control': 'no-store', pragma: 'no-cache' });
}

interface CodeRow {
  oauth2_authorization_grant_id: string; oauth2_client_id: string; oauth2_session_id: string | null; authorization_code: string; scope: string; nonce: string | null; code_challenge: string | null;
  code_challenge_method: string | null; fulfilled_at: Date | null; cancelled_at: Date | null; exchanged_at: Date | null; user_session_id: string | null;
}

interface BrowserRow { user_session_id: string; user_id: string; username: string; finished_at: Date | null; locked_at: Date | null; deactivated_at: Date | null }

async function browserSession(client: pg.ClientBase, id: string | null): Promise<BrowserRow | undefined> {
  return one<BrowserRow>(client, 'select s.user_session_id, s.finished_at, u.* from user_sessions s join users u using (user_id) where s.user_session_id = $1', [id]);
}

function subjectOf(row: BrowserRow): Subject {
  return { userSessionId: row.user_session_id, userId: row.user_id, username: row.username };
}

/** What RFC 7636 says about a verifier, in the words of crates/oauth2-types/src/pkce.rs. */
function pkceProblem(method: string | null, challenge: string, verifier: string): string | undefined {
  if (method !== 'S256' && method !== 'plain') return 'unknown challenge method';
  if (verifier.length < 43) return 'code_verifier should be at least 43 characters long';
  if (verifier.length > 128) return 'code_verifier should be at most 128 characters long';
  if (!/^[A-Za-z0-9._~-]+$/.test(verifier)) return 'code_verifier contains invalid characters';
  const expected = method === 'S256' ? createHash('sha256').update(verifier).digest('base64url') : verifier;
  return expected === challenge ? undefined : 'challenge verification failed';
}

/** A device that Synapse cannot make undoes the whole exchange: 500, and the code may be used again. */
function provisioningFailed(error: unknown): never {
  log('ERROR', TARGET, 'failed to provision device', { error: error instanceof Error ? error.message : String(error) });
  throw new Refusal(oauthError(500, 'server_error'));
}

async function authorizationCode(context: Context, client: ClientRow, body: URLSearchParams, userAgent: string | undefined): Promise<Reply> {
  const code = body.get('code') ?? '';
  if (!client.grant_type_authorization_code) return oauthError(401, 'unauthorized_client');
  return transaction(context, async (connection) => {
    const grant = await one<CodeRow>(connection, 'select * from oauth2_authorization_grants where authorization_code = $1 for update', [code]);
    if (grant === undefined || grant.cancelled_at !== null) return INVALID_GRANT();
    if (grant.exchanged_at !== null) {
      log('WARN', TARGET, 'Authorization code was already exchanged');
      if (Date.now() - grant.exchanged_at.getTime() > 20_000) {
        log('WARN', TARGET, 'Ending potentially compromised session');
        await connection.query('update oauth2_sessions set finished_at = coalesce(finished_at, now()) where oauth2_session_id = $1', [grant.oauth2_session_id]);
      }
      return INVALID_GRANT();
    }
    if (grant.fulfilled_at === null || Date.now() - grant.fulfilled_at.getTime() > 600_000) return INVALID_GRANT();
    if (grant.oauth2_client_id !== client.oauth2_client_id) return oauthError(401, 'unauthorized_client');
    const verifier = body.get('code_verifier');
    if ((grant.code_challenge === null) !== (verifier === null)) return oauthError(400, 'invalid_request');
    if (grant.code_challenge !== null && verifier !== null) {
      const problem = pkceProblem(grant.code_challenge_method, grant.code_challenge, verifier);
      if (problem !== undefined) return oauthError(400, 'invalid_grant', `PKCE verification failed: ${problem}`);
    }
    const browser = await browserSession(connection, grant.user_session_id);
    if (browser === undefined) return oauthError(500, 'server_error');
    if (browser.finished_at !== null || browser.locked_at !== null || browser.deactivated_at !== null) return INVALID_GRANT();
    const scope = parseScope(grant.scope) ?? [];
    const subject = subjectOf(browser);
    const session = await addSession(connection, client, subject, scope, userAgent);
    const tokens = await addTokens(connection, session, context.config.small.accessTokenTtl, true);
    const last = await one<{ created_at: Date }>(connection, 'select created_at from user_session_authentications where user_session_id = $1 order by created_at desc limit 1', [browser.user_session_id]);
    const id = scope.includes('openid') ? await idToken(context, client, subject, { nonce: grant.nonce, code: grant.authorization_code, accessToken: tokens.accessToken, authTime: last?.created_at }) : undefined;
    await lockForSync(connection, browser.user_id);
    await provisionDevices(context, client, browser.username, scope).catch(provisioningFailed);
    await connection.query('update oauth2_authorization_grants set exchanged_at = now(), oauth2_session_id = $2 where oauth2_authorization_grant_id = $1', [grant.oauth2_authorization_grant_id, session]);
    return success(context, { access_token: tokens.accessToken, refresh_token: tokens.refreshToken, id_token: id, scope: scope.join(' ') });
  });
}

interface RefreshRow { oauth2_refresh_token_id: string; oauth2_session_id: string; oauth2_access_token_id: string | null; consumed_at: Date | null; revoked_at: Date | null; next_oauth2_refresh_token_id: string | null }

/**
 * Rotation with one forgiveness: a refresh token used twice gets a new pair as long as nothing of the pair it gave before was used; the
 * lost pair is revoked (token.rs `refresh_token_grant`). Resolves to false when the old token cannot be forgiven.
 */
async function forgive(connection: pg.ClientBase, token: RefreshRow): Promise<boolean> {
  if (token.consumed_at === null && token.revoked_at === null) return true;
  if (token.revoked_at !== null || token.next_oauth2_refresh_token_id === null) return false;
  const next = await one<RefreshRow>(connection, 'select * from oauth2_refresh_tokens where oauth2_refresh_token_id = $1', [token.next_oauth2_refresh_token_id]);
  if (next === undefined || next.consumed_at !== null || next.revoked_at !== null) return false;
  const access = await one<{ first_used_at: Date | null }>(connection, 'select first_used_at from oauth2_access_tokens where oauth2_access_token_id = $1', [next.oauth2_access_token_id]);
  if (access?.first_used_at != null) return false;
  log('INFO', TARGET, 'Refresh token already used, but issued refresh and access tokens are unused. Assuming those were lost; revoking those and reissuing new ones.');
  await connection.query('update oauth2_access_tokens set revoked_at = coalesce(revoked_at, now()) where oauth2_access_token_id = $1', [next.oauth2_access_token_id]);
  await connection.query('update oauth2_refresh_tokens set revoked_at = now() where oauth2_refresh_token_id = $1', [next.oauth2_refresh_token_id]);
  return true;
}

async function refreshToken(context: Context, client: ClientRow, body: URLSearchParams): Promise<Reply> {
  const sent = body.get('refresh_token') ?? '';
  if (!client.grant_type_refresh_token) return oauthError(401, 'unauthorized_client');
  return transaction(context, async (connection) => {
    const token = await one<RefreshRow>(connection, 'select * from oauth2_refresh_tokens where refresh_token = $1 for update', [sent]);
    const session = token === undefined ? undefined : await one<{ oauth2_client_id: string; scope_list: string[]; finished_at: Date | null }>(connection, 'select * from oauth2_sessions where oauth2_session_id = $1', [token.oauth2_session_id]);
    if (token === undefined || session === undefined || session.finished_at !== null || session.oauth2_client_id !== client.oauth2_client_id) return INVALID_GRANT();
    if (!await forgive(connection, token)) return INVALID_GRANT();
    const tokens = await addTokens(connection, token.oauth2_session_id, context.config.small.accessTokenTtl, true);
    await connection.query('update oauth2_refresh_tokens set consumed_at = now(), next_oauth2_refresh_token_id = $2 where oauth2_refresh_token_id = $1', [token.oauth2_refresh_token_id, tokens.refreshId]);
    await connection.query('update oauth2_access_tokens set revoked_at = now() where oauth2_access_token_id = $1 and revoked_at is null', [token.oauth2_access_token_id]);
    return success(context, { access_token: tokens.accessToken, refresh_token: tokens.refreshToken, scope: session.scope_list.join(' ') });
  });
}

async function clientCredentials(context: Context, client: ClientRow, body: URLSearchParams, userAgent: string | undefined): Promise<Reply> {
  const scope = parseScope(body.get('scope') ?? '') ?? [];
  if (!client.grant_type_client_credentials) return oauthError(401, 'unauthorized_client');
  const violations = grantViolations(context, { kind: 'client_credentials', clientId: ulidOf(client.oauth2_client_id), scope });
  if (violations.length > 0) return oauthError(403, 'invalid_scope', violations.join(', '));
  return transaction(context, async (connection) => {
    const session = await addSession(connection, client, undefined, scope, userAgent);
    const tokens = await addTokens(connection, session, context.config.small.accessTokenTtl, false);
    return success(context, { access_token: tokens.accessToken, ...(scope.length === 0 ? {} : { scope: scope.join(' ') }) });
  });
}

interface DeviceRow { oauth2_device_code_grant_id: string; oauth2_client_id: string; scope: string; expires_at: Date; fulfilled_at: Date | null; rejected_at: Date | null; exchanged_at: Date | null; user_session_id: string | null }

async function deviceCode(context: Context, client: ClientRow, body: URLSearchParams, userAgent: string | undefined): Promise<Reply> {
  const code = body.get('device_code') ?? '';
  if (!context.config.small.deviceCodeGrantEnabled) return oauthError(400, 'unsupported_grant_type');
  if (!client.grant_type_device_code) return oauthError(401, 'unauthorized_client');
  return transaction(context, async (connection) => {
    const grant = await one<DeviceRow>(connection, 'select * from oauth2_device_code_grant where device_code = $1 for update', [code]);
    if (grant?.oauth2_client_id !== client.oauth2_client_id) return INVALID_GRANT();
    if (grant.expires_at < new Date()) return oauthError(403, 'expired_token');
    if (grant.exchanged_at !== null) return INVALID_GRANT();
    if (grant.rejected_at !== null) return oauthError(403, 'access_denied');
    if (grant.fulfilled_at === null) return oauthError(403, 'authorization_pending');
    const browser = await browserSession(connection, grant.user_session_id);
    if (browser === undefined) return oauthError(500, 'server_error');
    const scope = parseScope(grant.scope) ?? [];
    const session = await addSession(connection, client, subjectOf(browser), scope, userAgent);
    await connection.query('update oauth2_device_code_grant set exchanged_at = now(), oauth2_session_id = $2 where oauth2_device_code_grant_id = $1', [grant.oauth2_device_code_grant_id, session]);
    const tokens = await addTokens(connection, session, context.config.small.accessTokenTtl, client.grant_type_refresh_token);
    const id = scope.includes('openid') ? await idToken(context, client, subjectOf(browser), { accessToken: tokens.accessToken }) : undefined;
    await lockForSync(connection, browser.user_id);
    await provisionDevices(context, client, browser.username, scope).catch(provisioningFailed);
    return success(context, { access_token: tokens.accessToken, refresh_token: tokens.refreshToken, id_token: id, ...(scope.length === 0 ? {} : { scope: scope.join(' ') }) });
  });
}

const FIELDS: Readonly<Record<string, string>> = { authorization_code: 'code', refresh_token: 'refresh_token', 'urn:ietf:params:oauth:grant-type:device_code': 'device_code' };

/** `POST /oauth2/token` (crates/handlers/src/oauth2/token.rs). */
export async function token(context: Context, request: Request): Promise<Reply> {
  const grant = clientForm(request, ['grant_type'])?.get('grant_type') ?? '';
  const field = FIELDS[grant];
  const body = clientForm(request, field === undefined ? [] : [field]);
  const scope = body?.get('scope');
  if (grant === 'client_credentials' && scope != null && parseScope(scope) === undefined) throw unreadable('Invalid scope format');
  const client = await authenticatedClient(context, request);
  if (body === undefined) return oauthError(400, 'invalid_request');
  const userAgent = request.headers['user-agent'];
  switch (grant) {
    case 'authorization_code': return authorizationCode(context, client, body, userAgent);
    case 'refresh_token': return refreshToken(context, client, body);
    case 'client_credentials': return clientCredentials(context, client, body, userAgent);
    case 'urn:ietf:params:oauth:grant-type:device_code': return deviceCode(context, client, body, userAgent);
    default: return oauthError(400, 'unsupported_grant_type');
  }
}

/** `POST /oauth2/revoke`: ends the whole session; an unknown token is a success (revoke.rs). */
export async function revoke(context: Context, request: Request): Promise<Reply> {
  const body = clientForm(request, ['token']);
  const client = await authenticatedClient(context, request);
  if (body === undefined) return oauthError(400, 'invalid_request');
  const sent = body.get('token') ?? '';
  const hint = body.get('token_type_hint');
  const ok: Reply = { status: 200 };
  if (kindOf(sent) === undefined) return ok;
  if (hint !== null && hint !== 'access_token' && hint !== 'refresh_token') return oauthError(400, 'unsupported_token_type');
  return transaction(context, async (connection) => {
    const session = await one<{ oauth2_session_id: string; oauth2_client_id: string; user_id: string | null }>(connection, `select s.* from oauth2_sessions s join (
        select oauth2_session_id from oauth2_access_tokens where access_token = $1 and $2 and revoked_at is null and (expires_at is null or expires_at >= now())
        union all select oauth2_session_id from oauth2_refresh_tokens where refresh_token = $1 and $3 and revoked_at is null and consumed_at is null) t using (oauth2_session_id)
      where s.finished_at is null`, [sent, hint !== 'refresh_token', hint !== 'access_token']);
    if (session === undefined) return ok;
    if (session.oauth2_client_id !== client.oauth2_client_id) return oauthError(401, 'unauthorized_client');
    await connection.query('update oauth2_sessions set finished_at = now() where oauth2_session_id = $1', [session.oauth2_session_id]);
    if (session.user_id !== null) await schedule(connection, 'sync-devices', session.user_id);
    return ok;
  }).finally(() => { context.queue.kick(); });
}
