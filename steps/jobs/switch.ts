/**
 * The switch: the one job in which clients are shut out. It closes the edge, moves the data's one writer, proves the
 * new side and takes one decision. Any failure before the decision is undone here; after it, whoever comes finishes.
 */
import type { Move } from '../../model/moves.ts';
import { runProbes } from '../../probes/index.ts';
import { begun, settled } from '../begun.ts';
import type { Job, JobContext, JobReport } from '../context.ts';
import { StepError } from '../contract.ts';
import { closeEdge, edgeOf, setLiveSide } from '../edge.ts';
import { freshen } from '../fresh.ts';
import type { Ledger } from '../ledger.ts';
import { SwitchHold } from '../move.ts';
import type { Try } from '../move.ts';
import { persist } from '../persist.ts';
import { probeContext } from '../probe-context.ts';
import { allowOnly, loginsOf } from '../roles.ts';
import { finish, resume, sideOf, undo } from '../settle.ts';
import { grace, startSide, stopSide } from '../sides.ts';
import { afterOpen, whileClosed } from '../side-work.ts';
import { timed } from '../times.ts';
import type { Times } from '../times.ts';

function moveOf(ledger: Ledger, context: JobContext): Move | null {
  if (ledger.phase === context.wanted) return null;
  if (ledger.phase === 'empty') return context.options['adopt'] === true ? 'adopt' : 'fresh';
  if (ledger.phase === 'legacy' && context.wanted === 'delegated') return 'cut-over';
  if (ledger.phase === 'delegated' && context.wanted === 'legacy') return 'rollback';
  if (ledger.phase === 'delegated' && context.wanted === 'committed') return 'commit';
  throw new StepError(`The ledger says ${ledger.phase}, wanted is ${context.wanted}; there is no such move. Type pulumi config set matrix:phase delegated`);
}

export const switchSides: Job = async (context) => {
  const hold = await SwitchHold.take(context);
  try {
    const left = await resume(hold).catch((error: unknown) => giveUp(error, (words) => `A move was interrupted and could not be brought to its end: ${words} Put right what it names and run pulumi up again.`));
    if (left !== null) await settled();
    if (left?.outcome === 'returned') {
      throw new StepError(`Move ${left.epoch} (${left.move}) was interrupted and has been undone; ${left.from === 'empty' ? 'nothing' : left.from} is live and open, nobody lost anything. Run pulumi up again.`);
    }
    const ledger = await hold.ledger();
    const move = moveOf(ledger, context);
    if (move === null) {
      return left === null ? { summary: `Phase ${ledger.phase}: nothing to switch.` }
        : { summary: `Move ${left.epoch} (${left.move}): ${left.to} is live. It had been interrupted after its decision and was finished.` };
    }
    const current: Try = { epoch: ledger.epoch + 1, attempt: ledger.attempt, move, from: ledger.phase, to: context.wanted };
    if (current.from !== 'empty') await freshen(hold, context);
    await begun();
    await hold.begin(current);
    const report = await perform(hold, current);
    await settled();
    return report;
  } finally {
    await hold.close();
  }
};

async function perform(hold: SwitchHold, current: Try): Promise<JobReport> {
  const times: Times = {};
  try {
    return await move(hold, current, times);
  } catch (error) {
    const reason = sentence(error);
    const outcome = await persist(hold, () => hold.decide(current, 'returned', { reason }));
    return outcome === 'opened' ? goOn(hold, current, times, reason) : goBack(hold, current, times, reason);
  }
}

