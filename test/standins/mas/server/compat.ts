import type pg from 'pg';
import { log } from '../cli/log.ts';
import { newId } from '../db/ids.ts';
import { bearer, Refusal } from './client-auth.ts';
import { isValid, lockForSync, one, transaction, type Context, type UserRow } from './context.ts';
import { schedule } from './queue.ts';
import { deviceScopes } from './scope.ts';
import { alphanumeric, kindOf, newToken } from './tokens.ts';
import { currentPassword, findUser } from './users.ts';
import { json, matrixError, type Reply, type Request } from './wire.ts';

const FORBIDDEN = (): Reply => matrixError(403, 'M_FORBIDDEN', 'Invalid username/password');
const LOCKED = (): Reply => matrixError(401, 'M_USER_LOCKED', 'User account has been locked');
const BAD_JSON = (): Reply => matrixError(400, 'M_BAD_JSON', 'JSON fields are not valid');

/** `GET /_matrix/client/{version}/login`: touches neither database nor Synapse (crates/handlers/src/compat/login.rs). */
export function loginFlows(context: Context): Reply {
  const sso = { type: 'm.login.sso', oauth_aware_preferred: true, 'org.matrix.msc3824.delegated_oidc_compatibility': true };
  return json(200, { flows: [...(context.passwords.enabled ? [{ type: 'm.login.password' }] : []), sso, { type: 'm.login.token' }] });
}

