import { login, loginFlows, logout, logoutAll, refresh } from './compat.ts';
import type { Context } from './context.ts';
import { discovery, health, jwks, webfinger } from './discovery.ts';
import { introspect } from './introspection.ts';
import { path, type Route } from './wire.ts';

const COMPAT = '/_matrix/client/{version}';

/** Every place the stand-in serves, by resource (crates/router/src/endpoints.rs). */
export const ROUTES: readonly Route<Context>[] = [
  { resource: 'health', pattern: path('/health'), methods: { GET: health } },
  { resource: 'discovery', pattern: path('/.well-known/openid-configuration'), methods: { GET: discovery }, cors: true },
  { resource: 'discovery', pattern: path('/.well-known/webfinger'), methods: { GET: webfinger }, cors: true },
  { resource: 'oauth', pattern: path('/oauth2/keys.json'), methods: { GET: jwks }, cors: true },
  { resource: 'oauth', pattern: path('/oauth2/introspect'), methods: { POST: introspect }, cors: true },
  { resource: 'compat', pattern: path(`${COMPAT}/login`), methods: { GET: loginFlows, POST: login }, cors: true },
  { resource: 'compat', pattern: path(`${COMPAT}/logout`), methods: { POST: logout }, cors: true },
  { resource: 'compat', pattern: path(`${COMPAT}/logout/all`), methods: { POST: logoutAll }, cors: true },
  { resource: 'compat', pattern: path(`${COMPAT}/refresh`), methods: { POST: refresh }, cors: true },
];
