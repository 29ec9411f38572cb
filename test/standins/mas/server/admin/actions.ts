import { createHash } from 'node:crypto';
import { log } from '../../cli/log.ts';
import { newId, ulidOf, uuidOf } from '../../db/ids.ts';
import { Refusal } from '../client-auth.ts';
import { lockForSync, one, transaction, type Context, type UserRow } from '../context.ts';
import { isComplexEnough } from '../passwords.ts';
import { schedule } from '../queue.ts';
import { deviceOf, parseScope } from '../scope.ts';
import { newToken } from '../tokens.ts';
import { findUser } from '../users.ts';
import { json, ulidProblem, type Reply, type Request } from '../wire.ts';
import { adminError, callerOf } from './caller.ts';
import { find, pathId, RESOURCES, ROOT, single } from './resources.ts';

type Handler = (context: Context, request: Request) => Promise<Reply>;

/** The JSON object in the body; the web framework's own refusals are text. */
function body(request: Request): Readonly<Record<string, unknown>> {
  const plain = (status: number, text: string): never => { throw new Refusal({ status, headers: { 'content-type': 'text/plain; charset=utf-8' }, body: text }); };
  if (!/^application\/(json|[^;]*\+json)/i.test(request.headers['content-type'] ?? '')) return plain(415, 'Expected request with `Content-Type: application/json`');
  try {
    const value: unknown = JSON.parse(request.body.toString('utf8'));
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  } catch {
    return plain(400, 'Failed to parse the request body as JSON');
  }
  return plain(422, 'Failed to deserialize the JSON body into the target type: invalid type, expected a map');
}

function text(fields: Readonly<Record<string, unknown>>, name: string): string {
  const value = fields[name];
  if (typeof value === 'string') return value;
  throw new Refusal({ status: 422, headers: { 'content-type': 'text/plain; charset=utf-8' }, body: `Failed to deserialize the JSON body into the target type: missing field \`${name}\`` });
}

function failed(error: unknown): never {
  log('ERROR', 'mas_handlers::admin', 'the homeserver refused', { error: error instanceof Error ? error.message : String(error) });
  throw new Refusal(adminError(500, error instanceof Error ? error.message : String(error)));
}

const { users, 'personal-sessions': personalSessions } = RESOURCES;

/** `POST /users`: asks Synapse whether the name is free, and makes the user there before answering (v1/users/add.rs). */
const addUser: Handler = async (context, request) => {
  await callerOf(context, request);
  const fields = body(request);
  const username = text(fields, 'username');
  const { displayname } = fields;
  if (await findUser(context.pool, username) !== undefined) return adminError(409, 'User already exists');
  if (username.length > 255 || !/^[a-z0-9=\-./+][a-z0-9=_\-./+]*$/.test(username)) return adminError(400, 'Username is not valid');
  if (!await context.homeserver.isLocalpartAvailable(username).catch(failed) && fields['skip_homeserver_check'] !== true) return adminError(409, 'Username is reserved by the homeserver');
  return transaction(context, async (client) => {
    const id = newId();
    await client.query('insert into users (user_id, username, created_at) values ($1, $2, now())', [id, username]);
    await context.homeserver.provisionUser({ localpart: username, locked: false, ...(typeof displayname === 'string' ? { displayname } : {}) }).catch(failed);
    return single(201, users, await find(client, users, id));
  });
};

const setPassword: Handler = async (context, request) => {
  await callerOf(context, request);
  const id = pathId(request);
  const fields = body(request);
  const password = text(fields, 'password');
  if (!context.passwords.enabled) return adminError(403, 'Password auth is disabled');
  await find(context.pool, users, id);
  if (fields['skip_password_check'] !== true && !isComplexEnough(password, context.config.passwords.minimumComplexity)) return adminError(400, 'Password is too weak');
  const { version, hashed } = await context.passwords.hash(password);
  await context.pool.query('insert into user_passwords (user_password_id, user_id, hashed_password, version, created_at) values ($1, $2, $3, $4, now())', [newId(), id, hashed, version]);
  return { status: 204 };
};

/** A change to a person that answers with them: SQL, and the job that tells Synapse. */
function userAction(name: string, sql: string, job?: 'provision-user' | 'deactivate-user'): Handler {
  return async (context, request) => {
    await callerOf(context, request);
    const id = pathId(request);
    await find(context.pool, users, id);
    const skipErase = request.body.length > 0 && body(request)['skip_erase'] === true;
    const row = await transaction(context, async (client) => {
      await client.query(sql, [id]);
      if (job !== undefined) await schedule(client, job, id, job === 'deactivate-user' ? { hs_erase: !skipErase } : {});
      return find(client, users, id);
    });
    context.queue.kick();
    return single(200, users, row, `${ROOT}/users/${ulidOf(id)}/${name}`);
  };
}

const setAdmin: Handler = async (context, request) => {
  await callerOf(context, request);
  const id = pathId(request);
  const admin = body(request)['admin'] === true;
  await find(context.pool, users, id);
  await context.pool.query('update users set can_request_admin = $2 where user_id = $1', [id, admin]);
  return single(200, users, await find(context.pool, users, id), `${ROOT}/users/${ulidOf(id)}/set-admin`);
};

