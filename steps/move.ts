/**
 * One try of a move, from its start to its one decision. Whoever finds the decision in the ledger carries it out or
 * leaves; nothing undoes past `opened`. The advisory lock is held by the connection that this object owns.
 */
import type { LedgerPhase, Move } from '../model/moves.ts';
import type { Phase } from '../model/model.ts';
import { databases } from '../model/names.ts';
import type { JobContext } from './context.ts';
import { StepError } from './contract.ts';
import { awaitServer, connect } from './databases.ts';
import type { Connection } from './databases.ts';
import { append, decisionOf, endOf, read } from './ledger.ts';
import type { Ledger, LedgerRow } from './ledger.ts';
import { lockHolder, switchLock } from './ledger-sql.ts';

export interface Try {
  readonly epoch: number;
  readonly attempt: number;
  readonly move: Move;
  readonly from: LedgerPhase;
  readonly to: Phase;
}

/** Milliseconds for which a job's own connection, killed with it, may still be there. */
const quiet = 2000;

export class SwitchHold {
  readonly context: JobContext;
  /** The connection that holds the lock. */
  connection: Connection;

  private constructor(context: JobContext, connection: Connection) {
    this.context = context;
    this.connection = connection;
  }

  /**
   * Takes the lock; while another job of this database has it, waits and says for whom.
   * @throws StepError when PostgreSQL does not answer, or a switch outlives its own time limit.
   */
  static async take(context: JobContext): Promise<SwitchHold> {
    const { facts, secrets } = context;
    await awaitServer(facts, secrets);
    const connection = await connect(facts, secrets, databases.synapse, `${context.job} by ${context.holder}`);
    try {
      await awaitTurn(context, connection);
      return new SwitchHold(context, connection);
    } catch (error) {
      await connection.close();
      throw error;
    }
  }

  /** Takes the lock again where the connection was lost (PostgreSQL restarted). @throws as {@link take}. */
  async retake(): Promise<void> {
    if (await this.held()) return;
    await this.connection.close().catch(() => undefined);
    this.connection = (await SwitchHold.take(this.context)).connection;
  }

  private async held(): Promise<boolean> {
    if (this.connection.lost()) return false;
    try {
      const [row] = await this.connection.query("SELECT count(*)::int AS n FROM pg_locks WHERE locktype = 'advisory' AND objid = $1 AND pid = pg_backend_pid()", [switchLock]);
      return row?.['n'] === 1;
    } catch {
      // The connection ended with this query: whatever the reason, the lock went with it.
      return false;
    }
  }

  /** A restart of PostgreSQL ends the session and with it the lock: nothing may be done without it. */
  async stillHeld(): Promise<void> {
    if (!(await this.held())) throw new StepError('The lock of the switch was lost (PostgreSQL restarted?); nothing more is done without it.');
  }

  ledger(): Promise<Ledger> {
    return read(this.connection.query);
  }

  private row(current: Try, result: LedgerRow['result'], detail: LedgerRow['detail']): LedgerRow {
    return { ...current, modelDigest: this.context.facts.modelDigest, result, detail };
  }

  /** Writes that this try begins. @throws StepError when somebody else began it first. */
  async begin(current: Try): Promise<void> {
    if (!(await append(this.connection.query, this.row(current, 'started', { holder: this.context.holder })))) {
      throw new StepError(`Move ${current.epoch} was begun by somebody else at the same moment; expected to be the only one. Run pulumi up again to attach to it.`);
    }
  }

  /** Takes the decision, or reads the one that was taken. */
  async decide(current: Try, wish: 'opened' | 'returned', detail: LedgerRow['detail']): Promise<'opened' | 'returned'> {
    if (await append(this.connection.query, this.row(current, wish, detail))) return wish;
    const taken = await decisionOf(this.connection.query, current.epoch, current.attempt);
    if (taken === null) throw new StepError(`The decision of move ${current.epoch} could be neither written nor read.`);
    return taken;
  }

  /** Whether this try has ended: somebody who had the lock meanwhile carried its decision out, and the data may have moved on. */
  async ended({ epoch, attempt }: Try): Promise<boolean> {
    return await endOf(this.connection.query, epoch, attempt) !== null;
  }

  /** What the try cost, once it is open. */
  async measured(current: Try, detail: LedgerRow['detail']): Promise<void> {
    await append(this.connection.query, this.row(current, 'measured', detail));
  }

  /** Ends the try: `finished` after `opened`, `undone` after `returned`. */
  async end(current: Try, result: 'finished' | 'undone', detail: LedgerRow['detail']): Promise<void> {
    await append(this.connection.query, this.row(current, result, detail));
  }

  async close(): Promise<void> {
    if (!this.connection.lost()) await this.connection.close();
  }
}

async function awaitTurn(context: JobContext, { query }: Connection): Promise<void> {
  const limit = (context.facts.switchTimeout + 60) * 1000;
  let told = '';
  let since = performance.now();
  for (;;) {
    if ((await query('SELECT pg_try_advisory_lock($1) AS got', [switchLock]))[0]?.['got'] === true) return;
    const who = (await query(lockHolder))[0]?.['who'];
    const waited = performance.now() - since;
    if (typeof who === 'string' && who !== told && (told !== '' || waited > quiet)) {
      context.log(`${who} is running on this database; waiting for its end`);
      told = who;
      since = performance.now();
    } else if (told.startsWith('switch ') && waited > limit) {
      throw new StepError(`${told} has been running on this database for longer than ${Math.round(limit / 1000)} s; expected it to end by itself. Look at docker ps --filter label=matrix-stack.job=switch`);
    }
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}
