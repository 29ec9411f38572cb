/**
 * The one table of public routes. `templates/nginx.ts` renders it and the edge's tests prove every row.
 * It does not depend on the phase: each row says who answers on either live side, and the edge's `live` marker decides.
 */
import type { Model } from '../model/model.ts';
import type { ContainerRole } from '../model/names.ts';
import { wellKnownSupport } from './well-known.ts';

/** The side whose routes are live: content of the `live` marker. */
export type Side = 'legacy' | 'delegated';
export const sides: readonly Side[] = ['legacy', 'delegated'];

/** Public host that a row belongs to. Two roles may share one host name: then the earlier row wins. */
export type HostRole = 'homeserver' | 'auth' | 'apex' | 'element';

/** Who answers, by live side; null: nobody is there, the edge says 404. */
export const upstreams = {
  synapse: { legacy: 'synapse-legacy', delegated: 'synapse-delegated' },
  /** Synapse does not register these under delegation; MAS has compatible ones (MAS docs/setup/homeserver.md). */
  login: { legacy: 'synapse-legacy', delegated: 'mas' },
  mas: { legacy: null, delegated: 'mas' },
  element: { legacy: 'element', delegated: 'element' },
} as const satisfies { readonly [name: string]: { readonly [S in Side]: ContainerRole | null } };
export type Upstream = keyof typeof upstreams;

export type Document = 'client' | 'server' | 'support';

export type Answer =
  /** `clientHosts`: only a body whose `client_uri` is https on one of these hosts passes; else 400. */
  | { readonly from: 'upstream'; readonly upstream: Upstream; readonly clientHosts?: readonly string[] }
  /** A well-known document, with CORS for every origin. */
  | { readonly from: 'document'; readonly document: Document }
  /** The edge's own JSON answer. */
  | { readonly from: 'edge'; readonly status: 403 | 404; readonly body: { readonly [key: string]: string } };

export interface Route {
  /** Unique, for tests and messages. */
  readonly name: string;
  readonly host: HostRole;
  readonly match: 'exact' | 'prefix' | 'regex';
  /** Matched against the decoded path without query; `exact` and `prefix` are literal. */
  readonly pattern: string;
  /**
   * Methods that the row is about; the upstream decides on others. A `hold` row holds these and refuses the rest.
   */
  readonly methods: 'any' | readonly string[];
  readonly answer: Answer;
  /**
   * While closed, without the probe key: `serve` answers as when open, `refuse` gives the closed answer (204 to OPTIONS),
   * `hold` waits a bounded time for the edge to open, then goes to whoever is live *then*.
   */
  readonly closed: 'serve' | 'refuse' | 'hold';
  /** True: bodies up to `maxUploadMiB`, passed on as they arrive instead of through the edge's scratch memory. */
  readonly upload: boolean;
}

type Row = Omit<Route, 'host' | 'upload' | 'methods'> & Partial<Pick<Route, 'upload' | 'methods'>>;

const unrecognized: Answer = { from: 'edge', status: 404, body: { errcode: 'M_UNRECOGNIZED', error: 'Unrecognized request' } };
const proxied = (upstream: Upstream): Answer => ({ from: 'upstream', upstream });

/** Versions that Synapse serves login, logout and refresh under; MAS takes any single segment there. */
const loginVersions = '(api/v1|r0|v3|unstable)';

/** @returns rows in order of precedence within a host: regex before prefix, longer prefix before shorter, as nginx has it. */
export function routes(model: Model): readonly Route[] {
  return [
    ...rowsOf('homeserver', homeserver(model)),
    ...rowsOf('auth', auth(model)),
    ...(model.hosts.apex.served ? rowsOf('apex', wellKnown(model)) : []),
    ...(model.hosts.element === undefined ? [] : rowsOf('element', [
      // Static files without state: a client that is loaded while closed then waits like the others.
      { name: 'element', match: 'prefix', pattern: '/', answer: proxied('element'), closed: 'serve' },
    ])),
    // After the others, so that a host shared with Element keeps Element's files.
    ...(['homeserver', ...(model.hosts.apex.served ? ['apex'] as const : [])] as const)
      .flatMap((host) => rowsOf(host, [{ name: `${host}-rest`, match: 'prefix', pattern: '/', answer: unrecognized, closed: 'serve' }])),
  ];
}

