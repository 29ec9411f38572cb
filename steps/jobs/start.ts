/** Starts what the ledger says is live (a replaced container is created stopped) and waits until it answers. */
import { databases } from '../../model/names.ts';
import { ensureProbePeople } from '../../probes/people.ts';
import type { Job } from '../context.ts';
import { StepError } from '../contract.ts';
import { withDatabase } from '../databases.ts';
import { edgeOf, openEdge, setLiveSide } from '../edge.ts';
import { read } from '../ledger.ts';
import { probeContext } from '../probe-context.ts';
import { allowOnly, loginsOf } from '../roles.ts';
import { startSide } from '../sides.ts';

export const startLive: Job = async (context) => {
  const { facts, secrets, log } = context;
  const ledger = await withDatabase(facts, secrets, databases.synapse, read);
  if (ledger.unfinished !== null && ledger.unfinished.decision !== 'opened') {
    throw new StepError(`Move ${ledger.unfinished.epoch} (${ledger.unfinished.move}) is not finished; nothing is started beside it. Run pulumi up again.`);
  }
  if (ledger.phase === 'empty') throw new StepError('The ledger has no live phase yet; expected the switch to have opened one. Run pulumi up again.');
  const side = ledger.phase === 'legacy' ? 'legacy' : 'delegated';
  await withDatabase(facts, secrets, databases.synapse, (query) => allowOnly(query, loginsOf[side]));
  const times = await startSide(context, side);
  await setLiveSide(side);
  const edge = edgeOf(context);
  try {
    await openEdge(facts, edge.fetch);
    await ensureProbePeople(probeContext(context, edge.fetch, side));
  } finally {
    await edge.close();
  }
  log(`${side} side is live and open`);
  return { summary: `${side} side is live and open.`, detail: { times } };
};
