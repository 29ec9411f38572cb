/** What every job of the runner works with. */
import type { Phase } from '../model/model.ts';
import type { JobInput, JobName, RunnerSecrets, StackFacts } from './contract.ts';

export interface JobContext {
  readonly job: JobName;
  readonly facts: StackFacts;
  readonly secrets: RunnerSecrets;
  readonly wanted: Phase;
  readonly attempt: number;
  readonly options: JobInput['options'];
  /** `user@host` of the operator, for the ledger. */
  readonly holder: string;
  /** Progress line for people; never a secret. */
  log(line: string): void;
}

/** What a job that went well says: one sentence, and detail for the ledger and outputs. */
export interface JobReport {
  readonly summary: string;
  readonly detail?: { readonly [key: string]: unknown };
}

export type Job = (context: JobContext) => Promise<JobReport>;