function rowsOf(host: HostRole, rows: readonly Row[]): readonly Route[] {
  return rows.map((row) => ({ methods: 'any', upload: false, ...row, host, name: row.name.startsWith(host) ? row.name : `${host}-${row.name}` }));
}

function wellKnown(model: Model): readonly Row[] {
  return (['client', 'server', ...(wellKnownSupport(model) === undefined ? [] : ['support'] as const)] as const).map((document) => (
    { name: `well-known-${document}`, match: 'exact', pattern: `/.well-known/matrix/${document}`, answer: { from: 'document', document }, closed: 'serve' }));
}

function homeserver(model: Model): readonly Row[] {
  return [
    ...wellKnown(model),
    // Some clients take any failed refresh for a sign-out, so it is held rather than refused.
    { name: 'refresh', match: 'regex', pattern: `^/_matrix/client/${loginVersions}/refresh$`, methods: ['POST'], answer: proxied('login'), closed: 'hold' },
    // Anchored: MAS's own example also catches room state keys such as `/rooms/…/state/…/login`.
    { name: 'login', match: 'regex', pattern: `^/_matrix/client/${loginVersions}/(login|logout|refresh)(/.*)?$`, answer: proxied('login'), closed: 'refuse' },
    { name: 'upload', match: 'regex', pattern: '^/_matrix/media/[^/]+/upload(/.*)?$', methods: ['POST', 'PUT'], answer: proxied('synapse'), closed: 'refuse', upload: true },
    ...(model.federation ? [] : federationOff),
    { name: 'matrix', match: 'prefix', pattern: '/_matrix/', answer: proxied('synapse'), closed: 'refuse' },
    { name: 'synapse-client', match: 'prefix', pattern: '/_synapse/client/', answer: proxied('synapse'), closed: 'refuse' },
    model.exposeSynapseAdmin
      ? { name: 'synapse-admin', match: 'prefix', pattern: '/_synapse/admin/', answer: proxied('synapse'), closed: 'refuse' }
      : { name: 'synapse-admin', match: 'prefix', pattern: '/_synapse/admin', answer: unrecognized, closed: 'serve' },
    // Only MAS calls it, over the backend network.
    { name: 'synapse-mas', match: 'prefix', pattern: '/_synapse/mas', answer: unrecognized, closed: 'serve' },
  ];
}

/** OpenID tokens of widgets and calls are checked on the federation API, so that one path stays. */
const federationOff: readonly Row[] = [
  { name: 'openid', match: 'exact', pattern: '/_matrix/federation/v1/openid/userinfo', methods: ['GET'], answer: proxied('synapse'), closed: 'refuse' },
  { name: 'federation-off', match: 'prefix', pattern: '/_matrix/federation/', answer: unrecognized, closed: 'serve' },
  { name: 'keys-off', match: 'prefix', pattern: '/_matrix/key/', answer: unrecognized, closed: 'serve' },
];

function auth(model: Model): readonly Row[] {
  return [
    { name: 'token', match: 'exact', pattern: '/oauth2/token', methods: ['POST'], answer: proxied('mas'), closed: 'hold' },
    ...registration(model),
    { name: 'mas', match: 'prefix', pattern: '/', answer: proxied('mas'), closed: 'refuse' },
  ];
}

/**
 * MAS can neither switch dynamic registration off nor list who may register (docs/reference/configuration.md, `policy`), so the edge does.
 * MAS's own policy keeps redirect URIs on the host of `client_uri`.
 */
function registration({ registration: { dynamic, allowHosts } }: Model): readonly Row[] {
  const row = { name: 'registration', match: 'exact', pattern: '/oauth2/registration', methods: ['POST'] } as const;
  if (!dynamic) return [{ ...row, answer: { from: 'edge', status: 403, body: { error: 'access_denied', error_description: 'Clients are registered by the operator of this server.' } }, closed: 'serve' }];
  return allowHosts.length === 0 ? [] : [{ ...row, answer: { from: 'upstream', upstream: 'mas', clientHosts: allowHosts }, closed: 'refuse' }];
}
