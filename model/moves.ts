/**
 * Which move brings the data from where the ledger says it is to where the operator wants it. Pure: the ledger is read
 * once, before anything is built, and this decides refusals, the sentence of the preview and the attempt.
 */
import type { Phase } from './model.ts';

/** Where the data is. `empty`: no people and no move yet. */
export type LedgerPhase = 'empty' | Phase;

export const moves = ['fresh', 'adopt', 'cut-over', 'rollback', 'commit', 'converge'] as const;
export type Move = (typeof moves)[number];

/** A move that was started and has neither ended nor been undone. */
export interface UnfinishedMove {
  readonly epoch: number;
  readonly move: Move;
  readonly from: LedgerPhase;
  readonly to: Phase;
  /** `user@host` of the operator who started it and the time by the database's clock (ISO 8601). */
  readonly holder: string;
  readonly since: string;
  /** The one decision of this move, once taken. */
  readonly decision: 'opened' | 'returned' | null;
}

/** Loss of one class if the wanted move is made: how many, and who (localparts, at most 20 shown). */
export interface Loss {
  readonly class: string;
  readonly count: number;
  readonly users: readonly string[];
}

/** What the one read of the ledger found. */
export interface LedgerReading {
  /** `none`: no data volume or an empty one. `bare`: a database without our schema. `ledger`: ours. */
  readonly state: 'none' | 'bare' | 'ledger';
  readonly incarnation: string | null;
  readonly phase: LedgerPhase;
  /** Number of the last move that was decided; 0 before the first. */
  readonly epoch: number;
  /** Undone tries since the last move that opened. */
  readonly attempt: number;
  /** Which try of the last move opened; 0 for the first. */
  readonly openedAttempt: number;
  readonly unfinished: UnfinishedMove | null;
  /** Job that works on this database now, as `JOB by USER@HOST`; null when none does. */
  readonly running: string | null;
  /** Model digest of the last good row. */
  readonly lastConverged: string | null;
  /** Server name of the people in Synapse's database; null when there are none. */
  readonly serverName: string | null;
  readonly users: number;
  readonly lastMove: { readonly epoch: number; readonly move: Move; readonly at: string; readonly detail: { readonly [key: string]: unknown } } | null;
  /** Anchor in MAS's database; null when that database has none. */
  readonly anchor: { readonly incarnation: string; readonly epoch: number } | null;
  /** Filled only when the wanted phase differs from the ledger's. */
  readonly losses: readonly Loss[];
  /** Newest green rehearsal evidence: digest and age in seconds. */
  readonly evidence: { readonly digest: string; readonly age: number } | null;
}

export const nothingRead: LedgerReading = { state: 'none', incarnation: null, phase: 'empty', epoch: 0, attempt: 0, openedAttempt: 0, unfinished: null, running: null, lastConverged: null,
  serverName: null, users: 0, lastMove: null, anchor: null, losses: [], evidence: null };

/** What the operator's side contributes to the decision. */
export interface Wish {
  readonly stack: string;
  readonly phase: Phase;
  readonly serverName: string;
  readonly modelDigest: string;
  readonly rehearsalDigest: string;
  readonly acceptLoss?: string;
  readonly adopt: boolean;
  readonly requireRehearsal: boolean;
  readonly evidenceMaxAge: number;
}

/**
 * `epoch` and `attempt` together change whenever the chain of steps must run again, and stay when a move went well: what is
 * made for move 3, try 1 is what move 3 leaves.
 */
export type Decision =
  | { readonly kind: 'converge'; readonly epoch: number; readonly attempt: number; readonly sentence: string }
  | { readonly kind: 'move'; readonly move: Move; readonly from: LedgerPhase; readonly to: Phase; readonly epoch: number; readonly attempt: number;
      readonly sentence: string }
  | { readonly kind: 'refused'; readonly message: string };

/** Classes that must be accepted by name before a rollback: those that touch somebody. */
export function acceptanceOf(reading: LedgerReading): string {
  const classes = reading.losses.filter((loss) => loss.count > 0).map((loss) => loss.class).sort();
  return `${reading.epoch}:${classes.join(',') || 'none'}`;
}

const refused = (message: string): Decision => ({ kind: 'refused', message });

