/** Work that must come to its end: half of a move is no state that anybody may be left in. */
import { StepError } from './contract.ts';
import type { SwitchHold } from './move.ts';

/** Times that a refusal of our own is asked again: what it names was given its time already. */
const refusals = 3;
/** Milliseconds for PostgreSQL and Docker to come back. */
const patience = 120_000;

/**
 * Does idempotent `work` until it goes well. PostgreSQL may restart meanwhile: the lock is taken again before each try.
 * @throws the last error once patience is over.
 */
export async function persist<T>(hold: SwitchHold, work: () => Promise<T>): Promise<T> {
  const end = performance.now() + patience;
  for (let refused = 0; ;) {
    try {
      await hold.retake();
      return await work();
    } catch (error) {
      if (error instanceof StepError) refused += 1;
      if (refused >= refusals || performance.now() > end) throw error;
      hold.context.log(`${error instanceof Error ? error.message : String(error)}; trying again`);
    }
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}
