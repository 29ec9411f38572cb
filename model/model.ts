/**
 * The one typed description of a stack. Everything that is rendered, created or run follows from it.
 * `model/parse.ts` makes it from settings; nothing else does. It holds no secret value, only secret names.
 */

/** What the operator wants; what *is* lives in the ledger. `committed` gives the way back up. */
export type Phase = 'legacy' | 'delegated' | 'committed';

/** A reference to a value under `matrix:secrets`. Any free-form setting may hold one in place of a scalar. */
export interface SecretRef {
  readonly secret: string;
}

/** JSON-like value of the free-form settings; a leaf may be a {@link SecretRef}. */
export type FreeForm = string | number | boolean | null | SecretRef | readonly FreeForm[] | { readonly [key: string]: FreeForm };
export type FreeFormMap = { readonly [key: string]: FreeForm };

/** Services that have an image of their own in versions.json. */
export type Service = 'postgres' | 'synapse' | 'mas' | 'edge' | 'elementWeb' | 'runner' | 'restic';

export interface Image {
  /** What Docker is asked for, e.g. `ghcr.io/element-hq/synapse:v1.163.2@sha256:…`. */
  readonly reference: string;
  /** Version of the software inside, e.g. `1.163.2`. */
  readonly version: string;
  /** True when `reference` names a digest or a local image id. */
  readonly pinned: boolean;
  /** True for a counterpart or stand-in that replaces a download; only with `demo`. */
  readonly standin: boolean;
  readonly uid: number;
  readonly gid: number;
}

export type Tls =
  | { readonly mode: 'selfSigned' }
  /** A directory on the Docker host, mounted read-only; paths are relative to it. */
  | { readonly mode: 'files'; readonly directory: string; readonly certificate: string; readonly key: string }
  /** TLS ends at a proxy in front of us; its addresses may set X-Forwarded-For. */
  | { readonly mode: 'offloaded'; readonly trustedProxies: readonly string[] };

export interface Hosts {
  /** Client-server and federation API, e.g. `matrix.example.com`. */
  readonly homeserver: string;
  /** MAS, e.g. `auth.example.com`. */
  readonly auth: string;
  /** Element Web, absent when not deployed. */
  readonly element?: string;
  /** Host of the well-known documents = server name; `served: false` when it lives elsewhere (documents are then printed). */
  readonly apex: { readonly name: string; readonly served: boolean };
}

export interface Ports {
  /** Published address(es), e.g. `0.0.0.0` and `::`. */
  readonly bind: readonly string[];
  readonly https: number;
  readonly http: number;
}

export type Postgres =
  | { readonly mode: 'managed'; readonly major: 17 }
  | { readonly mode: 'external'; readonly host: string; readonly port: number; readonly adminUser: string;
      readonly adminPassword: SecretRef; readonly sslMode: 'disable' | 'require' | 'verify-full' };

/** Client entry after derivation: everything MAS, the edge and its developer need. */
export interface Client {
  readonly name: string;
  readonly type: 'element-web' | 'native-loopback' | 'native-scheme' | 'confidential' | 'device' | 'service' | 'custom';
  /** ULID, given or derived from server name and entry name. */
  readonly clientId: string;
  readonly authMethod: 'none' | 'client_secret_basic' | 'client_secret_post';
  readonly secret?: SecretRef;
  readonly clientUri?: string;
  readonly redirectUris: readonly string[];
  /** Scopes its developer should ask for. */
  readonly scopes: readonly string[];
  /** True for a client that may use client credentials for `urn:mas:admin`. */
  readonly admin: boolean;
}

/** Upstream OpenID provider that Synapse has (legacy) and MAS takes over. */
export interface UpstreamProvider {
  /** Synapse's `idp_id` without the `oidc-` prefix. */
  readonly idpId: string;
  /** ULID of the MAS provider, derived from server name and idpId unless given. */
  readonly masId: string;
  readonly name: string;
  readonly issuer: string;
  readonly clientId: string;
  readonly clientSecret: SecretRef;
  readonly scopes: readonly string[];
}

