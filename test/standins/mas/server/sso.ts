import { newId, ulidOf, uuidOf } from '../db/ids.ts';
import { loginTarget, pageForm, visit, type PostAuthAction } from './browser.ts';
import { absolute, one, type Context } from './context.ts';
import { errorPage, ssoPage } from './pages.ts';
import { alphanumeric } from './tokens.ts';
import { badPathId, html, seeOther, type Reply, type Request } from './wire.ts';

/** `GET /_matrix/client/{version}/login/sso/redirect[/idp]`: any address to return to is taken (crates/handlers/src/compat/login_sso_redirect.rs). */
export async function ssoRedirect(context: Context, request: Request): Promise<Reply> {
  const wanted = request.url.searchParams.get('redirectUrl');
  if (wanted === null) return html(400, errorPage('Missing redirectUrl'));
  if (!URL.canParse(wanted)) return html(400, errorPage('invalid redirectUrl'));
  const url = new URL(wanted);
  if (url.username !== '' || url.password !== '') return html(400, errorPage('invalid redirectUrl'));
  const id = newId();
  await context.pool.query('insert into compat_sso_logins (compat_sso_login_id, redirect_uri, login_token, created_at) values ($1, $2, $3, now())', [id, url.href, alphanumeric(32)]);
  const action = request.url.searchParams.get('action') ?? request.url.searchParams.get('org.matrix.msc3824.action');
  const known = action === 'login' || action === 'register' ? `?${new URLSearchParams({ action, 'org.matrix.msc3824.action': action }).toString()}` : '';
  return seeOther(absolute(context, `complete-compat-sso/${ulidOf(id)}${known}`));
}

interface LoginRow { compat_sso_login_id: string; redirect_uri: string; login_token: string; created_at: Date; fulfilled_at: Date | null; exchanged_at: Date | null }

/** `GET` and `POST /complete-compat-sso/{id}`: asks, then returns with a login token; the page lives for half an hour (login_sso_complete.rs). */
export async function completeSso(context: Context, request: Request): Promise<Reply> {
  const id = uuidOf(request.params['id'] ?? '');
  if (id === undefined) return badPathId(request);
  const next: PostAuthAction = { kind: 'continue_compat_sso_login', id: ulidOf(id) };
  const { cookies, session } = await visit(context, request, next);
  if (request.method === 'POST') cookies.verifyCsrf(pageForm(request).get('csrf'));
  const csrf = cookies.csrf();
  if (session === undefined) {
    const register = request.url.searchParams.get('action') === 'register';
    return seeOther(register ? `/register?${new URLSearchParams(next).toString()}` : loginTarget(next), cookies.headers);
  }
  const login = await one<LoginRow>(context.pool, 'select * from compat_sso_logins where compat_sso_login_id = $1', [id]);
  if (login === undefined) return html(500, errorPage('Could not find compat SSO login'), cookies.headers);
  const expired = Date.now() > login.created_at.getTime() + 1_800_000;
  if (expired || (request.method === 'POST' && login.fulfilled_at !== null)) return html(200, errorPage('This login session expired.'), cookies.headers);
  const target = new URL(login.redirect_uri);
  if (request.method === 'GET') return html(200, ssoPage({ csrf, host: target.host, mxid: context.homeserver.mxid(session.user.username), next }), cookies.headers);
  await context.pool.query('update compat_sso_logins set fulfilled_at = now(), user_session_id = $2 where compat_sso_login_id = $1', [id, session.user_session_id]);
  target.searchParams.append('loginToken', login.login_token);
  return seeOther(target.href, cookies.headers);
}
