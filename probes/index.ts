/** All probes, and how they are run and shown. */
import { appservice } from './appservice.ts';
import { authMetadata } from './auth-metadata.ts';
import { clientDrift } from './client-drift.ts';
import { codeFlow } from './code-flow.ts';
import type { Probe, ProbeClass, ProbeContext, ProbeOutcome } from './contract.ts';
import { ProbeFailure } from './contract.ts';
import { health } from './health.ts';
import { loginFlows } from './login-flows.ts';
import { oldToken } from './old-token.ts';
import { parity } from './parity.ts';
import { password, passwordGate } from './password.ts';
import { refusals } from './refusals.ts';
import { dynamicRegistration } from './registration.ts';
import { secretParity } from './secret-parity.ts';
import { split } from './split.ts';
import { wellKnown } from './well-known.ts';

/** In the order of their ids. */
export const probes: readonly Probe[] = [health, wellKnown, authMetadata, loginFlows, split, secretParity, clientDrift, codeFlow, dynamicRegistration,
  password, passwordGate, appservice, oldToken, parity, refusals];

/** Milliseconds until a probe counts as failed. Clients are shut out while the gate runs. */
const limits: { readonly [C in ProbeClass]: number } = { gate: 15_000, steady: 60_000 };

/**
 * Runs the probes of a class that the context's phase has, side by side.
 * @returns one outcome a probe in the order of {@link probes}; it never rejects.
 */
export function runProbes(context: ProbeContext, wanted: ProbeClass): Promise<ProbeOutcome[]> {
  const chosen = probes.filter((probe) => probe.classes.includes(wanted) && probe.phases.includes(context.phase));
  return Promise.all(chosen.map((probe) => outcomeOf(probe, context, limits[wanted])));
}

/** @param limit milliseconds until the probe counts as failed. */
export async function outcomeOf(probe: Probe, context: ProbeContext, limit: number): Promise<ProbeOutcome> {
  const begin = performance.now();
  const ended = (passed: boolean, evidence: string): ProbeOutcome => ({ id: probe.id, title: probe.title, passed, evidence, milliseconds: Math.round(performance.now() - begin) });
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => { reject(new ProbeFailure(`no result within ${limit / 1000} s`)); }, limit);
  });
  try {
    return ended(true, await Promise.race([probe.run(context), late]));
  } catch (error) {
    // A probe's own failure is a sentence; anything else is named by its kind, so that a defect is not taken for a finding.
    return ended(false, error instanceof ProbeFailure ? error.message : error instanceof Error ? `${error.name}: ${error.message}` : String(error));
  } finally {
    clearTimeout(timer);
  }
}

/** Plain text table: one line a probe, then how many passed. */
export function formatOutcomes(outcomes: readonly ProbeOutcome[]): string {
  const id = Math.max(0, ...outcomes.map((outcome) => outcome.id.length));
  const title = Math.max(0, ...outcomes.map((outcome) => outcome.title.length));
  const time = Math.max(0, ...outcomes.map((outcome) => String(outcome.milliseconds).length));
  const lines = outcomes.map((outcome) => `${outcome.passed ? 'pass' : 'FAIL'}  ${outcome.id.padEnd(id)}  ${outcome.title.padEnd(title)}  ${String(outcome.milliseconds).padStart(time)} ms  ${outcome.evidence}`);
  const passed = outcomes.filter((outcome) => outcome.passed).length;
  return [...lines, `${passed} of ${outcomes.length} probes passed`].join('\n');
}

/** For machines: counts and outcomes, two spaces indented. */
export function outcomesJson(outcomes: readonly ProbeOutcome[]): string {
  return JSON.stringify({ passed: outcomes.filter((outcome) => outcome.passed).length, failed: outcomes.filter((outcome) => !outcome.passed).length, outcomes }, null, 2);
}
