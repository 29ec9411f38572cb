/**
 * What a host job is told and what it answers. Components write these inputs, `steps/host-job.ts` carries them to the
 * Docker host, `steps/runner.ts` runs them there. Inputs hold no secret, no path and no time of the operator's machine.
 */
import type { Phase } from '../model/model.ts';
import type { ContainerRole } from '../model/names.ts';

/** Facts of one stack that every job needs; made by `templates/facts.ts`. */
export interface StackFacts {
  readonly stack: string;
  readonly serverName: string;
  readonly demo: boolean;
  readonly containers: { readonly [R in ContainerRole]?: string };
  readonly networks: { readonly data: string; readonly backend: string; readonly apps: string };
  readonly volumes: { readonly markers: string; readonly backups: string; readonly synapseData: string; readonly postgresData: string | null };
  /** Names of the immutable files volumes by owner, e.g. `synapse-legacy`, `synapse-legacy-secrets`, `mas`, `syn2mas`, `edge`. */
  readonly files: { readonly [owner: string]: string };
  readonly images: { readonly synapse: string; readonly mas: string; readonly postgres: string; readonly edge: string; readonly runner: string };
  readonly versions: { readonly synapse: string; readonly mas: string; readonly postgresMajor: number };
  readonly users: { readonly synapse: string; readonly mas: string; readonly postgres: string };
  readonly database: { readonly host: string; readonly port: number; readonly adminUser: string; readonly ssl: 'disable' | 'require' | 'verify-full'; readonly managed: boolean };
  readonly edge: {
    /** How a job reaches the edge: alias on the apps network and container port. */
    readonly host: string;
    readonly port: number;
    readonly tls: boolean;
    /** PEM of the stack's own CA, or null where a public one signs. */
    readonly ca: string | null;
  };
  readonly urls: { readonly homeserver: string; readonly issuer: string; readonly apex: string; readonly element: string | null;
    /** False where the server name's well-known documents are served elsewhere. @default true */
    readonly apexServed?: boolean };
  /** Client entries as MAS must have them: id, redirect URIs, auth method. */
  readonly clients: readonly { readonly name: string; readonly clientId: string; readonly redirectUris: readonly string[]; readonly authMethod: string }[];
  readonly adminClientId: string;
  /** Whether clients may register themselves (`matrix:registration.dynamic`); probes that are not told accept either. */
  readonly dynamicRegistration?: boolean;
  readonly appservices: readonly { readonly id: string; readonly senderLocalpart: string }[];
  readonly modelDigest: string;
  readonly acceptWarnings: readonly string[];
  readonly switchTimeout: number;
}

/** File `/secrets/runner.json` of the runner's secret volume. */
export interface RunnerSecrets {
  readonly admin: string;
  readonly roles: { readonly synapse_legacy: string; readonly synapse_delegated: string; readonly mas: string; readonly syn2mas: string; readonly ledger: string };
  readonly matrixSecret: string;
  readonly probeKey: string;
  /** Password of the fixed probe people. */
  readonly probePassword: string;
  /** Secret of the stack's own admin client at MAS (client credentials, `urn:mas:admin`). */
  readonly masAdminClient: string;
  /** Synapse's registration shared secret: probe people are made with it in phase legacy. */
  readonly registration: string;
  readonly asTokens: { readonly [appserviceId: string]: string };
}

export const jobNames = ['prepare', 'adopt', 'mirror', 'preflight', 'backup', 'check-configs', 'mas-schema', 'syn2mas-check', 'dry-run',
  'switch', 'start', 'probe', 'record', 'evidence'] as const;
export type JobName = (typeof jobNames)[number];

export interface JobInput {
  readonly job: JobName;
  readonly facts: StackFacts;
  /** Phase that the operator wants. */
  readonly wanted: Phase;
  /** Tries of this move that were undone; part of the job's name. */
  readonly attempt: number;
  /** Job-specific, JSON. */
  readonly options: { readonly [key: string]: unknown };
}

/** Last line of a job's log, as JSON after `RESULT `. */
export type JobResult =
  | { readonly ok: true; readonly summary: string; readonly detail: { readonly [key: string]: unknown } }
  /** `message`: what was found, what was expected, what to type; never a secret. */
  | { readonly ok: false; readonly message: string; readonly detail: { readonly [key: string]: unknown } };

/** A failure whose message is written for the operator. Anything else thrown in a job is a defect and shown with its stack. */
export class StepError extends Error {
  override readonly name = 'StepError';
  readonly detail: { readonly [key: string]: unknown };
  constructor(message: string, detail: { readonly [key: string]: unknown } = {}) {
    super(message);
    this.detail = detail;
  }
}
