/** Writes what a rehearsal proved into a ledger: staging's own, and prod's through a job of the prod stack. */
import { databases } from '../../model/names.ts';
import type { Job } from '../context.ts';
import { withDatabase } from '../databases.ts';
import { append, read } from '../ledger.ts';

export const evidence: Job = async ({ facts, secrets, wanted, options }) => withDatabase(facts, secrets, databases.synapse, async (query) => {
  const ledger = await read(query);
  await append(query, { epoch: ledger.epoch, move: 'converge', from: ledger.phase, to: wanted, attempt: ledger.attempt, modelDigest: facts.modelDigest, result: 'evidence',
    detail: options['evidence'] as { readonly [key: string]: unknown } });
  return { summary: 'Evidence of the rehearsal recorded.' };
});
