import { newId, ulidOf, uuidOf } from '../db/ids.ts';
import { loginTarget, pageForm, visit, type PostAuthAction } from './browser.ts';
import { clientForm, Refusal, unreadable, type ClientRow } from './client-auth.ts';
import { absolute, one, type Context } from './context.ts';
import { Cookies } from './cookies.ts';
import { deviceConsentPage, deviceDonePage, deviceLinkPage, errorPage, policyPage } from './pages.ts';
import { grantViolations, policyPageStatus } from './policy.ts';
import { parseScope } from './scope.ts';
import { authenticatedClient } from './token.ts';
import { alphanumeric } from './tokens.ts';
import { badPathId, html, json, oauthError, seeOther, type Reply, type Request } from './wire.ts';

const LIFETIME = 1200;

/** `POST /oauth2/device`: codes for twenty minutes, to be asked about every five seconds (crates/handlers/src/oauth2/device/authorize.rs). */
export async function authorizeDevice(context: Context, request: Request): Promise<Reply> {
  const { small } = context.config;
  if (!small.deviceCodeGrantEnabled) return oauthError(400, 'invalid_request', 'The Device Authorization Grant is disabled on this server');
  const asked = clientForm(request, [])?.get('scope');
  const scope = asked == null ? [] : parseScope(asked);
  if (scope === undefined) throw unreadable('Invalid scope format');
  const client = await authenticatedClient(context, request);
  if (!client.grant_type_device_code) return oauthError(401, 'unauthorized_client');
  const [deviceCode, userCode] = [alphanumeric(32), alphanumeric(6).toUpperCase()];
  await context.pool.query(`insert into oauth2_device_code_grant (oauth2_device_code_grant_id, oauth2_client_id, scope, user_code, device_code, created_at, expires_at, ip_address, user_agent)
    values ($1, $2, $3, $4, $5, now(), now() + make_interval(secs => $6), $7, $8)`,
  [newId(), client.oauth2_client_id, scope.join(' '), userCode, deviceCode, LIFETIME, request.clientIp ?? null, request.headers['user-agent'] ?? null]);
  const link = absolute(context, 'link');
  return json(200, {
    device_code: deviceCode, user_code: userCode, verification_uri: link, ...(small.deviceCodeAutoFillEnabled ? { verification_uri_complete: `${link}?code=${userCode}` } : {}),
    expires_in: LIFETIME, interval: 5,
  }, { 'cache-control': 'no-store', pragma: 'no-cache' });
}

function demandEnabled(context: Context): void {
  if (!context.config.small.deviceCodeGrantEnabled) throw new Refusal(html(500, errorPage('The Device Authorization Grant is disabled')));
}

/** `GET` and `POST /link`: the page where the code is typed; `?code=` counts only when automatic filling is on. */
export async function link(context: Context, request: Request): Promise<Reply> {
  demandEnabled(context);
  const cookies = new Cookies(context, request);
  const body = request.method === 'POST' ? pageForm(request) : undefined;
  if (request.method === 'POST') cookies.verifyCsrf(body?.get('csrf'));
  const code = request.method === 'POST' ? body?.get('code') ?? null : context.config.small.deviceCodeAutoFillEnabled ? request.url.searchParams.get('code') : null;
  if (code !== null) {
    const grant = await one<{ oauth2_device_code_grant_id: string }>(context.pool, `select oauth2_device_code_grant_id from oauth2_device_code_grant
      where user_code = upper($1) and fulfilled_at is null and rejected_at is null and exchanged_at is null and expires_at > now()`, [code]);
    if (grant !== undefined) return seeOther(`/device/${ulidOf(grant.oauth2_device_code_grant_id)}`, cookies.headers);
  }
  const csrf = cookies.csrf();
  return html(200, deviceLinkPage({ csrf, code: code ?? '', invalid: code !== null }), cookies.headers);
}

interface GrantRow { oauth2_device_code_grant_id: string; oauth2_client_id: string; scope: string; expires_at: Date; fulfilled_at: Date | null; rejected_at: Date | null; exchanged_at: Date | null }

/** `GET` and `POST /device/{id}`: consent with a box to tick, or refusal (device/consent.rs). */
export async function deviceConsent(context: Context, request: Request): Promise<Reply> {
  demandEnabled(context);
  const id = uuidOf(request.params['id'] ?? '');
  if (id === undefined) return badPathId(request);
  const action: PostAuthAction = { kind: 'continue_device_code_grant', id: ulidOf(id) };
  const body = request.method === 'POST' ? pageForm(request) : undefined;
  if (request.method === 'POST') new Cookies(context, request).verifyCsrf(body?.get('csrf'));
  const { cookies, session } = await visit(context, request, action);
  if (session === undefined) return seeOther(loginTarget(action), cookies.headers);
  const grant = await one<GrantRow>(context.pool, 'select * from oauth2_device_code_grant where oauth2_device_code_grant_id = $1', [id]);
  if (grant === undefined) return html(500, errorPage('Device grant not found'), cookies.headers);
  if (grant.expires_at < new Date()) return html(500, errorPage('Grant is expired'), cookies.headers);
  const client = await one<ClientRow>(context.pool, 'select * from oauth2_clients where oauth2_client_id = $1', [grant.oauth2_client_id]);
  if (client === undefined) return html(500, errorPage('Client not found'), cookies.headers);
  const scope = parseScope(grant.scope) ?? [];
  const violations = grantViolations(context, { kind: 'device_code', user: session.user, clientId: ulidOf(client.oauth2_client_id), scope });
  const csrf = cookies.csrf();
  if (violations.length > 0) return html(policyPageStatus(violations), policyPage({ csrf, violations, next: action }), cookies.headers);
  const name = client.client_name ?? ulidOf(client.oauth2_client_id);
  const pending = grant.fulfilled_at === null && grant.rejected_at === null && grant.exchanged_at === null;
  if (request.method === 'GET' && pending) {
    return html(200, deviceConsentPage({ csrf, client: name, mxid: context.homeserver.mxid(session.user.username), scope, next: action }), cookies.headers);
  }
  const choice = body?.get('action');
  if (request.method === 'POST' && choice !== 'consent' && choice !== 'reject') {
    return { status: 422, headers: { 'content-type': 'text/plain; charset=utf-8' }, body: 'Failed to deserialize form body: missing field `action`' };
  }
  if (pending && choice === 'consent' && body?.get('confirm_device') === null) return html(500, errorPage('The device must be confirmed before consent can be granted'), cookies.headers);
  if (pending) {
    await context.pool.query(`update oauth2_device_code_grant set ${choice === 'consent' ? 'fulfilled_at' : 'rejected_at'} = now(), user_session_id = $2, locale = 'en' where oauth2_device_code_grant_id = $1`, [id, session.user_session_id]);
  }
  return html(200, deviceDonePage(pending ? choice === 'consent' : grant.rejected_at === null, name), cookies.headers);
}
