import { absolute, issuer, type Context } from './context.ts';
import { json, type Reply, type Request } from './wire.ts';

const AUTH_METHODS = ['client_secret_basic', 'client_secret_post', 'client_secret_jwt', 'private_key_jwt', 'none'];
const SIGNING = ['HS256', 'HS384', 'HS512', 'RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES256K'];

/** `/.well-known/openid-configuration` (crates/handlers/src/oauth2/discovery.rs). Endpoints are under `public_base`; the issuer of a bare host ends in a slash. */
export function discovery(context: Context): Reply {
  const { config } = context;
  const signing = [...new Set(context.keys.flatMap((key) => key.algorithms))];
  const device = config.small.deviceCodeGrantEnabled;
  return json(200, {
    issuer: issuer(context),
    authorization_endpoint: absolute(context, 'authorize'), token_endpoint: absolute(context, 'oauth2/token'), jwks_uri: absolute(context, 'oauth2/keys.json'),
    registration_endpoint: absolute(context, 'oauth2/registration'),
    scopes_supported: ['openid', 'email'], response_types_supported: ['code', 'id_token', 'code id_token'], response_modes_supported: ['form_post', 'query', 'fragment'],
    grant_types_supported: ['authorization_code', 'refresh_token', 'client_credentials', ...(device ? ['urn:ietf:params:oauth:grant-type:device_code'] : [])],
    token_endpoint_auth_methods_supported: AUTH_METHODS, token_endpoint_auth_signing_alg_values_supported: SIGNING,
    revocation_endpoint: absolute(context, 'oauth2/revoke'), revocation_endpoint_auth_methods_supported: AUTH_METHODS, revocation_endpoint_auth_signing_alg_values_supported: SIGNING,
    introspection_endpoint: absolute(context, 'oauth2/introspect'), introspection_endpoint_auth_methods_supported: AUTH_METHODS, introspection_endpoint_auth_signing_alg_values_supported: SIGNING,
    code_challenge_methods_supported: ['plain', 'S256'],
    userinfo_endpoint: absolute(context, 'oauth2/userinfo'), subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: signing, userinfo_signing_alg_values_supported: signing,
    display_values_supported: ['page'], claim_types_supported: ['normal'],
    claims_supported: ['iss', 'sub', 'aud', 'iat', 'exp', 'nonce', 'auth_time', 'at_hash', 'c_hash'],
    claims_parameter_supported: false, request_parameter_supported: false, request_uri_parameter_supported: false,
    prompt_values_supported: ['login', ...(context.passwords.enabled && config.account.passwordRegistrationEnabled ? ['create'] : [])],
    ...(device ? { device_authorization_endpoint: absolute(context, 'oauth2/device') } : {}),
    'org.matrix.matrix-authentication-service.graphql_endpoint': absolute(context, 'graphql'),
    account_management_uri: absolute(context, 'account/'),
    account_management_actions_supported: ['org.matrix.profile', 'org.matrix.devices_list', 'org.matrix.device_view', 'org.matrix.device_delete', 'org.matrix.cross_signing_reset',
      'org.matrix.sessions_list', 'org.matrix.session_view', 'org.matrix.session_end'],
  });
}

/** `/.well-known/webfinger`: points at the issuer for any resource (webfinger.rs). */
export function webfinger(context: Context, request: Request): Reply {
  const rel = 'http://openid.net/specs/connect/1.0/issuer';
  const subject = request.url.searchParams.get('resource');
  if (subject === null) return { status: 400, headers: { 'content-type': 'text/plain; charset=utf-8' }, body: 'Failed to deserialize query string: missing field `resource`' };
  const asked = request.url.searchParams.getAll('rel');
  const links = asked.length === 0 || asked.includes(rel) ? [{ rel, href: issuer(context) }] : [];
  return json(200, { subject, links }, { 'content-type': 'application/jrd+json' });
}

/** `/oauth2/keys.json`. */
export function jwks(context: Context): Reply {
  return json(200, { keys: context.keys.map((key) => key.publicJwk) });
}

/** `/health`: `ok` after a query on the database. */
export async function health(context: Context): Promise<Reply> {
  await context.pool.query('select $1::bigint', [1]);
  return { status: 200, headers: { 'content-type': 'text/plain; charset=utf-8' }, body: 'ok' };
}
