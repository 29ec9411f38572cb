/** Writes the ledger. Every row is appended once; whoever comes second is refused by an index and reads the row instead. */
import { ledgerSchema } from '../model/names.ts';
import type { Phase } from '../model/model.ts';
import type { LedgerPhase, Move, UnfinishedMove } from '../model/moves.ts';
import type { Query } from './databases.ts';
import { readLedger } from './ledger-sql.ts';

/** What one row says besides its id and time. */
export interface LedgerRow {
  readonly epoch: number;
  readonly move: Move;
  readonly from: LedgerPhase;
  readonly to: Phase;
  readonly attempt: number;
  readonly modelDigest: string;
  readonly result: 'started' | 'opened' | 'returned' | 'finished' | 'undone' | 'measured' | 'converged' | 'backup' | 'evidence' | 'probes' | 'adopted';
  readonly detail: { readonly [key: string]: unknown };
}

/** The ledger as a job reads it. */
export interface Ledger {
  readonly incarnation: string;
  readonly phase: LedgerPhase;
  readonly epoch: number;
  readonly attempt: number;
  readonly unfinished: (UnfinishedMove & { readonly attempt: number }) | null;
  readonly lastConverged: string | null;
  /** The last move that opened: epoch, move, time and what the switch measured. */
  readonly lastMove: { readonly [key: string]: unknown } | null;
}

export async function read(query: Query): Promise<Ledger> {
  const [row] = await query(readLedger);
  const reading = row?.['reading'] as Ledger;
  return { ...reading, attempt: Number(reading.attempt) };
}

/** Appends. @returns false when the index says that somebody wrote this row first. */
export async function append(query: Query, row: LedgerRow): Promise<boolean> {
  const rows = await query(
    `INSERT INTO ${ledgerSchema}.ledger (epoch, move, from_phase, to_phase, attempt, model_digest, result, detail)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING RETURNING id`,
    [row.epoch, row.move, row.from, row.to, row.attempt, row.modelDigest, row.result, JSON.stringify(row.detail)]);
  return rows.length === 1;
}

/** The decision of one try, if it was taken. */
export async function decisionOf(query: Query, epoch: number, attempt: number): Promise<'opened' | 'returned' | null> {
  const [row] = await query(`SELECT result FROM ${ledgerSchema}.ledger WHERE epoch = $1 AND attempt = $2 AND result IN ('opened', 'returned')`, [epoch, attempt]);
  return row === undefined ? null : (row['result'] as 'opened' | 'returned');
}

/** How one try ended, if it has. */
export async function endOf(query: Query, epoch: number, attempt: number): Promise<'finished' | 'undone' | null> {
  const [row] = await query(`SELECT result FROM ${ledgerSchema}.ledger WHERE epoch = $1 AND attempt = $2 AND result IN ('finished', 'undone')`, [epoch, attempt]);
  return row === undefined ? null : (row['result'] as 'finished' | 'undone');
}

/** Sets the anchor in MAS's database. */
export async function setAnchor(query: Query, incarnation: string, epoch: number): Promise<void> {
  await query(`INSERT INTO ${ledgerSchema}.anchor (one, incarnation, epoch) VALUES (true, $1, $2) ON CONFLICT (one) DO UPDATE SET incarnation = $1, epoch = $2`, [incarnation, epoch]);
}
