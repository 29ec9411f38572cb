import type pg from 'pg';
import { log } from '../cli/log.ts';
import { CommandError, withContext } from '../cli/errors.ts';
import { advisoryKey, databaseError, inTransaction } from './connect.ts';
import { schemaStatements } from './schema.ts';

/** Number of the last migration of MAS 1.22.0; the stand-in makes the whole schema at once under this number. */
const VERSION = '20260720134722';
const DESCRIPTION = 'stand-in schema of mas-cli 1.22.0';

async function pending(client: pg.ClientBase): Promise<boolean> {
  const table = await client.query("select 1 from information_schema.tables where table_name = '_sqlx_migrations'");
  if (table.rowCount === 0) return true;
  const rows = (await client.query<{ version: string; description: string }>('select version::text as version, description from _sqlx_migrations')).rows;
  const foreign = rows.filter((applied) => applied.description !== DESCRIPTION).length;
  if (foreign > 0) {
    throw new CommandError(`this database has ${String(foreign)} migrations of a real MAS, and the stand-in expects none: give it a database of its own, or run mas-cli`);
  }
  return !rows.some((applied) => applied.version === VERSION);
}

/** True when the schema is not there yet (crates/storage-pg/src/lib.rs `pending_migrations`). */
export async function hasPendingMigrations(client: pg.ClientBase): Promise<boolean> {
  return pending(client);
}

/**
 * Makes the schema if it is missing, one process at a time. The bookkeeping table is made first and stays even when the rest fails,
 * for instance on a Synapse database that already has a `users` table (mas.md 9.4).
 */
export async function migrate(client: pg.ClientBase): Promise<void> {
  const key = advisoryKey('mas stand-in migrations').toString();
  try {
    for (let wait = 250; ; wait = Math.min(wait * 2, 5000)) {
      const lock = await client.query<{ locked: boolean }>('select pg_try_advisory_lock($1) as locked', [key]);
      if (lock.rows[0]?.locked === true) break;
      log('WARN', 'mas_storage_pg', `Another process is already running migrations on the database, waiting ${String(wait / 1000)}s and trying again…`);
      await new Promise((resolve) => setTimeout(resolve, wait));
    }
    await client.query(`create table if not exists _sqlx_migrations (version bigint primary key, description text not null, installed_on timestamptz not null default now(),
      success boolean not null, checksum bytea not null, execution_time bigint not null)`);
    if (await pending(client)) {
      log('INFO', 'mas_storage_pg', `Applying migration ${VERSION}: ${DESCRIPTION}`);
      const started = process.hrtime.bigint();
      await inTransaction(client, async () => {
        await client.query('create extension if not exists pg_trgm');
        for (const statement of schemaStatements()) await client.query(statement);
        await client.query('insert into _sqlx_migrations (version, description, success, checksum, execution_time) values ($1, $2, true, $3, $4)',
          [VERSION, DESCRIPTION, Buffer.from('stand-in'), (process.hrtime.bigint() - started).toString()]);
      });
    }
    await client.query('select pg_advisory_unlock($1)', [key]);
  } catch (error) {
    throw withContext('could not run migrations', withContext(`while executing migration ${VERSION}: ${databaseError(error).message}`, databaseError(error)));
  }
}
