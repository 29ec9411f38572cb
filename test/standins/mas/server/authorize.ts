import { newId, ulidOf, uuidOf } from '../db/ids.ts';
import { findClient, type ClientRow } from './client-auth.ts';
import { one, transaction, type Context } from './context.ts';
import { loginTarget, pageForm, visit, type PostAuthAction } from './browser.ts';
import { idToken } from './oauth-sessions.ts';
import { consentPage, errorPage, formPostPage, policyPage } from './pages.ts';
import { grantViolations, policyPageStatus } from './policy.ts';
import { parseScope } from './scope.ts';
import { alphanumeric } from './tokens.ts';
import { badPathId, html, oauthDescription, seeOther, type Reply, type Request } from './wire.ts';

type ResponseMode = 'query' | 'fragment' | 'form_post';

function text(status: number, body: string): Reply {
  return { status, headers: { 'content-type': 'text/plain; charset=utf-8' }, body };
}

const LOCAL_HOSTS = ['localhost', '127.0.0.1', '[::1]'];

/** The registered address this request may use: equal as parsed URLs, or, on a loopback host, equal without its port (crates/data-model/src/oauth2/client.rs). */
export function resolveRedirectUri(registered: readonly string[], requested: string | undefined): URL | string {
  if (registered.length === 0) return 'client has no redirect_uri registered';
  if (requested === undefined) return registered.length === 1 ? new URL(registered[0] ?? '') : 'multiple redirect_uris registered for this client';
  const uri = new URL(requested);
  const known = registered.map((candidate) => new URL(candidate).href);
  if (LOCAL_HOSTS.includes(uri.hostname)) {
    const withoutPort = new URL(uri);
    withoutPort.port = '';
    if (known.includes(withoutPort.href)) return uri;
  }
  return known.includes(uri.href) ? uri : 'redirect_uri is not allowed for this client';
}

/** Sends the browser back to the client: state first, then the result (crates/handlers/src/oauth2/authorization/callback.rs). In query mode an empty fragment is added. */
function goBack(uri: URL, mode: ResponseMode, state: string | null, result: Readonly<Record<string, string>>, cookies: readonly string[]): Reply {
  const fields = { ...(state === null ? {} : { state }), ...result };
  if (mode === 'form_post') return html(200, formPostPage(uri.href, fields), cookies);
  const parameters = new URLSearchParams(fields);
  const plain = uri.href.split('#')[0] ?? '';
  if (mode === 'fragment') return seeOther(`${plain}#${parameters.toString()}`, cookies);
  const existing = new URLSearchParams(uri.search);
  for (const [name, value] of parameters) existing.append(name, value);
  return seeOther(`${plain.split('?')[0] ?? ''}?${existing.toString()}#`, cookies);
}

/** `GET /authorize` (authorization/mod.rs). Before the client and its address are known to be right, errors are pages; afterwards they go back to the client. */
export async function authorize(context: Context, request: Request): Promise<Reply> {
  const query = request.url.searchParams;
  const failed = (reason: string): Reply => text(400, `Failed to deserialize query string: ${reason}`);
  for (const name of ['response_type', 'client_id', 'scope']) {
    if (query.get(name) === null) return failed(`missing field \`${name}\``);
  }
  const types = (query.get('response_type') ?? '').split(' ').filter((type) => type !== '');
  const scope = parseScope(query.get('scope') ?? '');
  const requested = query.get('redirect_uri');
  if (scope === undefined) return failed('Invalid scope format');
  if (requested !== null && !URL.canParse(requested)) return failed(`relative URL without a base: ${JSON.stringify(requested)}`);
  if (query.has('max_age') && !/^[1-9]\d*$/.test(query.get('max_age') ?? '')) return failed('number would be zero for non-zero type');
  const asked = query.get('response_mode');
  if (asked !== null && !['query', 'fragment', 'form_post'].includes(asked)) return html(400, errorPage('Requested response_mode is not supported'));
  const client = await findClient(context, query.get('client_id') ?? '');
  if (client === undefined) return html(400, errorPage('could not find client'));
  const uri = resolveRedirectUri(client.redirect_uris, requested ?? undefined);
  if (typeof uri === 'string') return html(400, errorPage(uri));
  const implicit = types.includes('token') || types.includes('id_token');
  if (implicit && asked === 'query') return html(400, errorPage('invalid response mode'));
  const mode = (asked ?? (implicit ? 'fragment' : 'query')) as ResponseMode;
  if (uri.hash !== '') return html(400, errorPage("Redirect URI can't have a fragment"));
  const state = query.get('state');
  const { cookies, session } = await visit(context, request).catch(() => visit(context, { ...request, headers: { ...request.headers, cookie: '' } }));
  const refuse = (error: string): Reply => goBack(uri, mode, state, { error, error_description: oauthDescription(error) }, cookies.headers);
  const prompts = (query.get('prompt') ?? '').split(' ');
  if (query.has('request')) return refuse('request_not_supported');
  if (query.has('request_uri')) return refuse('request_uri_not_supported');
  if (types.includes('token')) return refuse('unsupported_response_type');
  // No client, static or dynamic, gets the implicit grant here.
  if (types.includes('id_token')) return refuse('unauthorized_client');
  if (query.has('registration')) return refuse('registration_not_supported');
  if (prompts.includes('none')) return refuse('login_required');
  const hasCode = types.includes('code');
  if (hasCode && !client.grant_type_authorization_code) return refuse('unauthorized_client');
  const [method, challenge] = [query.get('code_challenge_method'), query.get('code_challenge')];
  // A challenge without its method is no challenge: both or none (pkce.rs).
  const pkce = method !== null && challenge !== null;
  if (!hasCode && pkce) return refuse('invalid_request');
  const id = newId();
  await context.pool.query(`insert into oauth2_authorization_grants (oauth2_authorization_grant_id, oauth2_client_id, authorization_code, redirect_uri, scope, state, nonce, response_mode,
      code_challenge_method, code_challenge, response_type_code, response_type_id_token, created_at, login_hint, locale, raw_parameters)
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $13, false, now(), $11, 'en', $12)`,
  [id, client.oauth2_client_id, hasCode ? alphanumeric(32) : null, uri.href, scope.join(' '), state, query.get('nonce'), mode, pkce ? method : null, pkce ? challenge : null, query.get('login_hint'), JSON.stringify(Object.fromEntries(query)), hasCode]);
  if (session !== undefined) return seeOther(`/consent/${ulidOf(id)}`, cookies.headers);
  const action = { kind: 'continue_authorization_grant', id: ulidOf(id) };
  if (prompts.includes('create')) return seeOther(`/register?${new URLSearchParams(action).toString()}`, cookies.headers);
  return seeOther(loginTarget(action, query.get('login_hint') ?? undefined), cookies.headers);
}

