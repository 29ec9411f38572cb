import type pg from 'pg';
import { log } from '../cli/log.ts';
import { newId, ulidOf, uuidOf } from '../db/ids.ts';
import { deviceOf } from './scope.ts';
import type { Homeserver } from './homeserver.ts';

/** Jobs the stand-in runs; the names are MAS's (crates/storage/src/queue/tasks.rs). Others stay in the table. */
export type JobName = 'provision-user' | 'sync-devices' | 'deactivate-user' | 'reactivate-user';

const KNOWN: readonly JobName[] = ['provision-user', 'sync-devices', 'deactivate-user', 'reactivate-user'];
const MAX_ATTEMPTS = 10;

/** Adds a job inside the caller's transaction. */
export async function schedule(on: pg.ClientBase | pg.Pool, name: JobName, userId: string, extra: Readonly<Record<string, unknown>> = {}): Promise<void> {
  await on.query("insert into queue_jobs (queue_job_id, queue_name, payload, metadata, created_at) values ($1, $2, $3, '{}', now())",
    [newId(), name, JSON.stringify({ user_id: ulidOf(userId), ...extra })]);
}

interface JobRow { queue_job_id: string; queue_name: JobName; payload: { user_id: string; hs_erase?: boolean; set_display_name?: string | null }; attempt: number }

/** The worker: takes jobs from `queue_jobs` one by one and carries them to Synapse. A failed one is tried again with growing pauses. */
export class Queue {
  readonly #pool: pg.Pool;
  readonly #homeserver: Homeserver;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;
  #enabled = false;

  constructor(pool: pg.Pool, homeserver: Homeserver) {
    this.#pool = pool;
    this.#homeserver = homeserver;
  }

  /** Starts working, at least four times a second. */
  start(): void {
    this.#enabled = true;
    this.#timer = setInterval(() => { this.kick(); }, 250);
  }

  /** Works now, if a worker runs in this process. */
  kick(): void {
    if (!this.#enabled || this.#running !== undefined) return;
    this.#running = this.#work().catch((error: unknown) => {
      log('ERROR', 'mas_tasks', 'worker failed', { error: error instanceof Error ? error.message : String(error) });
    }).finally(() => { this.#running = undefined; });
  }

  /** Ends after the job at hand. */
  async stop(): Promise<void> {
    this.#enabled = false;
    clearInterval(this.#timer);
    await this.#running;
  }

  async #work(): Promise<void> {
    while (this.#enabled && await this.#next()) { /* until the queue is empty */ }
  }

  async #next(): Promise<boolean> {
    const client = await this.#pool.connect();
    try {
      await client.query('begin');
      const found = await client.query<JobRow>(`select queue_job_id, queue_name, payload, attempt from queue_jobs
        where queue_name = any($1) and (status = 'available' or (status = 'scheduled' and scheduled_at <= now())) order by queue_job_id limit 1 for update skip locked`, [KNOWN]);
      const job = found.rows[0];
      if (job === undefined) {
        await client.query('commit');
        return false;
      }
      try {
        await client.query('savepoint job');
        await this.#run(client, job);
        await client.query("update queue_jobs set status = 'completed', completed_at = now() where queue_job_id = $1", [job.queue_job_id]);
      } catch (error) {
        await client.query('rollback to savepoint job');
        const message = error instanceof Error ? error.message : String(error);
        const final = job.attempt + 1 >= MAX_ATTEMPTS;
        log(final ? 'ERROR' : 'WARN', 'mas_tasks', 'Job failed', { queue_name: job.queue_name, attempt: job.attempt, error: message });
        await client.query(`update queue_jobs set status = $2, attempt = attempt + 1, failed_at = now(), failed_reason = $3, scheduled_at = now() + make_interval(secs => least(300, power(2, attempt)))
          where queue_job_id = $1`, [job.queue_job_id, final ? 'failed' : 'scheduled', message]);
      }
      await client.query('commit');
      return true;
    } catch (error) {
      await client.query('rollback').catch(() => undefined);
      throw error;
    } finally {
      client.release();
    }
  }

  async #run(client: pg.ClientBase, job: JobRow): Promise<void> {
    const userId = uuidOf(job.payload.user_id) ?? job.payload.user_id;
    const user = (await client.query<{ username: string; locked_at: Date | null }>('select username, locked_at from users where user_id = $1', [userId])).rows[0];
    if (user === undefined) throw new Error('User not found');
    switch (job.queue_name) {
      case 'provision-user': {
        const emails = await client.query<{ email: string }>('select email from user_emails where user_id = $1 order by user_email_id', [userId]);
        await this.#homeserver.provisionUser({ localpart: user.username, locked: user.locked_at !== null, emails: emails.rows.map((row) => row.email), displayname: job.payload.set_display_name ?? undefined });
        await schedule(client, 'sync-devices', userId);
        return;
      }
      case 'sync-devices': return this.#syncDevices(client, userId, user.username);
      case 'deactivate-user': {
        // crates/tasks/src/user.rs: sessions end, emails and other third-party ids go, then Synapse deactivates.
        await client.query('update users set deactivated_at = coalesce(deactivated_at, now()) where user_id = $1', [userId]);
        for (const table of ['user_sessions', 'oauth2_sessions', 'compat_sessions']) await client.query(`update ${table} set finished_at = now() where user_id = $1 and finished_at is null`, [userId]);
        await client.query('update personal_sessions set revoked_at = now() where (actor_user_id = $1 or owner_user_id = $1) and revoked_at is null', [userId]);
        for (const table of ['user_emails', 'user_unsupported_third_party_ids']) await client.query(`delete from ${table} where user_id = $1`, [userId]);
        return this.#homeserver.deleteUser(user.username, job.payload.hs_erase === true);
      }
      case 'reactivate-user': {
        await this.#homeserver.reactivateUser(user.username);
        await client.query('update users set deactivated_at = null where user_id = $1', [userId]);
      }
    }
  }

  /** Tells Synapse every device that MAS still knows (crates/tasks/src/matrix.rs `SyncDevicesJob`). */
  async #syncDevices(client: pg.ClientBase, userId: string, username: string): Promise<void> {
    await client.query('select pg_advisory_xact_lock(hashtextextended($1, 0))', [userId]);
    const compat = await client.query<{ device_id: string }>('select device_id from compat_sessions where user_id = $1 and finished_at is null and device_id is not null', [userId]);
    const scoped = await client.query<{ scope: string }>(`select unnest(scope_list) as scope from oauth2_sessions where user_id = $1 and finished_at is null
      union all select unnest(scope_list) from personal_sessions where actor_user_id = $1 and revoked_at is null`, [userId]);
    const devices = new Set(compat.rows.map((row) => row.device_id));
    for (const row of scoped.rows) {
      const device = deviceOf(row.scope);
      if (device !== undefined) devices.add(device);
    }
    await this.#homeserver.syncDevices(username, [...devices]);
  }
}
