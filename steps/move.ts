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
import { append, decisionOf, read } from './ledger.ts';
import type { Ledger, LedgerRow } from './ledger.ts';
import { switchLock } from './ledger-sql.ts';

export interface Try {
  readonly epoch: number;
  readonly attempt: number;
  readonly move: Move;
  readonly from: LedgerPhase;
  readonly to: Phase;
}

export class SwitchHold {
  readonly context: JobContext;
  /** The connection that holds the lock. */
  connection: Connection;

  private constructor(context: JobContext, connection: Connection) {
    this.context = context;
    this.connection = connection;
  }

  /** Takes the lock again after the connection was lost (PostgreSQL restarted). @throws StepError when another switch has it now. */
  async retake(): Promise<void> {
    if (!this.connection.lost()) return;
    await awaitServer(this.context.facts, this.context.secrets);
    this.connection = (await SwitchHold.take(this.context)).connection;
  }

  /** Takes the lock. @returns null when another switch of this database holds it. */
  static async tryTake(context: JobContext): Promise<SwitchHold | null> {
    const connection = await connect(context.facts, context.secrets, databases.synapse);
    const [row] = await connection.query('SELECT pg_try_advisory_lock($1) AS got', [switchLock]);
    if (row?.['got'] === true) return new SwitchHold(context, connection);
    await connection.close();
    return null;
  }

  /** Takes the lock. @throws StepError when another switch of this database holds it. */
  static async take(context: JobContext): Promise<SwitchHold> {
    const hold = await SwitchHold.tryTake(context);
    if (hold === null) throw new StepError('Another switch of this database is running; expected to be the only one. Wait until it has ended, then run pulumi up again.');
    return hold;
  }

  /** A restart of PostgreSQL ends the session and with it the lock: nothing may be done without it. */
  async stillHeld(): Promise<void> {
    const [row] = this.connection.lost() ? [] : await this.connection.query("SELECT count(*)::int AS n FROM pg_locks WHERE locktype = 'advisory' AND objid = $1 AND pid = pg_backend_pid()", [switchLock]);
    if (row?.['n'] !== 1) throw new StepError('The lock of the switch was lost (PostgreSQL restarted?); nothing more is done without it.');
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
