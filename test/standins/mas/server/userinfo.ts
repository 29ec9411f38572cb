import { SignJWT } from 'jose';
import { ulidOf } from '../db/ids.ts';
import { bearer, form, type ClientRow } from './client-auth.ts';
import { isValid, issuer, one, type Context, type UserRow } from './context.ts';
import { kindOf } from './tokens.ts';
import { json, type Reply, type Request } from './wire.ts';

interface SessionRow extends UserRow { oauth2_access_token_id: string; oauth2_client_id: string; scope_list: string[]; first_used_at: Date | null }

/** `/oauth2/userinfo`: `sub` and `username` for a token with `openid`, signed when the client asked for that (crates/handlers/src/oauth2/userinfo.rs). */
export async function userinfo(context: Context, request: Request): Promise<Reply> {
  const token = bearer(request) ?? form(request)?.get('access_token') ?? '';
  const row = kindOf(token) !== 'access' ? undefined : await one<SessionRow>(context.pool, `select t.oauth2_access_token_id, t.first_used_at, s.oauth2_client_id, s.scope_list, u.*
    from oauth2_access_tokens t join oauth2_sessions s using (oauth2_session_id) join users u using (user_id)
    where t.access_token = $1 and t.revoked_at is null and t.expires_at >= now() and s.finished_at is null`, [token]);
  if (row === undefined || !row.scope_list.includes('openid') || !isValid(row)) return { status: 401 };
  await context.pool.query('update oauth2_access_tokens set first_used_at = coalesce(first_used_at, now()) where oauth2_access_token_id = $1', [row.oauth2_access_token_id]);
  const info = { sub: ulidOf(row.user_id), username: row.username };
  const client = await one<ClientRow>(context.pool, 'select * from oauth2_clients where oauth2_client_id = $1', [row.oauth2_client_id]);
  const algorithm = client?.userinfo_signed_response_alg;
  const key = algorithm == null ? undefined : context.keys.find((candidate) => candidate.algorithms.includes(algorithm));
  if (algorithm == null || key === undefined) return json(200, info);
  const jwt = await new SignJWT(info).setProtectedHeader({ alg: algorithm, kid: key.kid }).setIssuer(issuer(context)).setAudience(ulidOf(row.oauth2_client_id)).sign(key.key);
  return { status: 200, headers: { 'content-type': 'application/jwt' }, body: jwt };
}
