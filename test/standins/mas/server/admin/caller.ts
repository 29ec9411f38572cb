import { createHash } from 'node:crypto';
import { bearer, Refusal } from '../client-auth.ts';
import { isValid, one, type Context, type UserRow } from '../context.ts';
import { kindOf } from '../tokens.ts';
import { json, type Reply, type Request } from '../wire.ts';

/** An error of the admin API: a list of titles (crates/handlers/src/admin/response.rs `ErrorResponse`). */
export function adminError(status: number, ...titles: string[]): Reply {
  return json(status, { errors: titles.map((title) => ({ title })) });
}

/** Who calls: a client for itself, or a person. Personal sessions belong to whoever made them. */
export interface Caller { readonly clientId?: string; readonly userId?: string }

interface OauthRow { oauth2_client_id: string; user_id: string | null; scope_list: string[]; finished_at: Date | null; expired: boolean }
interface PersonalRow { actor_user_id: string; owner_user_id: string | null; scope_list: string[]; revoked_at: Date | null; expired: boolean }

async function demandUser(context: Context, userId: string): Promise<void> {
  const user = await one<UserRow>(context.pool, 'select * from users where user_id = $1', [userId]);
  if (user === undefined || !isValid(user)) throw new Refusal(adminError(401, 'User locked'));
}

function demandScope(scope: readonly string[]): void {
  if (!scope.includes('urn:mas:admin')) throw new Refusal(adminError(401, 'Missing urn:mas:admin scope'));
}

/** Checks the bearer token, which needs `urn:mas:admin` (crates/handlers/src/admin/call_context.rs). */
export async function callerOf(context: Context, request: Request): Promise<Caller> {
  const token = bearer(request);
  if (token === undefined) throw new Refusal(adminError(400, request.headers.authorization === undefined ? 'Missing authorization header' : 'Invalid authorization header'));
  const kind = kindOf(token);
  if (kind === 'access') {
    const row = await one<OauthRow>(context.pool, `select s.oauth2_client_id, s.user_id, s.scope_list, s.finished_at, (t.revoked_at is not null or t.expires_at < now()) as expired
      from oauth2_access_tokens t join oauth2_sessions s using (oauth2_session_id) where t.access_token = $1`, [token]);
    if (row === undefined) throw new Refusal(adminError(401, 'Unknown access token'));
    if (row.finished_at !== null) throw new Refusal(adminError(401, 'Access token revoked'));
    if (row.expired) throw new Refusal(adminError(401, 'Access token expired'));
    if (row.user_id !== null) await demandUser(context, row.user_id);
    demandScope(row.scope_list);
    return row.user_id === null ? { clientId: row.oauth2_client_id } : { userId: row.user_id };
  }
  if (kind === 'personal') {
    const row = await one<PersonalRow>(context.pool, `select s.actor_user_id, s.owner_user_id, s.scope_list, s.revoked_at, (t.revoked_at is not null or t.expires_at < now()) as expired
      from personal_access_tokens t join personal_sessions s using (personal_session_id) where t.access_token_sha256 = $1`, [createHash('sha256').update(token).digest()]);
    if (row === undefined) throw new Refusal(adminError(401, 'Unknown access token'));
    if (row.revoked_at !== null) throw new Refusal(adminError(401, 'Access token revoked'));
    if (row.expired) throw new Refusal(adminError(401, 'Access token expired'));
    if (row.owner_user_id !== null) await demandUser(context, row.owner_user_id);
    await demandUser(context, row.actor_user_id);
    demandScope(row.scope_list);
    return { userId: row.actor_user_id };
  }
  throw new Refusal(adminError(401, 'Invalid type of access token', ...(kind === undefined ? ['invalid token format'] : [])));
}
