/** A stack begins with somebody's existing server: its data is copied in before the first Synapse of ours starts. */
import type { Adopt } from '../../model/model.ts';
import { databases } from '../../model/names.ts';
import type { Job } from '../context.ts';
import { StepError } from '../contract.ts';
import { withDatabase } from '../databases.ts';
import { append, read } from '../ledger.ts';
import { readPeople } from '../ledger-sql.ts';
import { copyMedia, demandEmpty, forgetOneTimeKeys, restoreDump, restoreVolume } from '../restore.ts';

export const adopt: Job = async (context) => {
  const { facts, secrets, options, wanted, log } = context;
  const ledger = await withDatabase(facts, secrets, databases.synapse, read);
  if (ledger.phase !== 'empty') return { summary: `Adopt: done before, phase ${ledger.phase}.` };
  const source = options['adopt'] as Adopt;
  const done = await withDatabase(facts, secrets, databases.synapse, (query) => query("SELECT FROM matrix_stack.ledger WHERE result = 'adopted'"));
  if (done.length === 0) {
    await demandEmpty(context);
    if (source.from === 'dump') await restoreDump(context, source.volume, source.file);
    else if (source.from === 'volume') await restoreVolume(context, source.volume, source.database);
    else throw new StepError('matrix:adopt.from external is not built yet; expected dump or volume. Dump the database and adopt the dump.');
    await forgetOneTimeKeys(context);
    if (source.mediaVolume !== undefined) await copyMedia(context, source.mediaVolume);
  }
  const people = (await withDatabase(facts, secrets, databases.synapse, (query) => query(readPeople)))[0]?.['people'] as { users: number; serverName: string | null };
  if (people.serverName !== facts.serverName) {
    throw new StepError(`The adopted database holds people of "${people.serverName ?? 'nobody'}", the stack is "${facts.serverName}"; a server name can never change. Type pulumi config set matrix:serverName ${people.serverName ?? facts.serverName}`);
  }
  if (done.length === 0) {
    await withDatabase(facts, secrets, databases.synapse, (query) => append(query, { epoch: 0, move: 'adopt', from: 'empty', to: wanted, attempt: ledger.attempt, modelDigest: facts.modelDigest, result: 'adopted', detail: { from: source.from, users: people.users } }));
  }
  log(`${people.users} people of ${facts.serverName} adopted`);
  return { summary: `Adopted ${people.users} people of ${facts.serverName}.`, detail: { users: people.users } };
};
