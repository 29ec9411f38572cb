/**
 * The runner is killed from the host at each line of a switch and in the backup, forwards and backwards. One stack carries all
 * of it, so the tests run in order: each `up` goes on from what the death before it left.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { createSamplePeople, verifySamplePeople } from '../../operator/sample-people.ts';
import type { SamplePeople } from '../../operator/sample-people.ts';
import { assertLive, assertNobodySignedOut, heldLedger, jobsNow, killRunner, lineOf, rows, startUp, watched } from './support/bad-day.ts';
import type { Fault } from './support/bad-day.ts';
import type { Ran } from './support/stack.ts';
import { TestStack } from './support/stack.ts';

const undone = (move: 'cut-over' | 'rollback', from: 'legacy' | 'delegated'): RegExp =>
  new RegExp(`Move \\d+ \\(${move}\\) was interrupted and has been undone; ${from} is live and open, nobody lost anything\\. Run pulumi up again\\.`);
const returned = (from: 'legacy' | 'delegated'): string => `undone by the restarted job: ${from} live and open, nobody signed out`;
const finished = 'finished by the restarted job';

export const faults = {
  closed: { fault: 'kill -9 of the switch', where: 'cut-over, after "edge closed"', message: undone('cut-over', 'legacy'), endState: returned('legacy') },
  migrated: { fault: 'kill -9 of the switch', where: 'cut-over, after "people migrated"', message: undone('cut-over', 'legacy'), endState: returned('legacy') },
  answers: { fault: 'kill -9 of the switch', where: 'cut-over, after "delegated side answers"', message: undone('cut-over', 'legacy'), endState: returned('legacy') },
  undecided: { fault: 'kill -9 of the switch', where: 'cut-over, after "gate green", before the decision', message: undone('cut-over', 'legacy'), endState: returned('legacy') },
  backup: { fault: 'kill -9 of the backup', where: 'after the first dump', message: /Backup \d{8}T\d{6}Z made and proved by a restore with equal counts\./, endState: 'made again by the restarted job; nothing half made is kept' },
  gate: { fault: 'kill -9 of the switch', where: 'cut-over, after "gate green", whether or not it was decided', message: /was decided: opened; finishing it|was interrupted and has been undone; legacy is live and open/, endState: 'what the ledger says: finished if it was decided, undone if not' },
  backClosed: { fault: 'kill -9 of the switch', where: 'rollback, after "edge closed"', message: undone('rollback', 'delegated'), endState: returned('delegated') },
  backCarried: { fault: 'kill -9 of the switch', where: 'rollback, after "carried back"', message: undone('rollback', 'delegated'), endState: returned('delegated') },
  backAnswers: { fault: 'kill -9 of the switch', where: 'rollback, after "legacy side answers"', message: undone('rollback', 'delegated'), endState: returned('delegated') },
  backOpen: { fault: 'kill -9 of the switch', where: 'rollback, after "open again"', message: /Move \d+ \(rollback\): legacy is live\./, endState: `${finished}: legacy live, MAS's database put aside under the move's number` },
  againOpen: { fault: 'kill -9 of the switch', where: 'cut-over, after "open again"', message: /Move \d+ \(cut-over\): delegated is live\./, endState: `${finished}: delegated live` },
} as const satisfies { readonly [name: string]: Fault };

let stack: TestStack;
let sample: SamplePeople;
let token: string;

before(async () => {
  stack = await TestStack.create('bad-switch');
  await stack.up();
  sample = await stack.asClient('legacy', (context) => createSamplePeople(context));
  token = sample.people[0]?.sessions[0]?.accessToken ?? '';
});
after(() => stack?.remove());

/** Runs up, kills the switch at a line, and waits for up's own end. */
async function killedAt(line: RegExp, meanwhile: (kill: () => Promise<void>) => Promise<void> = (kill) => kill()): Promise<Ran> {
  const known = await jobsNow(stack, 'switch');
  const { result, seen } = await watched(stack, token, async () => {
    const up = startUp(stack);
    const job = await lineOf(stack, 'switch', line, known);
    await meanwhile(() => killRunner(stack, job));
    return up.ended;
  });
  assertNobodySignedOut(seen);
  return result;
}

async function assertUndone(ran: Ran, fault: Fault, side: 'legacy' | 'delegated'): Promise<void> {
  assert.match(ran.output, fault.message);
  assert.equal(ran.code, 1, ran.output);
  await assertLive(stack, side, token);
  assert.match((await rows(stack)).slice(-3).join(), /^(\d+\.\d+) started,\1 returned,\1 undone$/);
}