interface GrantRow {
  oauth2_authorization_grant_id: string; oauth2_client_id: string; authorization_code: string | null; redirect_uri: string; scope: string; state: string | null; nonce: string | null; response_mode: ResponseMode;
  fulfilled_at: Date | null; cancelled_at: Date | null; exchanged_at: Date | null; response_type_id_token: boolean;
}

/** `GET` and `POST /consent/{id}` (authorization/consent.rs): consent is asked every time, a grant can be used once (409), what the policy refuses is a page. */
export async function consent(context: Context, request: Request): Promise<Reply> {
  const id = uuidOf(request.params['id'] ?? '');
  if (id === undefined) return badPathId(request);
  const action: PostAuthAction = { kind: 'continue_authorization_grant', id: ulidOf(id) };
  const { cookies, session } = await visit(context, request, action);
  if (request.method === 'POST') cookies.verifyCsrf(pageForm(request).get('csrf'), 400);
  const grant = await one<GrantRow>(context.pool, 'select * from oauth2_authorization_grants where oauth2_authorization_grant_id = $1', [id]);
  if (grant === undefined) return html(404, errorPage('Authorization grant not found'), cookies.headers);
  const used = html(409, errorPage(`Authorization grant ${ulidOf(id)} already used`), cookies.headers);
  const pending = grant.fulfilled_at === null && grant.cancelled_at === null && grant.exchanged_at === null;
  if (request.method === 'GET' && !pending) return used;
  if (session === undefined) return seeOther(loginTarget(action), cookies.headers);
  if (!pending) return used;
  const client = await one<ClientRow>(context.pool, 'select * from oauth2_clients where oauth2_client_id = $1', [grant.oauth2_client_id]);
  if (client === undefined) throw new Error('Failed to load client');
  const scope = parseScope(grant.scope) ?? [];
  const violations = grantViolations(context, { kind: 'authorization_code', user: session.user, clientId: ulidOf(client.oauth2_client_id), scope });
  const csrf = cookies.csrf();
  if (violations.length > 0) return html(policyPageStatus(violations), policyPage({ csrf, violations, next: action }), cookies.headers);
  const uri = new URL(grant.redirect_uri);
  if (request.method === 'GET') {
    const cancel = goBack(uri, grant.response_mode, grant.state, { error: 'access_denied' }, []).headers?.['location'] ?? uri.href;
    const body = consentPage({ csrf, client: client.client_name ?? ulidOf(client.oauth2_client_id), mxid: context.homeserver.mxid(session.user.username), scope, cancel, next: action });
    return html(200, body, cookies.headers);
  }
  const fulfilled = await transaction(context, async (connection) => (await connection.query(
    'update oauth2_authorization_grants set fulfilled_at = now(), user_session_id = $2 where oauth2_authorization_grant_id = $1 and fulfilled_at is null', [id, session.user_session_id])).rowCount);
  if (fulfilled === 0) return used;
  const extra: Record<string, string> = grant.response_type_id_token
    ? { id_token: await idToken(context, client, { userSessionId: session.user_session_id, userId: session.user.user_id, username: session.user.username }, { nonce: grant.nonce, code: grant.authorization_code }) } : {};
  return goBack(uri, grant.response_mode, grant.state, { ...(grant.authorization_code === null ? {} : { code: grant.authorization_code }), ...extra }, cookies.headers);
}
