/** How the program ends when it does not go well. */
import { RunError } from '@pulumi/pulumi';
import { SettingsError } from './model/issues.ts';
import { LedgerUnreadable } from './steps/ledger-read.ts';

/** The move that is wanted must not be made; nothing was done. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
}

/** Errors whose message is written for the operator and says it all. */
const spoken = [Refusal, SettingsError, LedgerUnreadable];

/** @returns what to throw: the sentence alone for what was foreseen, the error itself for a defect. */
export function endingOf(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const ending = spoken.some((kind) => error instanceof kind) ? new RunError(error.message) : error;
  // The language host colours the stack by util.inspect, which in Node 22 turns in a circle for a minute over the frames of
  // @pulumi/pulumi: their source maps name files right below a scope (`node_modules/@pulumi/resource.ts`).
  ending.stack = ending === error ? (error.stack ?? '').split('\n').filter((line) => !line.includes('node_modules/@pulumi/')).join('\n') : '';
  return ending;
}