/** Decides the move. Every refusal says what was found, what was expected and what to type. */
export function decide(reading: LedgerReading, wish: Wish): Decision {
  if (reading.serverName !== null && reading.serverName !== wish.serverName) {
    return refused(`serverName: the database holds people of "${reading.serverName}", the settings say "${wish.serverName}"; a server name can never change: type pulumi config set matrix:serverName ${reading.serverName}`);
  }
  if (reading.anchor !== null && reading.incarnation !== null && reading.anchor.incarnation !== reading.incarnation) {
    return refused(`The MAS database belongs to another copy of the data (incarnation ${reading.anchor.incarnation}, Synapse's is ${reading.incarnation}); expected one pair. Restore both databases from the same backup.`);
  }
  if (reading.anchor !== null && (reading.anchor.epoch > reading.epoch + 1 || reading.anchor.epoch < reading.epoch - 1)) {
    return refused(`The MAS database is at move ${reading.anchor.epoch}, the ledger at move ${reading.epoch}; expected the same or one apart. Restore both databases from the same backup.`);
  }
  const { unfinished } = reading;
  if (unfinished !== null) {
    // A move that is under way is finished or undone by its own job, whatever is wanted; the chain attaches to it.
    if (unfinished.to !== wish.phase && unfinished.from !== wish.phase) {
      return refused(`Move ${unfinished.epoch} (${unfinished.move}, ${unfinished.from} to ${unfinished.to}) was started by ${unfinished.holder} at ${unfinished.since} and is not finished; "${wish.phase}" is neither its start nor its end. Type pulumi config set matrix:phase ${unfinished.to}`);
    }
    if (unfinished.to === wish.phase) {
      return { kind: 'move', move: unfinished.move, from: unfinished.from, to: unfinished.to, epoch: unfinished.epoch,
        attempt: unfinished.decision === 'opened' ? reading.openedAttempt : reading.attempt + 1,
        sentence: `Finish or undo move ${unfinished.epoch} (${unfinished.move}) that ${unfinished.holder} started at ${unfinished.since}.` };
    }
  }
  // A try that was left will be undone by the chain's first step, so the whole chain runs as the next attempt.
  const attempt = unfinished !== null && unfinished.decision !== 'opened' ? reading.attempt + 1 : reading.attempt;
  if (reading.phase === wish.phase) return { kind: 'converge', epoch: reading.epoch, attempt: reading.openedAttempt + attempt, sentence: `Phase ${reading.phase}: no move.` };
  const epoch = reading.epoch + 1;
  const move = (name: Move, sentence: string): Decision => ({ kind: 'move', move: name, from: reading.phase, to: wish.phase, epoch, attempt: reading.attempt, sentence });
  switch (`${reading.phase} -> ${wish.phase}`) {
    case 'empty -> legacy':
      return wish.adopt ? move('adopt', `Adopt an existing server as move ${epoch}.`) : move('fresh', `Start an empty server in phase legacy as move ${epoch}.`);
    case 'empty -> delegated':
      return move('fresh', `Start an empty server with MAS as its only login, as move ${epoch}: there are no people to migrate.`);
    case 'legacy -> delegated':
      return cutOver(reading, wish, move);
    case 'delegated -> legacy':
      return rollback(reading, wish, move);
    case 'delegated -> committed':
      return move('commit', `Commit to MAS as move ${epoch}: the legacy login is removed and the way back ends.`);
    default:
      return refused(`phase: the ledger says ${reading.phase}, the settings want ${wish.phase}; there is no such move. ${wish.phase === 'committed' ? 'Go to delegated first: type' : 'Type'} pulumi config set matrix:phase ${reading.phase === 'committed' ? 'committed' : 'delegated'}`);
  }
}

function cutOver(reading: LedgerReading, wish: Wish, move: (name: Move, sentence: string) => Decision): Decision {
  if (reading.lastConverged !== wish.modelDigest) {
    return refused(`The configuration is not the one that last converged (${short(reading.lastConverged)}, now ${short(wish.modelDigest)}); a cut-over changes nothing but the phase. Type pulumi config set matrix:phase legacy && pulumi up, then cut over.`);
  }
  if (wish.requireRehearsal) {
    const { evidence } = reading;
    if (evidence === null) return refused(`No rehearsal of this configuration is recorded; expected green evidence from staging. Type matrix-stack rehearse <staging stack>`);
    if (evidence.digest !== wish.rehearsalDigest) {
      return refused(`The recorded rehearsal proved another configuration (${short(evidence.digest)}, wanted ${short(wish.rehearsalDigest)}). Type matrix-stack rehearse <staging stack>`);
    }
    if (evidence.age > wish.evidenceMaxAge) {
      return refused(`The recorded rehearsal is ${Math.round(evidence.age / 3600)} hours old; matrix:migration.evidenceMaxAge allows ${Math.round(wish.evidenceMaxAge / 3600)}. Type matrix-stack rehearse <staging stack>`);
    }
  }
  const losses = reading.losses.filter((loss) => loss.count > 0);
  const named = losses.map((loss) => `${loss.class} ${loss.count} (${loss.users.slice(0, 5).join(', ')}${loss.count > 5 ? ', …' : ''})`);
  return move('cut-over', `Cut over ${reading.users} people to MAS as move ${reading.epoch + 1}. Expected losses: ${named.length === 0 ? 'none' : named.join('; ')}.`);
}

function rollback(reading: LedgerReading, wish: Wish, move: (name: Move, sentence: string) => Decision): Decision {
  const expected = acceptanceOf(reading);
  const losses = reading.losses.filter((loss) => loss.count > 0).map((loss) => `${loss.class} ${loss.count} (${loss.users.slice(0, 5).join(', ')}${loss.count > 5 ? ', …' : ''})`);
  if (wish.acceptLoss !== expected) {
    return refused(`phase: going back to legacy undoes move ${reading.epoch} and loses ${losses.length === 0 ? 'nothing' : losses.join('; ')}; matrix:acceptLoss is ${wish.acceptLoss === undefined ? 'not set' : `"${wish.acceptLoss}"`}, expected "${expected}". If that is meant, type pulumi config set matrix:acceptLoss ${expected}; if not, pulumi config set matrix:phase delegated`);
  }
  return move('rollback', `Roll back move ${reading.epoch} to the legacy login as move ${reading.epoch + 1}. Lost: ${losses.length === 0 ? 'nothing' : losses.join('; ')}.`);
}

const short = (digest: string | null): string => (digest === null ? 'none' : digest.slice(0, 12));
