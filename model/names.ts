/**
 * Every name a stack gives on its Docker host and in its databases, in one place.
 * Names hold the stack, so that several stacks share a host.
 */

/** Containers, in the order they are listed to people. */
export const containerRoles = ['postgres', 'synapse-legacy', 'synapse-delegated', 'mas', 'element', 'edge'] as const;
export type ContainerRole = (typeof containerRoles)[number];

export interface Names {
  /** `matrix-<stack>`, prefix of all the others. */
  readonly prefix: string;
  readonly container: (role: ContainerRole) => string;
  readonly network: (tier: Tier) => string;
  readonly volume: (data: DataVolume) => string;
  /** Immutable config or secret volume, by the digest of its files. */
  readonly filesVolume: (owner: string, digest: string) => string;
  /** Host job container and its input volume. */
  readonly job: (step: string, digest: string, attempt: number) => string;
}

/**
 * data: PostgreSQL and who talks to it, internal. backend: Synapse, MAS, static files and the edge.
 * apps: bridges and jobs, who see the edge under the homeserver's name. public: the edge alone, published ports.
 */
export const tiers = ['data', 'backend', 'apps', 'public'] as const;
export type Tier = (typeof tiers)[number];

/** postgres: PGDATA. synapse: media and scratch. markers: the edge's open/closed and live-side files. backups: dumps and keys. */
export const dataVolumes = ['postgres', 'synapse', 'markers', 'backups'] as const;
export type DataVolume = (typeof dataVolumes)[number];

/** @param stack stack name, `[a-z0-9-]+`. */
export function namesOf(stack: string): Names {
  const prefix = `matrix-${stack}`;
  return {
    prefix,
    container: (role) => `${prefix}-${role}`,
    network: (tier) => `${prefix}-${tier}`,
    volume: (data) => `${prefix}-data-${data}`,
    filesVolume: (owner, digest) => `${prefix}-files-${owner}-${digest.slice(0, 16)}`,
    job: (step, digest, attempt) => `${prefix}-job-${step}-${digest.slice(0, 12)}-${attempt}`,
  };
}

/** Network aliases inside the stack. Both Synapse containers hold `synapse`; only one runs at a time. */
export const aliases = { postgres: 'postgres', synapse: 'synapse', mas: 'mas', element: 'element', edge: 'edge' } as const;

/** Container ports. The edge listens unprivileged inside and is published on the model's ports. */
export const innerPorts = { postgres: 5432, synapse: 8008, masWeb: 8080, masInternal: 8081, element: 8080, edgeHttps: 8443, edgeHttp: 8080,
  /** On the edge's loopback alone: container health check. */
  edgeHealth: 8081 } as const;

/**
 * Files in the markers volume that the edge reads at each request. `open` exists = open, absent = closed.
 * `live` holds `legacy` or `delegated`; absent or anything else = closed. Write `live` to a temporary name and rename it.
 */
export const markers = { open: 'open', live: 'live' } as const;

/** Request header with the probe key: passes the closed edge, and is stripped before the upstream. */
export const probeHeader = 'X-Matrix-Stack-Probe';

/** Response header of the edge's own 503: `closed`, or `unreachable` where the edge is open and the upstream does not answer. */
export const edgeHeader = 'X-Matrix-Stack-Edge';

/** Databases. A MAS database that was rolled back is renamed `mas_undone_<epoch>`, never dropped. */
export const databases = { synapse: 'synapse', mas: 'mas' } as const;

/** Schema of the ledger in Synapse's database and of the anchor in MAS's. */
export const ledgerSchema = 'matrix_stack';

/** NOLOGIN owners and LOGIN roles; a phase is the set of roles that may log in. */
export const roles = {
  synapseOwner: 'synapse_owner',
  masOwner: 'mas_owner',
  synapseLegacy: 'synapse_legacy',
  synapseDelegated: 'synapse_delegated',
  mas: 'mas',
  syn2mas: 'syn2mas',
  ledger: 'ledger',
} as const;

/** Where things lie inside containers. */
export const paths = {
  /** Config volume of a container (world-readable, no secret). */
  config: '/config',
  /** Secret volume of a container (0400, owned by its uid). */
  secrets: '/secrets',
  /** The edge's markers (edge reads, jobs write). */
  markers: '/markers',
  /** Synapse's media and scratch. */
  synapseData: '/data',
  /** Backups inside jobs. */
  backups: '/backups',
  /** TLS directory in the edge. */
  tls: '/tls',
  /** Code and input of a host job. */
  job: '/job',
  dockerSocket: '/var/run/docker.sock',
} as const;

/** Names under `matrix:secrets` that `matrix-stack init` creates; operators may add their own. */
export const ownSecrets = [
  'postgresPassword',
  'roleSynapseLegacy',
  'roleSynapseDelegated',
  'roleMas',
  'roleSyn2mas',
  'roleLedger',
  'synapseSigningKey',
  'synapseMacaroon',
  'synapseForm',
  'synapseRegistration',
  'masMatrixSecret',
  'masEncryption',
  'masSigningRsa',
  'masSigningEc',
  'masAdminClient',
  'probeKey',
  'probePassword',
  'digestKey',
  'tlsCaKey',
  'tlsCaCertificate',
  'tlsServerKey',
  'tlsServerCertificate',
] as const;
export type OwnSecret = (typeof ownSecrets)[number];
