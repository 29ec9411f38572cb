import type pg from 'pg';
import { CommandError, withContext } from '../cli/errors.ts';
import { log } from '../cli/log.ts';
import { databaseError } from '../db/connect.ts';

/** The tables that a migration fills, in MAS's order (mas_writer/mod.rs `MAS_TABLES_AFFECTED_BY_MIGRATION`). */
export const TABLES = ['users', 'user_passwords', 'user_emails', 'user_unsupported_third_party_ids', 'upstream_oauth_links', 'compat_sessions',
  'compat_access_tokens', 'compat_refresh_tokens'] as const;
export type Table = (typeof TABLES)[number];

const TARGET = 'syn2mas::mas_writer';
const BATCH = 4096;

interface Paused { readonly name: string; readonly table_name: string; readonly definition: string }

/** A failed statement: the sentence, then the database's words twice, as sqlx errors print. */
function failed(sentence: string, error: unknown): CommandError {
  const inner = databaseError(error);
  const cause = error instanceof Error ? new CommandError(inner.message, { cause: new CommandError(error.message) }) : inner;
  return withContext(`database error whilst ${sentence}`, cause);
}

async function run<Row extends pg.QueryResultRow>(client: pg.ClientBase, sentence: string, sql: string, values: unknown[] = []): Promise<Row[]> {
  try {
    return (await client.query<Row>(sql, values)).rows;
  } catch (error) {
    throw failed(sentence, error);
  }
}

/** True when a migration began and did not end: both restore tables are there (`is_syn2mas_in_progress`). */
export async function isInProgress(client: pg.ClientBase): Promise<boolean> {
  const rows = await run<{ count: number }>(client, 'query presence of resume tables',
    "select count(*) from information_schema.tables where table_schema = current_schema and table_name in ('syn2mas_restore_constraints', 'syn2mas_restore_indices')");
  const count = rows[0]?.count ?? 0;
  if (count === 1) throw new CommandError('inconsistent database: some, but not all, syn2mas resumption tables were found');
  return count === 2;
}

const INCOMING = "select conrelid::regclass::text as table_name, conname as name, pg_get_constraintdef(oid) as definition from pg_constraint where contype = 'f' and confrelid::regclass::text = $1";
const OWN = "select conrelid::regclass::text as table_name, conname as name, pg_get_constraintdef(oid) as definition from pg_constraint where contype in ('f', 'p', 'u') and conrelid::regclass::text = $1";
const INDICES = 'select indexname as name, indexdef as definition, schemaname as table_name from pg_indexes where schemaname = current_schema and tablename = $1';

/** Drops foreign keys, constraints and indices of the renamed tables and returns them in the order they were dropped (`pause_indices`). */
async function pause(client: pg.ClientBase): Promise<{ constraints: Paused[]; indices: Paused[] }> {
  const constraints: Paused[] = [];
  const indices: Paused[] = [];
  for (const table of TABLES.map((name) => `syn2mas__${name}`)) {
    for (const query of [INCOMING, OWN]) {
      for (const constraint of await run<Paused>(client, `could not read constraint definitions of ${table}`, query, [table])) {
        await run(client, `failed to drop constraint ${constraint.name} on ${constraint.table_name}`, `alter table ${constraint.table_name} drop constraint ${constraint.name}`);
        constraints.push(constraint);
      }
    }
    for (const index of await run<Paused>(client, 'cannot search for indices', INDICES, [table])) {
      await run(client, `failed to temporarily drop ${index.name}`, `drop index ${index.name}`);
      indices.push(index);
    }
  }
  return { constraints, indices };
}

/**
 * Writes a migration into MAS's database: tables renamed to `syn2mas__*` and bare while rows come in over eight connections, put back by
 * `finish` (mas_writer/mod.rs `MasWriter`). Until then a MAS server on this database cannot work.
 */
export class MasWriter {
  readonly #main: pg.ClientBase;
  readonly #writers: readonly pg.ClientBase[];
  readonly #dryRun: boolean;
  readonly #constraints: readonly Paused[];
  readonly #indices: readonly Paused[];
  readonly #buffers = new Map<string, unknown[][]>();
  readonly #pending: Promise<unknown>[] = [];
  #next = 0;

  private constructor(main: pg.ClientBase, writers: readonly pg.ClientBase[], dryRun: boolean, constraints: readonly Paused[], indices: readonly Paused[]) {
    this.#main = main;
    this.#writers = writers;
    this.#dryRun = dryRun;
    this.#constraints = constraints;
    this.#indices = indices;
  }

