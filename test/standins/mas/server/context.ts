import type pg from 'pg';
import type { AppConfig } from '../config/config.ts';
import type { SigningKey } from '../config/secrets.ts';
import type { Encrypter } from '../db/encrypter.ts';
import type { Homeserver } from './homeserver.ts';
import type { Limiter } from './limiter.ts';
import type { Passwords } from './passwords.ts';
import type { Queue } from './queue.ts';

/** Everything a handler can reach. */
export interface Context {
  readonly config: AppConfig;
  readonly pool: pg.Pool;
  readonly keys: readonly SigningKey[];
  readonly encrypter: Encrypter;
  readonly homeserver: Homeserver;
  readonly limiter: Limiter;
  readonly passwords: Passwords;
  readonly queue: Queue;
  /** 32 bytes that cookies are encrypted with, derived from `secrets.encryption`. */
  readonly cookieKey: Buffer;
}

/** A person's row. */
export interface UserRow {
  readonly user_id: string;
  readonly username: string;
  readonly created_at: Date;
  readonly locked_at: Date | null;
  readonly deactivated_at: Date | null;
  readonly can_request_admin: boolean;
  readonly is_guest: boolean;
}

/** Neither locked nor deactivated. */
export function isValid(user: UserRow): boolean {
  return user.locked_at === null && user.deactivated_at === null;
}

/** The address under `public_base`. */
export function absolute(context: Context, relative: string): string {
  return new URL(relative, context.config.http.publicBase).href;
}

/** The issuer as advertised. */
export function issuer(context: Context): string {
  return (context.config.http.issuer ?? context.config.http.publicBase).href;
}

/** Runs `work` in one transaction on one connection of the pool. */
export async function transaction<T>(context: Context, work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
  const client = await context.pool.connect();
  try {
    await client.query('begin');
    const result = await work(client);
    await client.query('commit');
    return result;
  } catch (error) {
    await client.query('rollback').catch(() => undefined);
    throw error;
  } finally {
    client.release();
  }
}

/** The first row, if any. */
export async function one<Row extends pg.QueryResultRow>(on: pg.Pool | pg.ClientBase, sql: string, values: readonly unknown[]): Promise<Row | undefined> {
  return (await on.query<Row>(sql, [...values])).rows[0];
}

/** Holds sync jobs of a person off until the transaction ends (`acquire_lock_for_sync`). */
export async function lockForSync(client: pg.ClientBase, userId: string): Promise<void> {
  await client.query('select pg_advisory_xact_lock(hashtextextended($1, 0))', [userId]);
}
