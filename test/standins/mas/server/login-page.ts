import { newId, ulidOf } from '../db/ids.ts';
import { accountAction, actionTarget, loginTarget, pageForm, readAction, visit, type PostAuthAction } from './browser.ts';
import { one, transaction, type Context, type UserRow } from './context.ts';
import { Cookies } from './cookies.ts';
import { accountPage, inactivePage, indexPage, loginPage } from './pages.ts';
import { html, seeOther, type Reply, type Request } from './wire.ts';
import { currentPassword, findUser } from './users.ts';

async function providers(context: Context): Promise<{ id: string; name: string }[]> {
  const { rows } = await context.pool.query<{ upstream_oauth_provider_id: string; human_name: string | null; issuer: string | null }>('select * from upstream_oauth_providers where disabled_at is null order by ui_order');
  return rows.map((row) => ({ id: ulidOf(row.upstream_oauth_provider_id), name: row.human_name ?? row.issuer ?? 'provider' }));
}

async function render(context: Context, request: Request, cookies: Cookies, username?: string, error?: string): Promise<Reply> {
  const hint = /^mxid:@([^:]+):(.+)$/.exec(request.url.searchParams.get('login_hint') ?? '');
  const hinted = hint?.[2] === context.homeserver.name ? hint[1] : undefined;
  const csrf = cookies.csrf();
  const body = loginPage({ csrf, username: username ?? hinted, error, providers: await providers(context), passwords: context.passwords.enabled, query: request.url.search });
  return html(200, body, cookies.headers);
}

async function findByNameOrEmail(context: Context, name: string): Promise<UserRow | undefined> {
  if (context.config.account.loginWithEmailAllowed && name.includes('@')) {
    const byEmail = await one<UserRow>(context.pool, 'select u.* from user_emails e join users u using (user_id) where lower(e.email) = lower($1)', [name]);
    if (byEmail !== undefined) return byEmail;
  }
  return findUser(context.pool, name);
}

/** `GET /login`: straight on when signed in; straight to the only provider when there are no passwords (crates/handlers/src/views/login.rs). */
export async function getLogin(context: Context, request: Request): Promise<Reply> {
  const action = readAction(request.url.searchParams);
  const { cookies, session } = await visit(context, request, action ?? {});
  if (session !== undefined) return seeOther(actionTarget(action), cookies.headers);
  const [only, second] = await providers(context);
  if (!context.passwords.enabled && only !== undefined && second === undefined) return seeOther(`/upstream/authorize/${only.id}${request.url.search}`, cookies.headers);
  return render(context, request, cookies);
}

/** `POST /login`: 303 onwards when right, the form again with status 200 when not. */
export async function postLogin(context: Context, request: Request): Promise<Reply> {
  if (!context.passwords.enabled) return { status: 405 };
  const cookies = new Cookies(context, request);
  const body = pageForm(request);
  cookies.verifyCsrf(body.get('csrf'));
  const [username, password] = [body.get('username') ?? '', body.get('password') ?? ''];
  if (username === '' || password === '') return render(context, request, cookies, username, 'This field is required');
  const wrong = 'Incorrect username or password';
  const user = await findByNameOrEmail(context, context.homeserver.localpart(username) ?? username);
  if (user === undefined) return render(context, request, cookies, username, wrong);
  if (!context.limiter.allowPassword(request.clientIp, user.user_id)) return render(context, request, cookies, username, "You've made too many requests in a short period. Please wait a few minutes and try again.");
  const stored = await currentPassword(context.pool, user.user_id);
  const result = stored === undefined ? undefined : await context.passwords.verify(stored.version, password, stored.hashed_password);
  if (stored === undefined || result === undefined) return render(context, request, cookies, username, wrong);
  const action = readAction(request.url.searchParams);
  if (user.deactivated_at !== null || user.locked_at !== null) {
    return html(200, inactivePage(cookies.csrf(), user.deactivated_at !== null ? 'deactivated' : 'locked', action ?? {}), cookies.headers);
  }
  const session = await transaction(context, async (connection) => {
    let passwordId = stored.user_password_id;
    if (result.upgraded !== undefined) {
      passwordId = newId();
      await connection.query('insert into user_passwords (user_password_id, user_id, hashed_password, version, upgraded_from_id, created_at) values ($1, $2, $3, $4, $5, now())',
        [passwordId, user.user_id, result.upgraded.hashed, result.upgraded.version, stored.user_password_id]);
    }
    const id = newId();
    await connection.query('insert into user_sessions (user_session_id, user_id, created_at, user_agent) values ($1, $2, now(), $3)', [id, user.user_id, request.headers['user-agent'] ?? null]);
    await connection.query('insert into user_session_authentications (user_session_authentication_id, user_session_id, created_at, user_password_id) values ($1, $2, now(), $3)', [newId(), id, passwordId]);
    return id;
  });
  cookies.setSession(session);
  return seeOther(actionTarget(action), cookies.headers);
}

/** `POST /logout`: ends the browser session and goes to the login page, or on to what the form carries (views/logout.rs). */
export async function postLogout(context: Context, request: Request): Promise<Reply> {
  const cookies = new Cookies(context, request);
  const body = pageForm(request);
  cookies.verifyCsrf(body.get('csrf'));
  const id = cookies.sessionId();
  if (id !== undefined) await context.pool.query('update user_sessions set finished_at = now() where user_session_id = $1 and finished_at is null', [id]);
  cookies.setSession(undefined);
  const action = readAction(body);
  return seeOther(action === undefined ? '/login' : actionTarget(action), cookies.headers);
}

/** `GET /`. */
export async function getIndex(context: Context, request: Request): Promise<Reply> {
  const { cookies, session } = await visit(context, request);
  const csrf = cookies.csrf();
  return html(200, indexPage(csrf, session?.user.username), cookies.headers);
}

/** `GET /account` without slash. */
export function redirectToAccount(_context: Context, request: Request): Reply {
  return seeOther(`/account/${request.url.search}`);
}

/** `GET /account/…`: mas-cli serves a single-page application, the stand-in a list. `action=org.matrix.cross_signing_reset` allows the reset at once, which mas-cli asks about first. */
export async function getAccount(context: Context, request: Request): Promise<Reply> {
  const wanted = accountAction(request.url.searchParams);
  const action: PostAuthAction = { kind: 'manage_account', ...wanted };
  const { cookies, session } = await visit(context, request, action);
  if (session === undefined) return seeOther(loginTarget(action), cookies.headers);
  let notice: string | undefined;
  if (wanted['action'] === 'org.matrix.cross_signing_reset') {
    await context.homeserver.allowCrossSigningReset(session.user.username);
    notice = 'For the next minutes your cross-signing keys may be reset. Go back to your app.';
  }
  const { rows } = await context.pool.query<{ name: string; device: string | null }>(`select coalesce(human_name, 'Session') as name, device_id as device from compat_sessions where user_id = $1 and finished_at is null
    union all select coalesce(c.client_name, 'Application'), null from oauth2_sessions s join oauth2_clients c using (oauth2_client_id) where s.user_id = $1 and s.finished_at is null`, [session.user.user_id]);
  return html(200, accountPage({ csrf: cookies.csrf(), mxid: context.homeserver.mxid(session.user.username), sessions: rows, notice }), cookies.headers);
}

/** `GET /.well-known/change-password`. */
export function changePassword(): Reply {
  return seeOther('/account/password/change');
}
