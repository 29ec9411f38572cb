import { hkdfSync } from 'node:crypto';
import pg from 'pg';
import { CommandError, withContext } from '../cli/errors.ts';
import { log } from '../cli/log.ts';
import { databasePassword } from '../config/secrets.ts';
import type { DatabaseConfig } from '../config/sections.ts';

/** Anything that runs a query: a client, or the pool. */
export type Queryable = Pick<pg.ClientBase, 'query'>;

/** 64-bit integers of Synapse (milliseconds) fit a JavaScript number until the year 287396. */
pg.types.setTypeParser(pg.types.builtins.INT8, Number);

const TLS: Record<string, pg.ClientConfig['ssl']> = {
  require: { rejectUnauthorized: false }, 'verify-ca': { rejectUnauthorized: true }, 'verify-full': { rejectUnauthorized: true },
};

/** Options for the MAS database: a URI, or single fields over libpq's environment (crates/cli/src/util.rs). */
export function connectOptions(config: DatabaseConfig): pg.ClientConfig {
  const ssl = config.sslMode === undefined ? undefined : TLS[config.sslMode];
  if (config.uri !== undefined) return { ...fromUri(config.uri, 'could not parse database connection string'), ...(ssl === undefined ? {} : { ssl }) };
  return {
    application_name: 'matrix-authentication-service', database: config.database, host: config.socket ?? config.host,
    password: databasePassword(config), port: config.port, user: config.username, ssl,
  };
}

/** A connection string as sqlx reads it: what it lacks comes from libpq's environment; `postgresql://` alone is legal. */
export function fromUri(uri: string, sentence: string): pg.ClientConfig {
  if (!/^postgres(ql)?:/.test(uri)) throw withContext(sentence, new CommandError('error with configuration: relative URL without a base'));
  return /^postgres(ql)?:\/*$/.test(uri) ? {} : { connectionString: uri };
}

/** Opens one connection and fails at once when there is none. */
export async function connect(options: pg.ClientConfig, sentence: string): Promise<pg.Client> {
  const client = new pg.Client(options);
  // A connection that dies later ends the command through the next query; without a listener Node would crash instead.
  client.on('error', () => undefined);
  try {
    await client.connect();
  } catch (error) {
    throw withContext(sentence, describe(error));
  }
  return client;
}

/** One connection to the MAS database, as every one-shot command opens it. */
export async function connectMas(config: DatabaseConfig): Promise<pg.Client> {
  return connect(connectOptions(config), 'could not connect to the database');
}

/** The pool of `server`: tried until `connect_timeout` has passed, because sqlx's pool retries a refused connection (mas.md 9.4). */
export async function openPool(config: DatabaseConfig): Promise<pg.Pool> {
  const pool = new pg.Pool({ ...connectOptions(config), max: config.maxConnections });
  pool.on('error', (error) => { log('WARN', 'standin::db', 'an idle database connection was lost', { error: error.message }); });
  const deadline = Date.now() + config.connectTimeout * 1000;
  for (;;) {
    try {
      (await pool.connect()).release();
      return pool;
    } catch (error) {
      const refused = error instanceof Error && 'code' in error && error.code === 'ECONNREFUSED';
      if (!refused || Date.now() + 250 > deadline) {
        throw withContext('could not connect to the database', refused ? new CommandError('pool timed out while waiting for an open connection') : describe(error));
      }
      await new Promise((resolve) => setTimeout(resolve, 250));
    }
  }
}

/** PostgreSQL's refusals in sqlx's wording, without anything secret. */
function describe(error: unknown): Error {
  if (!(error instanceof Error)) return new CommandError(String(error));
  const code = 'code' in error ? String(error.code) : '';
  if (code === 'ECONNREFUSED') return new CommandError('error communicating with database: Connection refused (os error 111)');
  if (code === 'ENOENT') return new CommandError('error communicating with database: No such file or directory (os error 2)');
  return new CommandError(/^[0-9A-Z]{5}$/.test(code) ? `error returned from database: ${error.message}` : error.message);
}

/** The sentence of a failed query, in sqlx's wording. */
export function databaseError(error: unknown): Error {
  return describe(error);
}

/** The key of an advisory lock named by text, derived like sqlx's `PgAdvisoryLock::new`, so that both programs exclude each other. */
export function advisoryKey(name: string): bigint {
  const bytes = Buffer.from(hkdfSync('sha256', name, Buffer.alloc(32), 'SQLx (Rust) Postgres advisory lock', 8));
  return bytes.readBigInt64LE(0);
}

/** Runs `work` inside one transaction; rolls back when it throws. */
export async function inTransaction<T>(client: pg.ClientBase, work: () => Promise<T>, begin = 'begin'): Promise<T> {
  await client.query(begin);
  try {
    const result = await work();
    await client.query('commit');
    return result;
  } catch (error) {
    await client.query('rollback').catch(() => undefined);
    throw error;
  }
}
