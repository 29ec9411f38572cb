/** MAS's database as an object of its own: made ready, looked into, put aside. It is never dropped. */
import { databases, roles } from '../model/names.ts';
import { databaseExists } from './databases.ts';
import type { Query } from './databases.ts';
import { anchorDdl } from './ledger-sql.ts';
import { setAnchor } from './ledger.ts';

/** MAS's database of this phase: extension, anchor, and what the ledger role may read. */
export async function prepareMasDatabase(query: Query, incarnation: string, epoch: number): Promise<void> {
  // MAS's migrations create it themselves, which only a superuser or a trusted extension allows.
  await query('CREATE EXTENSION IF NOT EXISTS pg_trgm');
  await query(`ALTER SCHEMA public OWNER TO ${roles.masOwner}`);
  await query(anchorDdl);
  const [anchor] = await query('SELECT epoch FROM matrix_stack.anchor');
  if (anchor === undefined) await setAnchor(query, incarnation, epoch);
}

/** The move that the anchor names; 0 where there is no anchor yet. */
export async function anchoredEpoch(query: Query): Promise<number> {
  const [present] = await query("SELECT to_regclass('matrix_stack.anchor') IS NOT NULL AS present");
  if (present?.['present'] !== true) return 0;
  return Number((await query('SELECT epoch FROM matrix_stack.anchor'))[0]?.['epoch'] ?? 0);
}

/** Made by syn2mas when it takes constraints off, and dropped when they are on again: it stays after one that failed or was killed, a dry run too. */
export const halfDone = 'syn2mas_restore_constraints';

/** Tables that syn2mas demands to be empty (crates/syn2mas/src/mas_writer/checks.rs). */
const peopleTables = ['users', 'user_passwords', 'user_emails', 'user_unsupported_third_party_ids', 'upstream_oauth_links', 'compat_sessions', 'compat_access_tokens', 'compat_refresh_tokens'];

/** @returns which of MAS's people tables hold rows, or that a migration was left half done. */
export async function leftovers(query: Query): Promise<string[]> {
  const found: string[] = [];
  const [half] = await query("SELECT to_regclass('syn2mas_restore_constraints') IS NOT NULL OR to_regclass('syn2mas_restore_indices') IS NOT NULL AS half");
  if (half?.['half'] === true) found.push(halfDone);
  for (const table of peopleTables) {
    const [present] = await query('SELECT to_regclass($1) IS NOT NULL AS present', [`public.${table}`]);
    if (present?.['present'] !== true) continue;
    const [row] = await query(`SELECT EXISTS (SELECT FROM public.${table}) AS full`);
    if (row?.['full'] === true) found.push(table);
  }
  return found;
}

/**
 * MAS's database is put aside under a name of its own, never dropped, and an empty one takes its place. None of this can be in one
 * transaction: killed in between, it goes on where it was with the same label.
 */
export async function putAside(query: Query, label: string): Promise<string> {
  const aside = `${databases.mas}_${label}`;
  if (!(await databaseExists(query, aside))) {
    await query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1 AND pid <> pg_backend_pid()", [databases.mas]);
    await query(`ALTER DATABASE ${databases.mas} RENAME TO ${aside}`);
  }
  await makeMasDatabase(query);
  return aside;
}

/** An empty database with the locale that Synapse demands too, where there is none. */
export async function makeMasDatabase(query: Query): Promise<void> {
  if (!(await databaseExists(query, databases.mas))) await query(`CREATE DATABASE ${databases.mas} OWNER ${roles.masOwner} ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0`);
  await query(`REVOKE CONNECT ON DATABASE ${databases.mas} FROM PUBLIC`);
  await query(`GRANT CONNECT ON DATABASE ${databases.mas} TO ${roles.masOwner}, ${roles.ledger}, ${roles.mas}, ${roles.syn2mas}`);
  for (const role of [roles.mas, roles.syn2mas]) await query(`ALTER ROLE ${role} IN DATABASE ${databases.mas} SET role TO ${roles.masOwner}`);
}