const reactivate: Handler = async (context, request) => {
  await callerOf(context, request);
  const id = pathId(request);
  const user = await find(context.pool, users, id);
  await context.homeserver.reactivateUser(String(user['username'])).catch(failed);
  await context.pool.query('update users set deactivated_at = null where user_id = $1', [id]);
  return single(200, users, await find(context.pool, users, id), `${ROOT}/users/${ulidOf(id)}/reactivate`);
};

const byUsername: Handler = async (context, request) => {
  await callerOf(context, request);
  const username = request.params['username'] ?? '';
  const user = await findUser(context.pool, username);
  if (user === undefined) return adminError(404, `User with username ${JSON.stringify(username)} not found`);
  return single(200, users, { ...user }, `${ROOT}/users/by-username/${username}`);
};

async function addPersonalToken(client: Parameters<typeof lockForSync>[0], session: string, expiresIn: unknown): Promise<string> {
  const token = newToken('personal');
  await client.query('insert into personal_access_tokens (personal_access_token_id, personal_session_id, access_token_sha256, created_at, expires_at) values ($1, $2, $3, now(), now() + make_interval(secs => $4))',
    [newId(), session, createHash('sha256').update(token).digest(), typeof expiresIn === 'number' ? expiresIn : null]);
  return token;
}

/** `POST /personal-sessions`: a token for a person, with any scope, its device made in Synapse (v1/personal_sessions/add.rs). */
const addPersonalSession: Handler = async (context, request) => {
  const caller = await callerOf(context, request);
  const fields = body(request);
  const [actor, name, scopeText] = [uuidOf(text(fields, 'actor_user_id')), text(fields, 'human_name'), text(fields, 'scope')];
  if (actor === undefined) {
    return { status: 422, headers: { 'content-type': 'text/plain; charset=utf-8' }, body: `Failed to deserialize the JSON body into the target type: actor_user_id: ${ulidProblem(text(fields, 'actor_user_id'))}` };
  }
  const user = await one<UserRow>(context.pool, 'select * from users where user_id = $1', [actor]);
  if (user === undefined) return adminError(404, 'User not found');
  if (user.deactivated_at !== null) return adminError(410, 'User is not active');
  const scope = parseScope(scopeText);
  if (scope === undefined) return adminError(400, 'Invalid scope');
  return transaction(context, async (client) => {
    const id = newId();
    await client.query('insert into personal_sessions (personal_session_id, owner_user_id, owner_oauth2_client_id, actor_user_id, human_name, scope_list, created_at) values ($1, $2, $3, $4, $5, $6, now())',
      [id, caller.userId ?? null, caller.clientId ?? null, user.user_id, name, scope]);
    const token = await addPersonalToken(client, id, fields['expires_in']);
    await lockForSync(client, user.user_id);
    for (const device of scope.map(deviceOf)) {
      if (device !== undefined) await context.homeserver.upsertDevice(user.username, device, undefined).catch(failed);
    }
    return single(201, personalSessions, await find(client, personalSessions, id), undefined, { access_token: token });
  });
};

const revokePersonalSession: Handler = async (context, request) => {
  await callerOf(context, request);
  const id = pathId(request);
  const row = await one<Record<string, unknown>>(context.pool, 'select * from personal_sessions where personal_session_id = $1', [id]);
  if (row === undefined) return adminError(404, `Personal session with ID ${ulidOf(id)} not found`);
  if (row['revoked_at'] !== null) return adminError(409, `Personal session with ID ${ulidOf(id)} is already revoked`);
  const revoked = await transaction(context, async (client) => {
    await client.query('update personal_sessions set revoked_at = now() where personal_session_id = $1', [id]);
    await client.query('update personal_access_tokens set revoked_at = now() where personal_session_id = $1 and revoked_at is null', [id]);
    if ((row['scope_list'] as string[]).some((scope) => deviceOf(scope) !== undefined)) await schedule(client, 'sync-devices', String(row['actor_user_id']));
    return find(client, personalSessions, id);
  });
  context.queue.kick();
  return single(200, personalSessions, revoked);
};

const regeneratePersonalSession: Handler = async (context, request) => {
  const caller = await callerOf(context, request);
  const id = pathId(request);
  const fields = body(request);
  const row = await one<Record<string, unknown>>(context.pool, 'select * from personal_sessions where personal_session_id = $1', [id]);
  if (row === undefined) return adminError(404, 'Session not found');
  if (row['revoked_at'] !== null) return adminError(422, 'Session not valid');
  const owned = caller.userId !== undefined ? row['owner_user_id'] === caller.userId : row['owner_oauth2_client_id'] === caller.clientId;
  if (!owned) return adminError(403, 'Session does not belong to you');
  return transaction(context, async (client) => {
    await client.query('update personal_access_tokens set revoked_at = now() where personal_session_id = $1 and revoked_at is null', [id]);
    const token = await addPersonalToken(client, id, fields['expires_in']);
    return single(201, personalSessions, await find(client, personalSessions, id), undefined, { access_token: token });
  });
};

