import type { ProbeOutcome } from '../../probes/contract.ts';

/** What a probe says that needs what only a job of the stack has (probes/*.ts). */
const notChecked = /^not checked: /;

/** @returns outcomes seen from outside; where a probe could not be made there, the one that a job of the stack made. */
export function seenBothWays(outside: readonly ProbeOutcome[], inside: readonly ProbeOutcome[]): ProbeOutcome[] {
  return outside.map((outcome) => {
    const job = notChecked.test(outcome.evidence) ? inside.find(({ id }) => id === outcome.id) : undefined;
    return job === undefined ? outcome : { ...job, evidence: `${job.evidence} (asked inside)` };
  });
}