/** Closes, moves, proves and opens. Whatever is thrown before the decision is for the caller to undo. */
async function move(hold: SwitchHold, current: Try, times: Times): Promise<JobReport> {
  const { context } = hold;
  const to = sideOf(current.to);
  if (to === null) throw new StepError('No move leads to an empty server.');
  const from = sideOf(current.from);
  const deadline = performance.now() + context.facts.switchTimeout * 1000;
  const inTime = (): void => {
    if (performance.now() > deadline) throw new StepError(`The switch took longer than matrix:migration.switchTimeout (${context.facts.switchTimeout} s).`);
  };
  const edge = edgeOf(context);
  try {
    const work = await whileClosed(context, current);
    await timed(times, 'prepare', work.before);
    const closedAt = from === null ? performance.now() : await timed(times, 'close', () => closeEdge(context.facts, edge.fetch));
    context.log('edge closed, proved by a refused request');
    if (from !== to) {
      if (from !== null) await timed(times, 'stop', () => stopSide(context, from, grace.live));
      await hold.stillHeld();
      await allowOnly(hold.connection.query, work.logins);
      await timed(times, 'data', () => work.data(hold));
      inTime();
      await hold.stillHeld();
      await allowOnly(hold.connection.query, loginsOf[to]);
      await setLiveSide(to);
    }
    // A commit keeps the side, but its MAS is another container: created stopped, as all of them are.
    Object.assign(times, await timed(times, 'boot', () => startSide(context, to)));
    context.log(`${to} side answers`);
    inTime();
    const gate = await timed(times, 'gate', () => runProbes(probeContext(context, edge.fetch, to), 'gate'));
    const red = gate.filter((outcome) => !outcome.passed);
    if (red.length > 0) throw new StepError(`The gate is red: ${red.map((outcome) => `${outcome.id} ${outcome.title}: ${outcome.evidence}`).join(' | ')}.`);
    context.log(`gate green: ${gate.map((outcome) => `${outcome.id} ${outcome.milliseconds} ms`).join(', ')}`);
    await hold.stillHeld();
    const outcome = await hold.decide(current, 'opened', { holder: context.holder, gate: gate.map(({ id, milliseconds }) => ({ id, milliseconds })) });
    if (outcome === 'returned') throw new StepError(`Move ${current.epoch} was decided as returned by somebody else.`);
    const openedAt = await finish(hold, current, times);
    const shutOut = from === null ? 0 : Math.round(openedAt - closedAt);
    context.log(`open again; clients were shut out for ${shutOut} ms`);
    const detail = { epoch: current.epoch, move: current.move, shutOut, times, ...work.report() };
    await hold.measured(current, detail);
    await afterOpen(context, current);
    return { summary: `Move ${current.epoch} (${current.move}): ${current.to} is live. Clients were shut out for ${(shutOut / 1000).toFixed(1)} s.`, detail };
  } finally {
    await edge.close();
  }
}

/** After `opened` there is no way back: what failed is done again. */
async function goOn(hold: SwitchHold, current: Try, times: Times, reason: string): Promise<JobReport> {
  const { context } = hold;
  try {
    await persist(hold, () => finish(hold, current, times));
    await persist(hold, () => afterOpen(context, current));
  } catch (second) {
    await giveUp(second, (words) => `${reason} Finishing move ${current.epoch} failed too: ${words} The decision "opened" stands; put right what it names and run pulumi up again to finish.`);
  }
  await settled();
  return { summary: `Move ${current.epoch} (${current.move}): ${current.to} is live, after "${reason}"`, detail: { epoch: current.epoch, move: current.move, times } };
}

async function goBack(hold: SwitchHold, current: Try, times: Times, reason: string): Promise<never> {
  const from = sideOf(current.from);
  try {
    await persist(hold, () => undo(hold, current, reason));
  } catch (second) {
    await giveUp(second, (words) => `${reason} Undoing move ${current.epoch} failed too: ${words} The decision "returned" stands; put right what it names and run pulumi up again to finish the undo.`);
  }
  await settled();
  throw new StepError(`${reason} Move ${current.epoch} (${current.move}) was undone: ${from === null ? 'nothing is live' : `${from} is live and open`}, nobody lost anything. Correct it and run pulumi up again.`, { epoch: current.epoch, times });
}

/** Ends a job that cannot carry its move out. Only a database that is away is waited for, by starting again. */
async function giveUp(error: unknown, told: (words: string) => string): Promise<never> {
  if (error instanceof StepError && error.detail['away'] === true) throw error;
  await settled();
  throw new StepError(told(sentence(error)));
}

/** What was thrown, with the full stop that lets another sentence follow. */
function sentence(error: unknown): string {
  const words = (error instanceof Error ? error.message : String(error)).trim();
  return /[.!?]$/.test(words) ? words : `${words}.`;
}