/** `POST /…-sessions/{id}/finish`. */
function finisher(resource: 'compat-sessions' | 'oauth2-sessions' | 'user-sessions', title: string): Handler {
  return async (context, request) => {
    await callerOf(context, request);
    const id = pathId(request);
    const kind = RESOURCES[resource];
    const row = await one<Record<string, unknown>>(context.pool, `select * from ${kind.from} where ${kind.id} = $1`, [id]);
    if (row === undefined) return adminError(404, `${title} with ID ${ulidOf(id)} not found`);
    if (row['finished_at'] !== null) return adminError(400, `${title} with ID ${ulidOf(id)} is already finished`);
    const ended = await transaction(context, async (client) => {
      await client.query(`update ${kind.from} set finished_at = now() where ${kind.id} = $1`, [id]);
      if (resource !== 'user-sessions' && typeof row['user_id'] === 'string') await schedule(client, 'sync-devices', row['user_id']);
      return find(client, kind, id);
    });
    context.queue.kick();
    return single(200, kind, ended, `${ROOT}/${resource}/${ulidOf(id)}/finish`);
  };
}

const addEmail: Handler = async (context, request) => {
  await callerOf(context, request);
  const fields = body(request);
  const [user, email] = [uuidOf(text(fields, 'user_id')), text(fields, 'email')];
  if (user === undefined || await one(context.pool, 'select 1 from users where user_id = $1', [user]) === undefined) return adminError(404, `User ID ${text(fields, 'user_id')} not found`);
  if (!/^[^@\s]+@[^@\s]+$/.test(email)) return adminError(400, `Email ${JSON.stringify(email)} is not valid`);
  if (await one(context.pool, 'select 1 from user_emails where lower(email) = lower($1)', [email]) !== undefined) return adminError(409, `User email ${JSON.stringify(email)} already in use`);
  const id = newId();
  await context.pool.query('insert into user_emails (user_email_id, user_id, email, created_at) values ($1, $2, $3, now())', [id, user, email]);
  await schedule(context.pool, 'provision-user', user);
  context.queue.kick();
  return single(201, RESOURCES['user-emails'], await find(context.pool, RESOURCES['user-emails'], id));
};

const siteConfig: Handler = async (context, request) => {
  await callerOf(context, request);
  const { account, matrix, passwords, small } = context.config;
  return json(200, {
    server_name: matrix.homeserver, password_login_enabled: passwords.enabled, password_registration_enabled: passwords.enabled && account.passwordRegistrationEnabled,
    password_registration_email_required: account.passwordRegistrationEmailRequired, password_registration_token_required: account.passwordRegistrationTokenRequired,
    registration_token_required: account.passwordRegistrationTokenRequired, email_change_allowed: account.emailChangeAllowed, displayname_change_allowed: account.displaynameChangeAllowed,
    password_change_allowed: passwords.enabled && account.passwordChangeAllowed, account_recovery_allowed: passwords.enabled && account.passwordRecoveryEnabled,
    account_deactivation_allowed: account.accountDeactivationAllowed, captcha_enabled: small.captchaService !== undefined, minimum_password_complexity: passwords.minimumComplexity,
  });
};

const version: Handler = async (context, request) => {
  await callerOf(context, request);
  return json(200, { version: 'v1.22.0' });
};

/** Handlers by path below /api/admin/v1, other than reading lists and single things. */
export const ACTIONS: Readonly<Record<string, Readonly<Record<string, Handler>>>> = {
  'site-config': { GET: siteConfig },
  version: { GET: version },
  'users/by-username/{username}': { GET: byUsername },
  'users/{id}/set-password': { POST: setPassword },
  'users/{id}/set-admin': { POST: setAdmin },
  'users/{id}/lock': { POST: userAction('lock', 'update users set locked_at = coalesce(locked_at, now()) where user_id = $1', 'provision-user') },
  'users/{id}/unlock': { POST: userAction('unlock', 'update users set locked_at = null where user_id = $1', 'provision-user') },
  'users/{id}/deactivate': { POST: userAction('deactivate', 'update users set deactivated_at = coalesce(deactivated_at, now()) where user_id = $1', 'deactivate-user') },
  'users/{id}/reactivate': { POST: reactivate },
  'personal-sessions/{id}/revoke': { POST: revokePersonalSession },
  'personal-sessions/{id}/regenerate': { POST: regeneratePersonalSession },
  'compat-sessions/{id}/finish': { POST: finisher('compat-sessions', 'Compatibility session') },
  'oauth2-sessions/{id}/finish': { POST: finisher('oauth2-sessions', 'OAuth 2.0 session') },
  'user-sessions/{id}/finish': { POST: finisher('user-sessions', 'User session') },
};

/** What POST makes, by resource. */
export const CREATORS: Readonly<Record<string, Handler>> = { users: addUser, 'personal-sessions': addPersonalSession, 'user-emails': addEmail };
