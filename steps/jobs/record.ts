/** Last step of every chain: the ledger says that this model has converged, and the move that brought it here has ended. */
import { databases } from '../../model/names.ts';
import type { Job } from '../context.ts';
import { withDatabase } from '../databases.ts';
import { append, read } from '../ledger.ts';

export const record: Job = async ({ facts, secrets, wanted }) => withDatabase(facts, secrets, databases.synapse, async (query) => {
  const ledger = await read(query);
  const left = ledger.unfinished;
  if (left !== null && left.decision === 'opened') {
    await append(query, { epoch: left.epoch, move: left.move, from: left.from, to: left.to, attempt: left.attempt, modelDigest: facts.modelDigest, result: 'finished', detail: {} });
    return { summary: `Move ${left.epoch} (${left.move}) is finished.`, detail: { epoch: left.epoch, move: left.move, lastMove: ledger.lastMove } };
  }
  await append(query, { epoch: ledger.epoch, move: 'converge', from: ledger.phase, to: wanted, attempt: ledger.attempt, modelDigest: facts.modelDigest, result: 'converged', detail: {} });
  return { summary: `Converged in phase ${ledger.phase}.`, detail: { epoch: ledger.epoch, lastMove: ledger.lastMove } };
});
