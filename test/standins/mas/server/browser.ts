import { uuidOf } from '../db/ids.ts';
import { form, Refusal } from './client-auth.ts';
import { isValid, one, type Context, type UserRow } from './context.ts';
import { Cookies } from './cookies.ts';
import { inactivePage } from './pages.ts';
import { html, type Request } from './wire.ts';

/** The form that a page posts; anything else is refused as the web framework does it. */
export function pageForm(request: Request): URLSearchParams {
  const body = form(request);
  if (body === undefined) throw new Refusal({ status: 415, headers: { 'content-type': 'text/plain; charset=utf-8' }, body: 'Form requests must have `Content-Type: application/x-www-form-urlencoded`' });
  return body;
}

/** Account actions that mas-cli knows; those about one device need its id (crates/router/src/endpoints.rs `AccountAction`). */
const ACCOUNT_ACTIONS = ['org.matrix.profile', 'profile', 'org.matrix.devices_list', 'org.matrix.sessions_list', 'sessions_list', 'org.matrix.cross_signing_reset'];
const DEVICE_ACTIONS = ['org.matrix.device_view', 'org.matrix.session_view', 'session_view', 'org.matrix.device_delete', 'org.matrix.session_end', 'session_end'];

/** The account action in a query, if it is one. */
export function accountAction(parameters: URLSearchParams): Readonly<Record<string, string>> {
  const action = parameters.get('action') ?? '';
  const device = parameters.get('device_id');
  if (DEVICE_ACTIONS.includes(action)) return device === null ? {} : { action, device_id: device };
  return ACCOUNT_ACTIONS.includes(action) ? { action } : {};
}

/** What happens after a login, carried in the query (crates/router/src/endpoints.rs `PostAuthAction`). */
export type PostAuthAction = Readonly<Record<string, string>>;

/** A signed-in browser. */
export interface BrowserSession { readonly user_session_id: string; readonly user: UserRow }

/** A visit: its cookies, and who is signed in. */
export interface Visit { readonly cookies: Cookies; readonly session?: BrowserSession }

interface SessionRow extends UserRow { readonly user_session_id: string; readonly finished_at: Date | null }

/** Reads the session cookie. A session that ended, or a person locked or deactivated, gets a page about it instead of what was asked for (crates/handlers/src/session.rs). */
export async function visit(context: Context, request: Request, next: PostAuthAction = {}): Promise<Visit> {
  const cookies = new Cookies(context, request);
  const id = cookies.sessionId();
  if (id === undefined) return { cookies };
  const row = await one<SessionRow>(context.pool, 'select u.*, s.user_session_id, s.finished_at from user_sessions s join users u using (user_id) where s.user_session_id = $1', [id]);
  if (row === undefined) {
    cookies.setSession(undefined);
    return { cookies };
  }
  if (row.finished_at !== null || !isValid(row)) {
    const why = row.deactivated_at !== null ? 'deactivated' : row.locked_at !== null ? 'locked' : 'ended';
    const body = inactivePage(cookies.csrf(), why, next);
    throw new Refusal(html(200, body, cookies.headers));
  }
  return { cookies, session: { user_session_id: row.user_session_id, user: row } };
}

/** The action in a query or form; undefined when there is none that is known. */
export function readAction(parameters: URLSearchParams): PostAuthAction | undefined {
  const kind = parameters.get('kind');
  const id = parameters.get('id');
  switch (kind) {
    case 'continue_authorization_grant':
    case 'continue_device_code_grant':
    case 'continue_compat_sso_login':
    case 'link_upstream':
      return id !== null && uuidOf(id) !== undefined ? { kind, id } : undefined;
    case 'change_password': return { kind };
    case 'manage_account': return { kind, ...accountAction(parameters) };
    default: return undefined;
  }
}

/** Where an action leads. */
export function actionTarget(action: PostAuthAction | undefined): string {
  switch (action?.['kind']) {
    case 'continue_authorization_grant': return `/consent/${action['id'] ?? ''}`;
    case 'continue_device_code_grant': return `/device/${action['id'] ?? ''}`;
    case 'continue_compat_sso_login': return `/complete-compat-sso/${action['id'] ?? ''}`;
    case 'link_upstream': return `/upstream/link/${action['id'] ?? ''}`;
    case 'change_password': return '/account/password/change';
    case 'manage_account': {
      const { kind: _kind, ...query } = action;
      return `/account/${Object.keys(query).length === 0 ? '' : `?${new URLSearchParams(query).toString()}`}`;
    }
    default: return '/';
  }
}

/** The login page with an action to go on with. */
export function loginTarget(action: PostAuthAction, hint?: string): string {
  return `/login?${new URLSearchParams({ ...action, ...(hint === undefined ? {} : { login_hint: hint }) }).toString()}`;
}
