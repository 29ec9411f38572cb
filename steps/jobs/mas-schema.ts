/** Makes MAS's database ready for a move: empty of people, at the schema of this MAS, its clients synced. */
import { databases } from '../../model/names.ts';
import type { Job } from '../context.ts';
import { StepError } from '../contract.ts';
import { withDatabase } from '../databases.ts';
import { oneShot } from '../docker-api.ts';
import { read } from '../ledger.ts';
import { halfDone, leftovers, makeMasDatabase, prepareMasDatabase, putAside } from '../mas-database.ts';
import { allow, revoke } from '../roles.ts';
import { firstError } from '../syn2mas-report.ts';
import { masTool } from '../tools.ts';

export const masSchema: Job = async ({ facts, secrets, log }) => {
  const ledger = await withDatabase(facts, secrets, databases.synapse, read);
  if (ledger.phase === 'legacy' || ledger.phase === 'empty') {
    // Whoever put it aside by hand need not run prepare again.
    await withDatabase(facts, secrets, 'postgres', makeMasDatabase);
    await withDatabase(facts, secrets, databases.mas, (query) => prepareMasDatabase(query, ledger.incarnation, ledger.epoch));
    const left = await withDatabase(facts, secrets, databases.mas, leftovers);
    if (left.length > 0) {
      // Only a try that was undone leaves people here: nobody but the switch starts MAS before `opened`.
      const [undone] = await withDatabase(facts, secrets, databases.synapse, (query) => query("SELECT FROM matrix_stack.ledger WHERE epoch = $1 AND result = 'undone' LIMIT 1", [ledger.epoch + 1]));
      if (undone === undefined && left.some((name) => name !== halfDone)) {
        throw new StepError(`The MAS database is not empty (rows in ${left.join(', ')}) although no move ever filled it; expected an empty one. If it may be put aside, type: ALTER DATABASE ${databases.mas} RENAME TO ${databases.mas}_old; and run pulumi up again.`);
      }
      const aside = await withDatabase(facts, secrets, 'postgres', async (query) => {
        const [before] = await query('SELECT count(*)::int AS n FROM pg_database WHERE datname LIKE $1', [`${databases.mas}\\_try\\_%`]);
        return putAside(query, `try_${Number(before?.['n']) + 1}`);
      });
      await withDatabase(facts, secrets, databases.mas, (query) => prepareMasDatabase(query, ledger.incarnation, ledger.epoch));
      log(`the MAS database of a try that did not come to its end was kept as ${aside}`);
    }
  }
  await withDatabase(facts, secrets, 'postgres', (query) => allow(query, 'syn2mas'));
  try {
    for (const [tool, command] of [['mas-migrate', ['database', 'migrate']], ['mas-sync', ['config', 'sync']]] as const) {
      const result = await oneShot(masTool(facts, tool, command), 300_000);
      if (result.exitCode !== 0) throw new StepError(`mas-cli ${command.join(' ')} failed (exit code ${result.exitCode}): ${firstError(`${result.stdout}\n${result.stderr}`)} No client was affected.`);
      log(`mas-cli ${command.join(' ')}: done`);
    }
  } finally {
    await withDatabase(facts, secrets, 'postgres', (query) => revoke(query, 'syn2mas'));
  }
  return { summary: 'MAS database at the schema of this MAS, clients synced.' };
};