/** The JSON object in the body; refuses with the Matrix error for anything else (crates/handlers/src/compat/mod.rs `MatrixJsonBody`; a missing content type is accepted). */
function matrixBody(request: Request): Readonly<Record<string, unknown>> {
  const type = request.headers['content-type'];
  if (type !== undefined && !/^application\/(json|[^;]*\+json)\s*(;|$)/i.test(type)) {
    throw new Refusal(matrixError(400, 'M_NOT_JSON', 'Invalid Content-Type header: expected application/json'));
  }
  let value: unknown;
  try {
    value = JSON.parse(request.body.toString('utf8'));
  } catch {
    throw new Refusal(matrixError(400, 'M_NOT_JSON', 'Body is not a valid JSON document'));
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Refusal(BAD_JSON());
  return value as Record<string, unknown>;
}

interface LoginRequest { readonly type: string; readonly refresh: boolean; readonly deviceId?: string; readonly displayName?: string; readonly user?: string; readonly unsupportedIdentifier: boolean; readonly password: string; readonly token: string }

function optionalString(value: unknown): string | undefined | false {
  return value === undefined || value === null ? undefined : typeof value === 'string' ? value : false;
}

function readLogin(body: Readonly<Record<string, unknown>>): LoginRequest | undefined {
  const { type, identifier, user, password, token, device_id: device, initial_device_display_name: name, refresh_token: refresh } = body;
  const deviceId = optionalString(device);
  const displayName = optionalString(name);
  const oldUser = optionalString(user);
  if (typeof type !== 'string' || deviceId === false || displayName === false || oldUser === false || (refresh !== undefined && typeof refresh !== 'boolean')) return undefined;
  const known = (typeof identifier === 'object' && identifier !== null ? identifier : {}) as { type?: unknown; user?: unknown };
  if (type === 'm.login.password' && (typeof password !== 'string' || (identifier !== undefined && identifier !== null && typeof known.type !== 'string'))) return undefined;
  if (type === 'm.login.password' && known.type === 'm.id.user' && typeof known.user !== 'string') return undefined;
  if (type === 'm.login.token' && typeof token !== 'string') return undefined;
  return {
    type, refresh: refresh === true, deviceId, displayName, user: oldUser ?? (known.type === 'm.id.user' ? String(known.user) : undefined),
    unsupportedIdentifier: known.type !== undefined && known.type !== 'm.id.user', password: typeof password === 'string' ? password : '', token: typeof token === 'string' ? token : '',
  };
}

/** Ends whatever session held this device before (`finish_sessions_to_replace_device`). */
export async function replaceDevice(client: pg.ClientBase, userId: string, device: string): Promise<void> {
  await client.query('update compat_sessions set finished_at = now() where user_id = $1 and device_id = $2 and finished_at is null', [userId, device]);
  await client.query('update oauth2_sessions set finished_at = now() where user_id = $1 and finished_at is null and scope_list && $2::text[]', [userId, deviceScopes(device) ?? []]);
}

interface NewSession { readonly sessionId: string; readonly device: string; readonly user: UserRow }

async function addSession(client: pg.ClientBase, user: UserRow, login: LoginRequest, browserSession: string | undefined, userAgent: string | undefined): Promise<NewSession> {
  await lockForSync(client, user.user_id);
  const device = login.deviceId ?? alphanumeric(10);
  await replaceDevice(client, user.user_id, device);
  const sessionId = newId();
  await client.query('insert into compat_sessions (compat_session_id, user_id, device_id, created_at, user_session_id, user_agent, human_name) values ($1, $2, $3, now(), $4, $5, $6)',
    [sessionId, user.user_id, device, browserSession ?? null, userAgent ?? null, login.displayName ?? null]);
  return { sessionId, device, user };
}

async function passwordLogin(context: Context, client: pg.ClientBase, request: Request, login: LoginRequest): Promise<NewSession | Reply> {
  const name = login.user ?? '';
  const username = context.homeserver.localpart(name) ?? name;
  const user = await findUser(client, username);
  if (user === undefined || user.deactivated_at !== null) return FORBIDDEN();
  if (user.locked_at !== null) return LOCKED();
  if (!context.limiter.allowPassword(request.clientIp, user.user_id)) return matrixError(429, 'M_LIMIT_EXCEEDED', 'Too many login attempts');
  const stored = await currentPassword(client, user.user_id);
  if (stored === undefined) return FORBIDDEN();
  const result = await context.passwords.verify(stored.version, login.password, stored.hashed_password);
  if (result === undefined) return FORBIDDEN();
  if (result.upgraded !== undefined) {
    await client.query('insert into user_passwords (user_password_id, user_id, hashed_password, version, upgraded_from_id, created_at) values ($1, $2, $3, $4, $5, now())',
      [newId(), user.user_id, result.upgraded.hashed, result.upgraded.version, stored.user_password_id]);
  }
  return addSession(client, user, login, undefined, request.headers['user-agent']);
}

interface SsoRow { compat_sso_login_id: string; fulfilled_at: Date | null; exchanged_at: Date | null; user_session_id: string | null; finished_at: Date | null }

async function tokenLogin(client: pg.ClientBase, request: Request, login: LoginRequest): Promise<NewSession | Reply> {
  const invalid = (): Reply => matrixError(403, 'M_FORBIDDEN', 'Invalid login token');
  const row = await one<SsoRow & UserRow>(client, `select l.compat_sso_login_id, l.fulfilled_at, l.exchanged_at, l.user_session_id, b.finished_at, u.*
    from compat_sso_logins l left join user_sessions b using (user_session_id) left join users u on u.user_id = b.user_id where l.login_token = $1`, [login.token]);
  if (row?.fulfilled_at == null || row.exchanged_at !== null || row.user_session_id === null) return invalid();
  // The token lives for 30 seconds after the click on "continue".
  if (Date.now() > row.fulfilled_at.getTime() + 30_000) return matrixError(403, 'M_FORBIDDEN', 'Login token expired');
  if (row.finished_at !== null || row.deactivated_at !== null) return invalid();
  if (row.locked_at !== null) return LOCKED();
  const session = await addSession(client, row, login, row.user_session_id, request.headers['user-agent']);
  await client.query('update compat_sso_logins set exchanged_at = now(), compat_session_id = $2 where compat_sso_login_id = $1', [row.compat_sso_login_id, session.sessionId]);
  return session;
}

/** Adds an access token to a session; without `ttl` it never expires. */
async function addAccessToken(client: pg.ClientBase, sessionId: string, ttl: number | undefined): Promise<{ id: string; token: string }> {
  const id = newId();
  const token = newToken('compat-access');
  await client.query(`insert into compat_access_tokens (compat_access_token_id, compat_session_id, access_token, created_at, expires_at)
    values ($1, $2, $3, now(), now() + make_interval(secs => $4))`, [id, sessionId, token, ttl ?? null]);
  return { id, token };
}

async function addRefreshToken(client: pg.ClientBase, sessionId: string, accessTokenId: string): Promise<{ id: string; token: string }> {
  const id = newId();
  const token = newToken('compat-refresh');
  await client.query('insert into compat_refresh_tokens (compat_refresh_token_id, compat_session_id, compat_access_token_id, refresh_token, created_at) values ($1, $2, $3, $4, now())',
    [id, sessionId, accessTokenId, token]);
  return { id, token };
}

/** `POST /login`: password or login token. The session is stored first, then Synapse makes the device; if it cannot, the session ends and the answer is 500. */
export async function login(context: Context, request: Request): Promise<Reply> {
  const wanted = readLogin(matrixBody(request));
  if (wanted === undefined) return BAD_JSON();
  const isPassword = wanted.type === 'm.login.password' && context.passwords.enabled;
  if (!isPassword && wanted.type !== 'm.login.token') return matrixError(400, 'M_UNKNOWN', 'Invalid login type');
  if (isPassword && wanted.user === undefined) {
    return wanted.unsupportedIdentifier ? matrixError(400, 'M_UNKNOWN', 'Unsupported login identifier') : matrixError(400, 'M_BAD_JSON', "Missing property 'identifier");
  }
  const ttl = wanted.refresh ? context.config.small.compatTokenTtl : undefined;
  const result = await transaction(context, async (client) => {
    const session = isPassword ? await passwordLogin(context, client, request, wanted) : await tokenLogin(client, request, wanted);
    if ('status' in session) return session;
    const access = await addAccessToken(client, session.sessionId, ttl);
    const refresh = wanted.refresh ? await addRefreshToken(client, session.sessionId, access.id) : undefined;
    return { ...session, access: access.token, refresh: refresh?.token };
  });
  if ('status' in result) return result;
  try {
    await context.homeserver.upsertDevice(result.user.username, result.device, wanted.displayName);
  } catch (error) {
    log('ERROR', 'mas_handlers::compat::login', 'failed to provision device', { error: error instanceof Error ? error.message : String(error) });
    await transaction(context, async (client) => {
      await client.query('update compat_sessions set finished_at = now() where compat_session_id = $1', [result.sessionId]);
      await schedule(client, 'sync-devices', result.user.user_id);
    });
    return matrixError(500, 'M_UNKNOWN', 'Internal server error');
  }
  return json(200, {
    access_token: result.access, device_id: result.device, user_id: context.homeserver.mxid(result.user.username),
    refresh_token: result.refresh, expires_in_ms: ttl === undefined ? undefined : ttl * 1000,
  });
}

interface SessionRow { compat_session_id: string; user_id: string }

async function sessionOfToken(context: Context, token: string): Promise<SessionRow | undefined> {
  return one<SessionRow>(context.pool, `select s.compat_session_id, s.user_id from compat_access_tokens t join compat_sessions s using (compat_session_id)
    where t.access_token = $1 and (t.expires_at is null or t.expires_at >= now()) and s.finished_at is null`, [token]);
}

/** The bearer token; a header of another kind is refused by the framework in plain text. */
function demandBearer(request: Request): string {
  const token = bearer(request);
  if (token !== undefined) return token;
  throw new Refusal(request.headers.authorization === undefined ? matrixError(401, 'M_MISSING_TOKEN', 'Missing access token') : plain(400, 'invalid HTTP header (authorization)'));
}

/** `POST /logout`: ends the session of a compatibility token; Synapse hears of it through the worker, so its cache may answer a moment longer. */
export async function logout(context: Context, request: Request): Promise<Reply> {
  const token = demandBearer(request);
  const session = kindOf(token) === 'compat-access' ? await sessionOfToken(context, token) : undefined;
  if (session === undefined) return matrixError(401, 'M_UNKNOWN_TOKEN', 'Invalid access token');
  await transaction(context, async (client) => {
    await client.query('update compat_sessions set finished_at = now() where compat_session_id = $1', [session.compat_session_id]);
    await schedule(client, 'sync-devices', session.user_id);
  });
  context.queue.kick();
  return json(200, {});
}

/** A body that is ignored when it cannot be read. */
function optionalBody(request: Request): Readonly<Record<string, unknown>> {
  try {
    return matrixBody(request);
  } catch {
    return {};
  }
}

/** `POST /logout/all`: refused unless the caller says that ending only compatibility sessions is fine (logout_all.rs). */
export async function logoutAll(context: Context, request: Request): Promise<Reply> {
  const body = optionalBody(request);
  const token = demandBearer(request);
  const session = kindOf(token) === 'compat-access' ? await sessionOfToken(context, token) : undefined;
  const user = session === undefined ? undefined : await one<UserRow>(context.pool, 'select * from users where user_id = $1', [session.user_id]);
  if (session === undefined || user === undefined || !isValid(user)) return matrixError(401, 'M_UNKNOWN_TOKEN', 'Invalid access token');
  if (body['io.element.only_compat_is_fine'] !== true) {
    return matrixError(404, 'M_UNRECOGNIZED', 'The /logout/all endpoint is not supported by this deployment');
  }
  await transaction(context, async (client) => {
    await client.query('update compat_sessions set finished_at = now() where user_id = $1 and finished_at is null', [session.user_id]);
    await schedule(client, 'sync-devices', session.user_id);
  });
  context.queue.kick();
  return json(200, {});
}

interface RefreshRow { compat_refresh_token_id: string; compat_session_id: string; compat_access_token_id: string }

function plain(status: number, body: string): Reply {
  return { status, headers: { 'content-type': 'text/plain; charset=utf-8' }, body };
}

/** This one endpoint uses the web framework's JSON reader, whose errors are text (refresh.rs). */
function refreshBody(request: Request): Readonly<Record<string, unknown>> {
  if (!/^application\/(json|[^;]*\+json)/i.test(request.headers['content-type'] ?? '')) throw new Refusal(plain(415, 'Expected request with `Content-Type: application/json`'));
  try {
    return matrixBody(request);
  } catch {
    throw new Refusal(plain(400, 'Failed to parse the request body as JSON: expected value at line 1 column 1'));
  }
}

/** `POST /refresh`: one use; all other refresh tokens of the session are spent with it (crates/storage-pg/src/compat/refresh_token.rs `consume_and_replace`). */
export async function refresh(context: Context, request: Request): Promise<Reply> {
  const token = refreshBody(request)['refresh_token'];
  if (typeof token !== 'string') {
    return plain(422, 'Failed to deserialize the JSON body into the target type: missing field `refresh_token` at line 1 column 2');
  }
  const unknown = (): Reply => matrixError(401, 'M_UNKNOWN_TOKEN', 'Invalid refresh token');
  if (kindOf(token) !== 'compat-refresh') return unknown();
  const ttl = context.config.small.compatTokenTtl;
  return transaction(context, async (client) => {
    const old = await one<RefreshRow>(client, `select t.* from compat_refresh_tokens t join compat_sessions s using (compat_session_id)
      where t.refresh_token = $1 and t.consumed_at is null and s.finished_at is null for update of t`, [token]);
    if (old === undefined) return unknown();
    const access = await addAccessToken(client, old.compat_session_id, ttl);
    const next = await addRefreshToken(client, old.compat_session_id, access.id);
    await client.query('update compat_refresh_tokens set consumed_at = now() where compat_session_id = $1 and consumed_at is null and compat_refresh_token_id <> $2', [old.compat_session_id, next.id]);
    await client.query('update compat_access_tokens set expires_at = now() where compat_access_token_id = $1 and (expires_at is null or expires_at >= now())', [old.compat_access_token_id]);
    return json(200, { access_token: access.token, refresh_token: next.token, expires_in_ms: ttl * 1000 });
  });
}
