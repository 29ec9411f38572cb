/** What every probe gets and returns. A probe acts as a client of the stack and never sees Pulumi. */
import type { Phase } from '../model/model.ts';
import type { StackFacts, RunnerSecrets } from '../steps/contract.ts';

/** Shared fetch: connects to the edge whatever DNS says, trusts the stack's CA, adds the probe key. */
export type ProbeFetch = (url: string, init?: ProbeRequest) => Promise<ProbeResponse>;

export interface ProbeRequest {
  readonly method?: string;
  readonly headers?: { readonly [name: string]: string };
  readonly body?: string;
  /** Leave the probe key out, as a public client would. */
  readonly public?: boolean;
  /** Milliseconds, default 10,000. */
  readonly timeout?: number;
}

export interface ProbeResponse {
  readonly status: number;
  readonly headers: { readonly [name: string]: string };
  readonly text: string;
  /** @throws Error naming the URL when the body is no JSON. */
  json(): unknown;
}

export interface ProbeContext {
  readonly fetch: ProbeFetch;
  /** Which login the stack must show now. */
  readonly phase: 'legacy' | 'delegated';
  readonly wanted: Phase;
  readonly facts: StackFacts;
  readonly secrets: Pick<RunnerSecrets, 'matrixSecret' | 'probePassword' | 'masAdminClient' | 'registration' | 'asTokens'>;
  /** SQL on the two databases as the ledger's reading role; absent outside jobs, then SQL probes say so. */
  readonly sql?: { synapse(text: string, values?: readonly unknown[]): Promise<Record<string, unknown>[]>; mas(text: string, values?: readonly unknown[]): Promise<Record<string, unknown>[]> };
  /** Direct addresses inside the stack (jobs only), to prove the split between edge and Synapse. */
  readonly direct?: { readonly synapse: string; readonly mas: string; readonly masInternal: string };
}

/** gate: runs through the closed edge before open, < 0.7 s in all. steady: harmless on prod. */
export type ProbeClass = 'gate' | 'steady';

export interface Probe {
  /** `P01` … of the catalogue. */
  readonly id: string;
  readonly title: string;
  readonly classes: readonly ProbeClass[];
  readonly phases: readonly ('legacy' | 'delegated')[];
  /** Resolves with evidence in a few words; throws ProbeFailure otherwise. */
  run(context: ProbeContext): Promise<string>;
}

export interface ProbeOutcome {
  readonly id: string;
  readonly title: string;
  readonly passed: boolean;
  /** Evidence, or what was found and expected. Never a secret. */
  readonly evidence: string;
  readonly milliseconds: number;
}

/** What was found and what was expected. */
export class ProbeFailure extends Error {
  override readonly name = 'ProbeFailure';
}