  /** Prepares the database in one committed transaction, or resets a half-done migration. */
  static async open(main: pg.ClientBase, writers: readonly pg.ClientBase[], dryRun: boolean): Promise<MasWriter> {
    await run(main, 'begin MAS transaction', 'begin isolation level read committed');
    let constraints: Paused[];
    let indices: Paused[];
    if (await isInProgress(main)) {
      log('WARN', TARGET, 'Partial syn2mas migration has already been done; resetting.');
      for (const table of TABLES) await run(main, `failed to truncate table syn2mas__${table}`, `truncate syn2mas__${table}`);
      indices = await run<Paused>(main, 'failed to get syn2mas restore data (index descriptions)', 'select table_name, name, definition from syn2mas_restore_indices order by order_key');
      constraints = await run<Paused>(main, 'failed to get syn2mas restore data (constraint descriptions)', 'select table_name, name, definition from syn2mas_restore_constraints order by order_key');
    } else {
      log('INFO', TARGET, 'Starting new syn2mas migration');
      const kept = ['syn2mas_restore_constraints', 'syn2mas_restore_indices'] as const;
      for (const table of kept) {
        await run(main, 'could not create temporary tables', `create table ${table} (order_key serial not null primary key, table_name text not null, name text not null, definition text not null)`);
      }
      for (const table of TABLES) await run(main, 'could not create temporary tables', `alter table ${table} rename to syn2mas__${table}`);
      ({ constraints, indices } = await pause(main));
      for (const [table, rows] of [['syn2mas_restore_indices', indices], ['syn2mas_restore_constraints', constraints]] as const) {
        for (const row of rows) await run(main, 'failed to save restore data (index)', `insert into ${table} (name, table_name, definition) values ($1, $2, $3)`, [row.name, row.table_name, row.definition]);
      }
    }
    await run(main, 'begin MAS transaction', 'commit');
    for (const writer of writers) await run(writer, 'begin MAS writer transaction', 'begin isolation level read committed');
    return new MasWriter(main, writers, dryRun, constraints, indices);
  }

  /** Queues one row; `columns` maps each column to its array type. Rows leave in batches of 4096. */
  write(table: Table, columns: Readonly<Record<string, string>>, row: readonly unknown[]): void {
    const key = JSON.stringify([table, columns]);
    const rows = this.#buffers.get(key) ?? [];
    this.#buffers.set(key, rows);
    rows.push([...row]);
    if (rows.length >= BATCH) this.#flush(key);
  }

  #flush(key: string): void {
    const rows = this.#buffers.get(key) ?? [];
    this.#buffers.delete(key);
    if (rows.length === 0) return;
    const [table, columns] = JSON.parse(key) as [Table, Record<string, string>];
    const names = Object.keys(columns);
    const values = names.map((_, column) => rows.map((row) => row[column]));
    const casts = Object.values(columns).map((type, index) => `$${String(index + 1)}::${type}[]`);
    const writer = this.#writers[this.#next++ % this.#writers.length];
    if (writer === undefined) throw new CommandError('writer connection pool shut down due to error');
    const writing = run(writer, `writing ${table} to MAS`, `insert into syn2mas__${table} (${names.join(', ')}) select * from unnest(${casts.join(', ')})`, values);
    // The failure is taken from the list by `settle`; this only keeps Node from calling it unhandled meanwhile.
    writing.catch(() => undefined);
    this.#pending.push(writing);
  }

  /** Sends what is queued and waits for it. */
  async settle(): Promise<void> {
    for (const key of [...this.#buffers.keys()]) this.#flush(key);
    const results = await Promise.allSettled(this.#pending.splice(0));
    const errors = results.filter((result) => result.status === 'rejected').map((result) => (result.reason instanceof Error ? result.reason.message : String(result.reason)));
    if (errors.length > 0) throw new CommandError(`multiple errors${errors.map((error) => `\n- ${error}`).join('')}`);
  }

  /** Commits the rows, rebuilds indices and constraints in reverse order, renames back; a dry run then truncates all eight tables with CASCADE. */
  async finish(): Promise<void> {
    await this.settle();
    for (const writer of this.#writers) await run(writer, 'commit writer transaction', 'commit');
    const main = this.#main;
    await run(main, 'begin MAS transaction', 'begin isolation level read committed');
    for (const index of [...this.#indices].reverse()) {
      await run(main, `failed to recreate index ${index.name} on ${index.table_name} with ${index.definition}`, index.definition);
      log('INFO', 'syn2mas::mas_writer::constraint_pausing', `index ${index.name} rebuilt in 0.0s`);
    }
    for (const constraint of [...this.#constraints].reverse()) {
      await run(main, `failed to recreate constraint ${constraint.name} on ${constraint.table_name} with ${constraint.definition}`, `alter table ${constraint.table_name} add constraint ${constraint.name} ${constraint.definition}`);
      log('INFO', 'syn2mas::mas_writer::constraint_pausing', `constraint ${constraint.name} rebuilt in 0.0s`);
    }
    await run(main, 'could not revert temporary tables', 'drop table syn2mas_restore_constraints, syn2mas_restore_indices');
    for (const table of TABLES) await run(main, 'could not revert temporary tables', `alter table syn2mas__${table} rename to ${table}`);
    if (this.#dryRun) {
      log('WARN', TARGET, 'Migration ran in dry-run mode, deleting all imported data');
      await run(main, 'failed to truncate all tables', `truncate table ${TABLES.join(', ')} cascade`);
    }
    await run(main, 'ending MAS transaction', 'commit');
  }
}
