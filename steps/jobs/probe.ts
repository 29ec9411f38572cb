/** All steady probes of the stack, from inside its apps network through the edge. */
import { databases } from '../../model/names.ts';
import { runProbes } from '../../probes/index.ts';
import type { Job } from '../context.ts';
import { StepError } from '../contract.ts';
import { withDatabase } from '../databases.ts';
import { edgeOf } from '../edge.ts';
import { append, read } from '../ledger.ts';
import { probeContext } from '../probe-context.ts';

export const probe: Job = async (context) => {
  const { facts, secrets, log } = context;
  const ledger = await withDatabase(facts, secrets, databases.synapse, read);
  const side = ledger.phase === 'legacy' ? 'legacy' : 'delegated';
  const edge = edgeOf(context);
  try {
    const outcomes = await runProbes(probeContext(context, edge.fetch, side), 'steady');
    for (const outcome of outcomes) log(`${outcome.passed ? 'pass' : 'FAIL'} ${outcome.id} ${outcome.title} (${outcome.milliseconds} ms): ${outcome.evidence}`);
    const red = outcomes.filter((outcome) => !outcome.passed);
    await withDatabase(facts, secrets, databases.synapse, (query) => append(query, { epoch: ledger.epoch, move: 'converge', from: ledger.phase, to: context.wanted,
      attempt: ledger.attempt, modelDigest: facts.modelDigest, result: 'probes', detail: { outcomes } }));
    if (red.length > 0 && context.options['report'] !== true) {
      throw new StepError(`${red.length} of ${outcomes.length} probes failed: ${red.map((outcome) => `${outcome.id} ${outcome.title}: ${outcome.evidence}`).join(' | ')} The ${side} side stays live and open.`, { outcomes });
    }
    return { summary: `${outcomes.length - red.length} of ${outcomes.length} probes passed.`, detail: { outcomes } };
  } finally {
    await edge.close();
  }
};