export interface Appservice {
  readonly id: string;
  readonly url: string | null;
  readonly asToken: SecretRef;
  readonly hsToken: SecretRef;
  readonly senderLocalpart: string;
  readonly namespaces: FreeFormMap;
  readonly rateLimited: boolean;
}

/** How a stack begins with somebody's existing server. */
export type Adopt =
  /** A pg_dump custom-format file on the operator's machine or Docker host volume. */
  | { readonly from: 'dump'; readonly volume: string; readonly file: string; readonly mediaVolume?: string }
  /** A stopped PostgreSQL data volume of the same major. */
  | { readonly from: 'volume'; readonly volume: string; readonly database: string; readonly mediaVolume?: string }
  /** The external server named in `postgres`, used in place. */
  | { readonly from: 'external'; readonly database: string; readonly mediaVolume?: string };

export interface Migration {
  /** Warnings of `syn2mas check` accepted by name, e.g. `GuestsInDatabase`. */
  readonly acceptWarnings: readonly string[];
  /** Age in seconds up to which rehearsal evidence counts. */
  readonly evidenceMaxAge: number;
  /** False only where no staging can exist, and by default for `demo` stacks. */
  readonly requireRehearsal: boolean;
  /** Seconds the switch may take in all before it returns by itself. */
  readonly switchTimeout: number;
}

export interface Model {
  /** Stack name; prefix of every container, network and volume is `matrix-<stack>`. */
  readonly stack: string;
  readonly serverName: string;
  readonly phase: Phase;
  readonly demo: boolean;
  readonly hosts: Hosts;
  readonly ports: Ports;
  readonly tls: Tls;
  readonly dockerHost: string;
  readonly images: { readonly [S in Service]?: Image };
  readonly postgres: Postgres;
  readonly clients: readonly Client[];
  readonly upstreamProviders: readonly UpstreamProvider[];
  readonly appservices: readonly Appservice[];
  /** Synapse's `password_config.pepper`, the same for MAS scheme 1. */
  readonly pepper?: SecretRef;
  readonly registration: { readonly dynamic: boolean; readonly allowHosts: readonly string[] };
  readonly federation: boolean;
  readonly reportStats: boolean;
  readonly exposeSynapseAdmin: boolean;
  readonly maxUploadMiB: number;
  /** MAS user names that may ask for admin scopes. */
  readonly adminUsers: readonly string[];
  /** Operator's layers over ours: homeserver.yaml sections and MAS sections. */
  readonly synapseSettings: FreeFormMap;
  readonly masSettings: FreeFormMap;
  readonly migration: Migration;
  /** `<id of the move to undo>:<class>,<class>` as the preview prints it. */
  readonly acceptLoss?: string;
  /** Epoch-named wish to remove and make again containers and networks after Pulumi state was lost. */
  readonly recover: boolean;
  /** This stack holds a copy of another stack's data and can never act as it; `allow` = addresses (CIDR) that may use it. */
  readonly mirror?: { readonly of: string; readonly allow: readonly string[] };
  readonly adopt?: Adopt;
  readonly backup: { readonly keep: number };
}

/** Public URLs that follow from hosts, ports and TLS; every one ends with `/`. */
export interface PublicUrls {
  readonly homeserver: string;
  /** MAS public base = issuer, byte for byte. */
  readonly issuer: string;
  readonly element?: string;
  readonly apex: string;
}

/** @returns `https://host[:port]/`, with the port only where it is not 443. */
export function publicUrls(model: Pick<Model, 'hosts' | 'ports' | 'tls'>): PublicUrls {
  // An offloading proxy owns the public port, so the default one is advertised.
  const port = model.tls.mode === 'offloaded' || model.ports.https === 443 ? '' : `:${model.ports.https}`;
  const url = (host: string): string => `https://${host}${port}/`;
  return {
    homeserver: url(model.hosts.homeserver),
    issuer: url(model.hosts.auth),
    ...(model.hosts.element === undefined ? {} : { element: url(model.hosts.element) }),
    apex: url(model.hosts.apex.name),
  };
}
