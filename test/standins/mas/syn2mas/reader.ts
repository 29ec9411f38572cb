import type pg from 'pg';
import { CommandError, withContext } from '../cli/errors.ts';
import { databaseError } from '../db/connect.ts';

const LOCKED = ['users', 'user_threepids', 'user_external_ids', 'devices', 'access_tokens', 'refresh_tokens'];

/** Rows of Synapse, as far as a migration needs them. Times are milliseconds, except `creation_ts` in seconds. */
export interface SynapseUser { name: string; password_hash: string | null; admin: number; deactivated: number; locked: boolean; creation_ts: number; is_guest: number; appservice_id: string | null }
export interface SynapseThreepid { user_id: string; medium: string; address: string; added_at: number }
export interface SynapseExternalId { user_id: string; auth_provider: string; external_id: string }
export interface SynapseDevice { user_id: string; device_id: string; display_name: string | null; last_seen: number | null; ip: string | null; user_agent: string | null }
export interface SynapseAccessToken { user_id: string; device_id: string | null; token: string; valid_until_ms: number | null; last_validated: number | null }
export interface SynapseTokenPair { user_id: string; device_id: string; access_token: string; refresh_token: string; valid_until_ms: number | null; last_validated: number | null }

function failed(sentence: string, error: unknown): CommandError {
  const inner = databaseError(error);
  return withContext(`database error whilst ${sentence}`, error instanceof Error ? new CommandError(inner.message, { cause: new CommandError(error.message) }) : inner);
}

/** Reads Synapse in one read-only serializable transaction that holds locks to its end and never writes (synapse_reader/mod.rs). */
export class SynapseReader {
  readonly #client: pg.ClientBase;

  private constructor(client: pg.ClientBase) {
    this.#client = client;
  }

  /** Takes the locks without waiting: ACCESS SHARE for a dry run, EXCLUSIVE for a real one (needs more than SELECT rights). */
  static async open(client: pg.ClientBase, dryRun: boolean): Promise<SynapseReader> {
    await client.query('begin').catch((error: unknown) => { throw failed('begin transaction', error); });
    await client.query('set transaction isolation level serializable read only deferrable').catch((error: unknown) => { throw failed('set transaction', error); });
    for (const table of LOCKED) {
      await client.query(`lock table ${table} in ${dryRun ? 'access share' : 'exclusive'} mode nowait`)
        .catch((error: unknown) => { throw failed(`locking Synapse table \`${table}\``, error); });
    }
    return new SynapseReader(client);
  }

  async #read<Row extends pg.QueryResultRow>(what: string, step: string, sql: string): Promise<Row[]> {
    try {
      return (await this.#client.query<Row>(sql)).rows;
    } catch (error) {
      const inner = failed(`reading Synapse ${what}`, error);
      throw new CommandError(`error when reading synapse DB (reading ${step}): ${inner.message}`, { cause: inner });
    }
  }

  users(): Promise<SynapseUser[]> {
    return this.#read('users', 'users', 'select name, password_hash, admin, deactivated, locked, creation_ts, is_guest, appservice_id from users');
  }

  threepids(): Promise<SynapseThreepid[]> {
    return this.#read('threepids', 'threepids', 'select user_id, medium, address, added_at from user_threepids');
  }

  externalIds(): Promise<SynapseExternalId[]> {
    return this.#read('user external IDs', 'external ID', 'select user_id, auth_provider, external_id from user_external_ids');
  }

  /** Without hidden devices (cross-signing keys) and the device name of guests. */
  devices(): Promise<SynapseDevice[]> {
    return this.#read('devices', 'devices', "select user_id, device_id, display_name, last_seen, ip, user_agent from devices where not hidden and device_id <> 'guest_device'");
  }

  /** Tokens without refresh token whose device exists, or that have no device; never an admin acting as somebody. */
  accessTokens(): Promise<SynapseAccessToken[]> {
    return this.#read('access tokens', 'tokens', `select t.user_id, t.device_id, t.token, t.valid_until_ms, t.last_validated from access_tokens t
      where t.puppets_user_id is null and t.refresh_token_id is null
        and (t.device_id is null or exists (select 1 from devices d where d.user_id = t.user_id and d.device_id = t.device_id))`);
  }

  /** Live pairs: a refresh token counts as used up only when the access token of its successor was used. */
  tokenPairs(): Promise<SynapseTokenPair[]> {
    return this.#read('refresh tokens', 'refresh token pairs', `select r.user_id, r.device_id, t.token as access_token, r.token as refresh_token, t.valid_until_ms, t.last_validated
      from refresh_tokens r
      join devices d on d.user_id = r.user_id and d.device_id = r.device_id
      join access_tokens t on t.refresh_token_id = r.id and t.user_id = r.user_id and t.device_id = r.device_id
      left join access_tokens successor on successor.refresh_token_id = r.next_token_id
      where successor.used is not true`);
  }

  /** Ends the transaction, and with it the locks. */
  async finish(): Promise<void> {
    await this.#client.query('commit').catch((error: unknown) => { throw failed('end transaction', error); });
  }
}
