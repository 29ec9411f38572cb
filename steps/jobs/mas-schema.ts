/** Makes MAS's database ready for a move: empty of people, at the schema of this MAS, its clients synced. */
import { databases, roles } from '../../model/names.ts';
import type { Job } from '../context.ts';
import { StepError } from '../contract.ts';
import { withDatabase } from '../databases.ts';
import type { Query } from '../databases.ts';
import { oneShot } from '../docker-api.ts';
import { read } from '../ledger.ts';
import { allow, revoke } from '../roles.ts';
import { firstError } from '../syn2mas-report.ts';
import { masTool } from '../tools.ts';
import { prepareMasDatabase } from './prepare.ts';

/** Tables that syn2mas demands to be empty (crates/syn2mas/src/mas_writer/checks.rs). */
const peopleTables = ['users', 'user_passwords', 'user_emails', 'user_unsupported_third_party_ids', 'upstream_oauth_links', 'compat_sessions', 'compat_access_tokens', 'compat_refresh_tokens'];

/** @returns which of MAS's people tables hold rows, or that a migration was left half done. */
export async function leftovers(query: Query): Promise<string[]> {
  const found: string[] = [];
  const [half] = await query("SELECT to_regclass('syn2mas_restore_constraints') IS NOT NULL OR to_regclass('syn2mas_restore_indices') IS NOT NULL AS half");
  if (half?.['half'] === true) found.push('syn2mas_restore_constraints');
  for (const table of peopleTables) {
    const [present] = await query('SELECT to_regclass($1) IS NOT NULL AS present', [`public.${table}`]);
    if (present?.['present'] !== true) continue;
    const [row] = await query(`SELECT EXISTS (SELECT FROM public.${table}) AS full`);
    if (row?.['full'] === true) found.push(table);
  }
  return found;
}

/** MAS's database is put aside under the name of the move, never dropped, and an empty one takes its place. */
export async function putAside(query: Query, label: string): Promise<string> {
  const aside = `${databases.mas}_${label}`;
  await query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1 AND pid <> pg_backend_pid()", [databases.mas]);
  await query(`ALTER DATABASE ${databases.mas} RENAME TO ${aside}`);
  await query(`CREATE DATABASE ${databases.mas} OWNER ${roles.masOwner} ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0`);
  await query(`REVOKE CONNECT ON DATABASE ${databases.mas} FROM PUBLIC`);
  await query(`GRANT CONNECT ON DATABASE ${databases.mas} TO ${roles.masOwner}, ${roles.ledger}, ${roles.mas}, ${roles.syn2mas}`);
  for (const role of [roles.mas, roles.syn2mas]) await query(`ALTER ROLE ${role} IN DATABASE ${databases.mas} SET role TO ${roles.masOwner}`);
  return aside;
}

export const masSchema: Job = async ({ facts, secrets, log }) => {
  const ledger = await withDatabase(facts, secrets, databases.synapse, read);
  if (ledger.phase === 'legacy' || ledger.phase === 'empty') {
    const left = await withDatabase(facts, secrets, databases.mas, leftovers);
    if (left.length > 0) {
      // Only a try that was undone leaves rows here: nobody but the switch starts MAS before `opened`.
      if (ledger.attempt === 0) {
        throw new StepError(`The MAS database is not empty (rows in ${left.join(', ')}) although no move ever filled it; expected an empty one. If it may be put aside, type: ALTER DATABASE ${databases.mas} RENAME TO ${databases.mas}_old; and run pulumi up again.`);
      }
      const aside = await withDatabase(facts, secrets, 'postgres', (query) => putAside(query, `try_${ledger.epoch + 1}_${ledger.attempt}`));
      await withDatabase(facts, secrets, databases.mas, (query) => prepareMasDatabase(query, ledger.incarnation, ledger.epoch));
      log(`the MAS database of the undone try was put aside as ${aside}`);
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
