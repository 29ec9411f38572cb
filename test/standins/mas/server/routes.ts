import { ADMIN_ROUTES } from './admin/routes.ts';
import { authorize, consent } from './authorize.ts';
import { login, loginFlows, logout, logoutAll, refresh } from './compat.ts';
import type { Context } from './context.ts';
import { authorizeDevice, deviceConsent, link } from './device.ts';
import { discovery, health, jwks, webfinger } from './discovery.ts';
import { introspect } from './introspection.ts';
import { changePassword, getAccount, getIndex, getLogin, postLogin, postLogout, redirectToAccount } from './login-page.ts';
import { register } from './registration.ts';
import { completeSso, ssoRedirect } from './sso.ts';
import { revoke, token } from './token.ts';
import { userinfo } from './userinfo.ts';
import { path, type Route } from './wire.ts';

const COMPAT = '/_matrix/client/{version}';

/** Every place the stand-in serves, by resource (crates/router/src/endpoints.rs). */
export const ROUTES: readonly Route<Context>[] = [
  { resource: 'health', pattern: path('/health'), methods: { GET: health } },
  { resource: 'discovery', pattern: path('/.well-known/openid-configuration'), methods: { GET: discovery }, cors: true },
  { resource: 'discovery', pattern: path('/.well-known/webfinger'), methods: { GET: webfinger }, cors: true },
  { resource: 'oauth', pattern: path('/oauth2/keys.json'), methods: { GET: jwks }, cors: true },
  { resource: 'oauth', pattern: path('/oauth2/introspect'), methods: { POST: introspect }, cors: true },
  { resource: 'oauth', pattern: path('/oauth2/token'), methods: { POST: token }, cors: true },
  { resource: 'oauth', pattern: path('/oauth2/revoke'), methods: { POST: revoke }, cors: true },
  { resource: 'oauth', pattern: path('/oauth2/userinfo'), methods: { GET: userinfo, POST: userinfo }, cors: true },
  { resource: 'oauth', pattern: path('/oauth2/registration'), methods: { POST: register }, cors: true },
  { resource: 'oauth', pattern: path('/oauth2/device'), methods: { POST: authorizeDevice }, cors: true },
  { resource: 'human', pattern: path('/'), methods: { GET: getIndex } },
  { resource: 'human', pattern: path('/login'), methods: { GET: getLogin, POST: postLogin } },
  { resource: 'human', pattern: path('/logout'), methods: { POST: postLogout } },
  { resource: 'human', pattern: path('/authorize'), methods: { GET: authorize } },
  { resource: 'human', pattern: path('/consent/{id}'), methods: { GET: consent, POST: consent } },
  { resource: 'human', pattern: path('/link'), methods: { GET: link, POST: link } },
  { resource: 'human', pattern: path('/device/{id}'), methods: { GET: deviceConsent, POST: deviceConsent } },
  { resource: 'human', pattern: path('/complete-compat-sso/{id}'), methods: { GET: completeSso, POST: completeSso } },
  { resource: 'human', pattern: path('/account'), methods: { GET: redirectToAccount } },
  { resource: 'human', pattern: path('/account/{rest*}'), methods: { GET: getAccount } },
  { resource: 'human', pattern: path('/.well-known/change-password'), methods: { GET: changePassword } },
  { resource: 'compat', pattern: path(`${COMPAT}/login/sso/redirect`), methods: { GET: ssoRedirect } },
  { resource: 'compat', pattern: path(`${COMPAT}/login/sso/redirect/{idp*}`), methods: { GET: ssoRedirect } },
  { resource: 'compat', pattern: path(`${COMPAT}/login`), methods: { GET: loginFlows, POST: login }, cors: true },
  { resource: 'compat', pattern: path(`${COMPAT}/logout`), methods: { POST: logout }, cors: true },
  { resource: 'compat', pattern: path(`${COMPAT}/logout/all`), methods: { POST: logoutAll }, cors: true },
  { resource: 'compat', pattern: path(`${COMPAT}/refresh`), methods: { POST: refresh }, cors: true },
  ...ADMIN_ROUTES,
];
