/** Carries out a decision of the ledger: finishes what was opened, undoes what was returned or left. Every part is idempotent. */
import type { LedgerPhase } from '../model/moves.ts';
import { databases } from '../model/names.ts';
import type { JobContext } from './context.ts';
import { StepError } from './contract.ts';
import { withDatabase } from './databases.ts';
import { edgeOf, openEdge, setLiveSide } from './edge.ts';
import type { Side } from './edge.ts';
import { setAnchor } from './ledger.ts';
import { SwitchHold } from './move.ts';
import type { Try } from './move.ts';
import { persist } from './persist.ts';
import { allowOnly, loginsOf } from './roles.ts';
import { afterOpen } from './side-work.ts';
import { grace, sideExists, startSide, stopSide } from './sides.ts';
import { timed } from './times.ts';
import type { Times } from './times.ts';

/** Whose containers and routes serve a phase; null for a server that was never started. */
export const sideOf = (phase: LedgerPhase): Side | null => (phase === 'empty' ? null : phase === 'legacy' ? 'legacy' : 'delegated');
const other = (side: Side): Side => (side === 'legacy' ? 'delegated' : 'legacy');

/** Exactly the side's roles may log in and its containers answer; after a crash neither is certain. */
async function bringUp(hold: SwitchHold, side: Side): Promise<void> {
  await allowOnly(hold.connection.query, loginsOf[side]);
  await startSide(hold.context, side);
  await setLiveSide(side);
}

async function open(context: JobContext): Promise<number> {
  const edge = edgeOf(context);
  try {
    return await openEdge(context.facts, edge.fetch);
  } finally {
    await edge.close();
  }
}

/** Carries out `opened`. @returns the moment (performance.now) of the first served request. */
export async function finish(hold: SwitchHold, current: Try, times: Times): Promise<number> {
  const { context } = hold;
  const to = sideOf(current.to);
  if (to === null) throw new StepError('No move leads to an empty server.');
  await bringUp(hold, to);
  const openedAt = await timed(times, 'open', () => open(context));
  if (to === 'delegated') {
    const { incarnation } = await hold.ledger();
    await withDatabase(context.facts, context.secrets, databases.mas, (query) => setAnchor(query, incarnation, current.epoch));
  }
  return openedAt;
}

/** Carries out `returned`: the side that was live before runs and is open. */
export async function undo(hold: SwitchHold, current: Try, reason: string): Promise<void> {
  const { context } = hold;
  if (await hold.ended(current)) return;
  const from = sideOf(current.from);
  context.log(`undoing move ${current.epoch}: ${reason}`);
  if (from === null) {
    await stopSide(context, 'legacy', grace.neverOpened);
    await stopSide(context, 'delegated', grace.neverOpened);
    await allowOnly(hold.connection.query, []);
  } else {
    if (sideOf(current.to) !== from) await stopSide(context, other(from), grace.neverOpened);
    await bringUp(hold, from);
    await open(context);
  }
  await hold.end(current, 'undone', { reason });
}

export type Settled = Try & { readonly outcome: 'opened' | 'returned' };

/** The unfinished move, if there is one, is brought to its end. @returns what became of it; null when there was none. */
export async function resume(hold: SwitchHold): Promise<Settled | null> {
  const { context } = hold;
  const left = (await persist(hold, () => hold.ledger())).unfinished;
  if (left === null) return null;
  const current: Try = { epoch: left.epoch, attempt: left.attempt, move: left.move, from: left.from, to: left.to };
  const outcome = left.decision ?? await persist(hold, () => hold.decide(current, 'returned', { reason: 'the switch was interrupted' }));
  if (outcome === 'returned') {
    await persist(hold, () => undo(hold, current, 'it was interrupted'));
  } else {
    context.log(`move ${current.epoch} (${current.move}) was decided: opened; finishing it`);
    await persist(hold, () => finish(hold, current, {}));
    await persist(hold, () => afterOpen(context, current));
    // A new move begins from here: the old one ends without its full probes.
    if (current.to !== context.wanted) await hold.end(current, 'finished', { note: 'ended by the next move, without full probes' });
  }
  return { ...current, outcome };
}

/** Whether an opened move can be finished now. Where the state was lost, the chain makes the containers later and its switch finishes. */
async function hasItsContainers(hold: SwitchHold): Promise<boolean> {
  const left = (await persist(hold, () => hold.ledger())).unfinished;
  const side = left?.decision === 'opened' ? sideOf(left.to) : null;
  return side === null || sideExists(hold.context, side);
}

/**
 * Before a chain begins: waits for a job that is still running, brings an unfinished move to its end, and does `then` before
 * anybody else may begin another.
 */
export async function settle<T>(context: JobContext, then: (hold: SwitchHold) => Promise<T>): Promise<T> {
  const hold = await SwitchHold.take(context);
  try {
    const left = (await hasItsContainers(hold)) ? await resume(hold) : null;
    if (left?.outcome === 'returned') context.log(`move ${left.epoch} (${left.move}) had been interrupted and was undone`);
    return await then(hold);
  } finally {
    await hold.close();
  }
}