for (const [name, line] of [['closed', /^edge closed/], ['migrated', /people migrated$/], ['answers', /^delegated side answers/]] as const) {
  test(`${faults[name].fault}, ${faults[name].where}: ${faults[name].endState}`, async () => {
    await stack.set('phase', 'delegated');
    await assertUndone(await killedAt(line), faults[name], 'legacy');
  });
}

test(`${faults.undecided.fault}, ${faults.undecided.where}: ${faults.undecided.endState}`, async () => {
  const known = await jobsNow(stack, 'switch');
  const { result, seen } = await watched(stack, token, async () => {
    const up = startUp(stack);
    await lineOf(stack, 'switch', /^delegated side answers/, known);
    // The decision waits for this lock, so that the death comes before it and not a millisecond later.
    const release = await heldLedger(stack);
    const job = await lineOf(stack, 'switch', /^gate green/, known);
    await killRunner(stack, job);
    await release();
    return up.ended;
  });
  assertNobodySignedOut(seen);
  await assertUndone(result, faults.undecided, 'legacy');
});

test(`${faults.backup.fault}, ${faults.backup.where}: ${faults.backup.endState}; ${faults.gate.fault}, ${faults.gate.where}: ${faults.gate.endState}`, async () => {
  const backups = (): Promise<string> => stack.sql('synapse', "SELECT count(*) FROM matrix_stack.ledger WHERE result = 'backup'");
  const made = Number(await backups());
  const [knownBackups, known] = [await jobsNow(stack, 'backup'), await jobsNow(stack, 'switch')];
  const { result: ran, seen } = await watched(stack, token, async () => {
    const up = startUp(stack);
    await killRunner(stack, await lineOf(stack, 'backup', /bytes dumped$/, knownBackups));
    await killRunner(stack, await lineOf(stack, 'switch', /^gate green/, known));
    return up.ended;
  });
  assertNobodySignedOut(seen);
  assert.match(ran.output, faults.backup.message);
  assert.equal(Number(await backups()), made + 1);
  assert.doesNotMatch(await stack.docker('run', '--rm', '--network', 'none', '-v', `${stack.names.volume('backups')}:/backups:ro`, '--entrypoint', 'ls', (await stack.load()).facts.images.runner, '/backups'), /partial/);
  assert.match(ran.output, faults.gate.message);
  const opened = (await rows(stack)).some((row) => row.endsWith(' opened') && row.startsWith('2.'));
  assert.equal(ran.code, opened ? 0 : 1, ran.output);
  await assertLive(stack, opened ? 'delegated' : 'legacy', token);
});

test('the next up converges, and then there is nothing left to do', async () => {
  await stack.up('--skip-preview');
  await assertLive(stack, 'delegated', token);
  const ran = await stack.tryVerb('preview', '--expect-no-changes');
  assert.equal(ran.code, 0, ran.output);
});

test('the refusal of a rollback names the loss, which counts for all of its tries', async () => {
  await stack.set('phase', 'legacy');
  await stack.set('acceptLoss', await stack.acceptedLoss());
});

for (const [name, line] of [['backClosed', /^edge closed/], ['backCarried', /^carried back/], ['backAnswers', /^legacy side answers/]] as const) {
  test(`${faults[name].fault}, ${faults[name].where}: ${faults[name].endState}`, async () => {
    await assertUndone(await killedAt(line), faults[name], 'delegated');
  });
}

test(`${faults.backOpen.fault}, ${faults.backOpen.where}: ${faults.backOpen.endState}`, async () => {
  const ran = await killedAt(/^open again/);
  assert.equal(ran.code, 0, ran.output);
  assert.match(ran.output, faults.backOpen.message);
  await assertLive(stack, 'legacy', token);
  assert.equal(await stack.sql('postgres', "SELECT string_agg(datname, ',' ORDER BY datname) FROM pg_database WHERE datname LIKE 'mas%' AND datname NOT LIKE 'mas_try%'"), 'mas,mas_undone_3');
  assert.equal(await stack.sql('mas', 'SELECT epoch FROM matrix_stack.anchor'), '3');
});

test(`${faults.againOpen.fault}, ${faults.againOpen.where}: ${faults.againOpen.endState}`, async () => {
  await stack.set('phase', 'delegated');
  const ran = await killedAt(/^open again/);
  assert.equal(ran.code, 0, ran.output);
  assert.match(ran.output, faults.againOpen.message);
  await assertLive(stack, 'delegated', token);
});

test('after all of that every person has what the phase promises', async () => {
  const { outcomes } = await stack.asClient('delegated', (context) => verifySamplePeople(context, sample, 'delegated'));
  assert.deepEqual(outcomes.filter((outcome) => !outcome.passed).map((outcome) => `${outcome.title}: ${outcome.evidence}`), []);
});
