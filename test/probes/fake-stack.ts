/**
 * A fake of edge, Synapse and MAS on one port, no more faithful than the probes look: it answers well until a test says otherwise.
 * What the real ones answer is proved by the end-to-end tests.
 */
import { createServer } from 'node:http';
import type { IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { probeHeader } from '../../model/names.ts';
import type { ProbeContext } from '../../probes/contract.ts';
import { edgeFetch } from '../../probes/fetch.ts';
import { probePeople } from '../../probes/people.ts';

export interface FakeAnswer {
  readonly status: number;
  readonly headers?: { readonly [name: string]: string };
  readonly body?: object | string;
}

export interface FakeRequest {
  /** `<host> <METHOD> <path>`; host is homeserver, auth, apex, or synapse, mas, internal for direct addresses. */
  readonly route: string;
  readonly query: URLSearchParams;
  readonly body: string;
  readonly token: string | undefined;
  readonly headers: IncomingMessage['headers'];
}

export type FakeRoute = (request: FakeRequest) => FakeAnswer;
type Rows = Record<string, unknown>[];

export interface FakeStack {
  readonly context: ProbeContext;
  /** Replaces the answer of a route. */
  on(route: string, answer: FakeRoute): void;
  /** Rows of the statements that match; the newest rule first. */
  rows(database: 'synapse' | 'mas', statement: RegExp, rows: Rows): void;
  /** Opens a session by hand. */
  session(token: string, localpart: string, deviceId: string): void;
  readonly sessions: ReadonlyMap<string, { readonly userId: string; readonly deviceId: string }>;
  readonly requests: readonly FakeRequest[];
  close(): Promise<void>;
}

export const json = (status: number, body: object, headers: { readonly [name: string]: string } = {}): FakeAnswer => ({ status, body, headers: { 'Content-Type': 'application/json', ...headers } });
const matrixError = (status: number, errcode: string, error: string): FakeAnswer => json(status, { errcode, error });
export const unrecognized = matrixError(404, 'M_UNRECOGNIZED', 'Unrecognized request');
const anyOrigin = { 'Access-Control-Allow-Origin': '*' };

export const fakeClient = { name: 'desktop', clientId: '0000000000000000000DESKT0P', redirectUris: ['http://127.0.0.1/callback'], authMethod: 'none' } as const;
const adminClient = { name: 'matrix-stack-admin', clientId: '0000000000000000000000ADMN', redirectUris: [], authMethod: 'client_secret_basic' } as const;

/** Secrets of the fake; none may ever show up in evidence. */
export const fakeSecrets = { matrixSecret: 'fake-matrix-secret', probePassword: 'fake-probe-password', masAdminClient: 'fake-admin-secret', registration: 'fake-registration-secret', asTokens: { bridge: 'fake-as-token' } } as const;

const hosts: { readonly [host: string]: string } = { 'matrix.fake.test': 'homeserver', 'auth.fake.test': 'auth', 'fake.test': 'apex' };
const urls = { homeserver: 'https://matrix.fake.test/', issuer: 'https://auth.fake.test/', apex: 'https://fake.test/', element: null };

export async function fakeStack(phase: ProbeContext['phase']): Promise<FakeStack> {
  const sessions = new Map<string, { userId: string; deviceId: string }>([[fakeSecrets.asTokens.bridge, { userId: '@bridgebot:fake.test', deviceId: '' }]]);
  const routes = new Map<string, FakeRoute>();
  const rules: { database: string; statement: RegExp; rows: Rows }[] = [];
  const requests: FakeRequest[] = [];
  const people = probePeople(fakeSecrets.probePassword);
  let minted = 0;

  const server = createServer((incoming, outgoing) => {
    const chunks: Buffer[] = [];
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.on('end', () => {
      const url = new URL(incoming.url ?? '/', 'http://fake');
      const public_ = hosts[incoming.headers.host ?? ''];
      const [, prefix = '', rest = ''] = /^\/(synapse|mas|internal)(\/.*)$/.exec(url.pathname) ?? [];
      const route = public_ === undefined ? `${prefix} ${incoming.method ?? ''} ${rest}` : `${public_} ${incoming.method ?? ''} ${url.pathname}`;
      const request = { route, query: url.searchParams, body: Buffer.concat(chunks).toString(), token: /^Bearer (.+)$/.exec(incoming.headers.authorization ?? '')?.[1], headers: incoming.headers };
      requests.push(request);
      const { status, headers, body } = (routes.get(route) ?? (() => unrecognized))(request);
      outgoing.writeHead(status, headers);
      outgoing.end(body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body));
    });
  });
  await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve); });
  const { port } = server.address() as AddressInfo;
  const edge = edgeFetch({ address: { host: '127.0.0.1', port }, tls: false, ca: null, probeKey: 'fake-probe-key' });
  const ask = (database: string) => (text: string): Promise<Rows> => Promise.resolve(rules.find((rule) => rule.database === database && rule.statement.test(text))?.rows ?? []);

  const session = (token: string, localpart: string, deviceId: string): void => { sessions.set(token, { userId: `@${localpart}:fake.test`, deviceId }); };
  const open = (localpart: string, deviceId: string): { access_token: string; refresh_token: string } => {
    minted += 1;
    session(`fake-token-${minted}`, localpart, deviceId);
    return { access_token: `fake-token-${minted}`, refresh_token: `fake-refresh-${minted}` };
  };

  const on = (route: string, answer: FakeRoute): void => { routes.set(route, answer); };
  const fixed = (route: string, answer: FakeAnswer): void => { on(route, () => answer); };

  // Both phases.
  fixed('homeserver GET /_matrix/client/versions', json(200, { versions: ['v1.11'] }));
  fixed('synapse GET /health', { status: 200, body: 'OK' });
  for (const host of ['homeserver', 'apex']) {
    fixed(`${host} GET /.well-known/matrix/client`, json(200, { 'm.homeserver': { base_url: urls.homeserver },
      ...(phase === 'delegated' ? { 'org.matrix.msc2965.authentication': { issuer: urls.issuer } } : {}) }, anyOrigin));
    fixed(`${host} GET /.well-known/matrix/server`, json(200, { 'm.server': 'matrix.fake.test:443' }, anyOrigin));
  }
  fixed('homeserver OPTIONS /_matrix/client/v3/account/whoami', { status: 204, headers: { ...anyOrigin, 'Access-Control-Allow-Headers': 'Authorization, Content-Type' } });
  on('homeserver GET /_matrix/client/v3/account/whoami', ({ token }) => {
    const found = sessions.get(token ?? '');
    return found === undefined ? matrixError(401, 'M_UNKNOWN_TOKEN', phase === 'delegated' ? 'Token is not active' : 'Invalid access token passed.') : json(200, { user_id: found.userId, device_id: found.deviceId });
  });
  on('homeserver POST /_matrix/client/v3/login', ({ body }) => {
    const asked = JSON.parse(body) as { identifier: { user: string }; password: string; device_id: string };
    if (asked.password !== fakeSecrets.probePassword) return matrixError(403, 'M_FORBIDDEN', 'Invalid username/password');
    return json(200, { user_id: `@${asked.identifier.user}:fake.test`, device_id: asked.device_id, ...open(asked.identifier.user, asked.device_id) });
  });
  on('homeserver POST /_matrix/client/v3/refresh', ({ body }) => {
    const replaced = ((JSON.parse(body) as { refresh_token?: string }).refresh_token ?? '').replace('refresh', 'token');
    const old = sessions.get(replaced);
    sessions.delete(replaced);
    if (old === undefined) return matrixError(401, 'M_UNKNOWN_TOKEN', 'refresh token is unknown');
    return json(200, open(old.userId.slice(1, -':fake.test'.length), old.deviceId));
  });
  on('homeserver POST /_matrix/client/v3/logout', ({ token }) => (sessions.delete(token ?? '') ? json(200, {}) : matrixError(401, 'M_UNKNOWN_TOKEN', 'unknown')));

  if (phase === 'legacy') {
    const flows = json(200, { flows: [{ type: 'm.login.password' }, { type: 'm.login.application_service' }] });
    for (const route of ['homeserver GET /_matrix/client/v3/login', 'homeserver GET /_matrix/client/r0/login', 'synapse GET /_matrix/client/v3/login']) fixed(route, flows);
    fixed('synapse GET /_synapse/admin/v1/register', json(200, { nonce: 'n' }));
    fixed('synapse POST /_synapse/admin/v1/register', json(200, {}));
  } else {
    delegated(on, fixed, people.a, open, sessions);
  }

  const context: ProbeContext = {
    fetch: edge.fetch, phase, wanted: phase, secrets: { ...fakeSecrets },
    facts: { ...fakeFacts, urls },
    sql: { synapse: ask('synapse'), mas: ask('mas') },
    direct: { synapse: `http://127.0.0.1:${port}/synapse`, mas: `http://127.0.0.1:${port}/mas`, masInternal: `http://127.0.0.1:${port}/internal` },
  };
  rules.push({ database: 'synapse', statement: /FROM users WHERE name = ANY/, rows: [people.a, people.b].map((name) => ({ name: `@${name}:fake.test` })) });
  return { context, on, session, sessions, requests,
    rows: (database, statement, rows) => { rules.unshift({ database, statement, rows }); },
    close: async () => {
      await edge.close();
      server.closeAllConnections();
      await new Promise((resolve) => { server.close(resolve); });
    } };
}

