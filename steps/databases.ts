/** Connections of a job: as administrator, or as one of the stack's roles. */
import pg from 'pg';
import { databases } from '../model/names.ts';
import type { RunnerSecrets, StackFacts } from './contract.ts';
import { StepError } from './contract.ts';
import { until } from './until.ts';

export type Query = (text: string, values?: readonly unknown[]) => Promise<Record<string, unknown>[]>;

export interface Connection {
  readonly query: Query;
  /** True once the server closed the connection under us: a lock held by it is gone. */
  lost(): boolean;
  close(): Promise<void>;
}

/**
 * Opens one connection as administrator with keepalives; the caller closes it.
 * @param name how others see it in pg_stat_activity; PostgreSQL keeps 63 bytes of it.
 */
export async function connect(facts: StackFacts, secrets: RunnerSecrets, database: string, name = 'matrix-stack job'): Promise<Connection> {
  const client = new pg.Client({ host: facts.database.host, port: facts.database.port, user: facts.database.adminUser, password: secrets.admin, database,
    ssl: facts.database.ssl === 'disable' ? false : { rejectUnauthorized: facts.database.ssl === 'verify-full' },
    keepAlive: true, keepAliveInitialDelayMillis: 5000, connectionTimeoutMillis: 5000, application_name: name });
  let gone = false;
  client.on('error', () => { gone = true; });
  client.on('end', () => { gone = true; });
  await client.connect();
  return {
    query: async (text, values) => (await client.query<Record<string, unknown>>(text, values as unknown[] | undefined)).rows,
    lost: () => gone,
    close: () => client.end(),
  };
}

/** Runs `work` with a connection and closes it whatever happens. */
export async function withDatabase<T>(facts: StackFacts, secrets: RunnerSecrets, database: string, work: (query: Query) => Promise<T>): Promise<T> {
  const connection = await connect(facts, secrets, database);
  try {
    return await work(connection.query);
  } finally {
    await connection.close();
  }
}

/** Waits until the server takes connections. @throws StepError with the last refusal after 60 s, and `away` in its detail. */
export async function awaitServer(facts: StackFacts, secrets: RunnerSecrets): Promise<void> {
  let last = '';
  const up = await until(60_000, 200, async () => {
    try {
      await withDatabase(facts, secrets, 'postgres', (query) => query('SELECT 1'));
      return true;
    } catch (error) {
      last = error instanceof Error ? error.message : String(error);
      return false;
    }
  });
  if (!up) throw new StepError(`PostgreSQL at ${facts.database.host}:${facts.database.port} did not answer within 60 s (${last}); expected a running server. Look at docker logs ${facts.containers.postgres ?? 'of your server'}`, { away: true });
}

export async function databaseExists(query: Query, database: string): Promise<boolean> {
  return (await query('SELECT 1 FROM pg_database WHERE datname = $1', [database])).length > 0;
}

/** Quotes a literal for DDL, which takes no parameters. */
export const literal = pg.escapeLiteral;
export const { synapse: synapseDatabase, mas: masDatabase } = databases;