function delegated(on: FakeStack['on'], fixed: (route: string, answer: FakeAnswer) => void, person: string, open: (localpart: string, deviceId: string) => object, sessions: Map<string, unknown>): void {
  const { issuer } = urls;
  const flows = json(200, { flows: [{ type: 'm.login.password' }, { type: 'm.login.sso', oauth_aware_preferred: true }, { type: 'm.login.token' }] });
  for (const version of ['v3', 'r0']) fixed(`homeserver GET /_matrix/client/${version}/login`, flows);
  const metadata = json(200, { issuer, authorization_endpoint: `${issuer}authorize`, token_endpoint: `${issuer}oauth2/token`, revocation_endpoint: `${issuer}oauth2/revoke`, registration_endpoint: `${issuer}oauth2/registration`,
    response_types_supported: ['code'], grant_types_supported: ['authorization_code', 'refresh_token'], code_challenge_methods_supported: ['S256'], response_modes_supported: ['query', 'fragment'] });
  for (const route of ['homeserver GET /_matrix/client/v1/auth_metadata', 'homeserver GET /_matrix/client/unstable/org.matrix.msc2965/auth_metadata', 'auth GET /.well-known/openid-configuration']) fixed(route, metadata);
  fixed('internal GET /health', { status: 200, body: 'ok' });
  on('synapse GET /_synapse/mas/is_localpart_available', ({ token }) => (token === fakeSecrets.matrixSecret ? json(200, {}) : json(403, {})));
  // Walked pages: authorize -> login -> consent -> the client.
  let grant = new URLSearchParams();
  const form = (cookie: string): FakeAnswer => ({ status: 200, headers: { 'Content-Type': 'text/html', 'Set-Cookie': cookie }, body: '<form method="POST"><input type="hidden" name="csrf" value="fake-csrf" /></form>' });
  on('auth GET /authorize', ({ query }) => {
    const redirect = new URL(query.get('redirect_uri') ?? '');
    redirect.port = '';
    if (!fakeClient.redirectUris.some((uri) => uri === redirect.href)) return { status: 400, body: '<html>' };
    grant = query;
    return { status: 303, headers: { Location: '/login?kind=continue_authorization_grant&id=1' } };
  });
  fixed('auth GET /login', form('csrf=c; Path=/; HttpOnly; Secure'));
  on('auth POST /login', ({ body, headers }) => {
    const sent = new URLSearchParams(body);
    const right = headers.cookie === 'csrf=c' && sent.get('csrf') === 'fake-csrf' && sent.get('username') === person && sent.get('password') === fakeSecrets.probePassword;
    return right ? { status: 303, headers: { Location: '/consent/1', 'Set-Cookie': 'session=s; Path=/' } } : form('csrf=c');
  });
  fixed('auth GET /consent/1', form('csrf=c'));
  on('auth POST /consent/1', () => ({ status: 303, headers: { Location: `${grant.get('redirect_uri') ?? ''}?code=fake-code&state=${grant.get('state') ?? ''}` } }));
  fixed('auth POST /logout', { status: 303, headers: { Location: '/' } });
  on('auth POST /oauth2/token', ({ body }) => {
    const sent = new URLSearchParams(body);
    if (sent.get('grant_type') === 'password') return json(400, { error: 'unsupported_grant_type' });
    if (sent.get('grant_type') === 'client_credentials') return json(200, { access_token: 'fake-admin-token' });
    const scope = grant.get('scope') ?? '';
    return json(200, { ...open(person, /device:(\S+)/.exec(scope)?.[1] ?? ''), scope });
  });
  on('auth POST /oauth2/revoke', ({ body }) => { sessions.delete(new URLSearchParams(body).get('token') ?? ''); return json(200, {}); });
  fixed('auth POST /oauth2/introspect', json(400, { error: 'invalid_request' }));
  on('auth POST /oauth2/registration', ({ body }) => {
    const sent = JSON.parse(body) as { client_uri?: string; application_type: string };
    return sent.client_uri === undefined || sent.application_type === 'web' ? json(400, { error: 'invalid_client_metadata' }) : json(201, { client_id: '0000000000000000000000DYN1' });
  });
  fixed('internal GET /api/admin/v1/oauth2-clients', json(200, { data: [fakeClient, adminClient].map((client) => ({ id: client.clientId, attributes: { redirect_uris: client.redirectUris } })), links: {} }));
}

/** Whether a request carried the probe key. */
export function keyed(request: FakeRequest): boolean {
  return request.headers[probeHeader.toLowerCase()] === 'fake-probe-key';
}

const fakeFacts: ProbeContext['facts'] = {
  stack: 'fake', serverName: 'fake.test', demo: true, containers: {}, networks: { data: '', backend: '', apps: '' }, volumes: { markers: '', backups: '', synapseData: '', postgresData: null }, files: {},
  images: { synapse: '', mas: '', postgres: '', edge: '', runner: '' }, versions: { synapse: '', mas: '', postgresMajor: 17 }, users: { synapse: '', mas: '', postgres: '' },
  database: { host: '', port: 0, adminUser: '', ssl: 'disable', managed: true }, edge: { host: '', port: 0, tls: false, ca: null }, urls,
  clients: [fakeClient, adminClient], adminClientId: adminClient.clientId, dynamicRegistration: true, appservices: [{ id: 'bridge', senderLocalpart: 'bridgebot' }],
  modelDigest: '', acceptWarnings: [], switchTimeout: 0,
};
