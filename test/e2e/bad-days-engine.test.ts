/**
 * The operator's side goes wrong while the host goes on: the engine is killed, interrupted, started twice, from elsewhere, with old
 * settings, or its state is lost. One stack carries all of it, so the tests run in order.
 */
import assert from 'node:assert/strict';
import { mkdtemp, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { root } from '../../operator/project.ts';
import { createSamplePeople, verifySamplePeople } from '../../operator/sample-people.ts';
import type { SamplePeople } from '../../operator/sample-people.ts';
import { until } from '../../steps/until.ts';
import { assertLive, assertNobodySignedOut, jobsNow, lineOf, rows, startUp, watched } from './support/bad-day.ts';
import type { Fault } from './support/bad-day.ts';
import { command, TestStack } from './support/stack.ts';

const takenOver = /Process \d+ of \S+, which began to change stack \S+ at \S+, is gone; its lock was removed\./;
const unknownToState = /\d+ containers and 4 networks of stack \S+ are on this Docker host, and this Pulumi state knows none of them/;

export const faults = {
  backup: { fault: 'kill -9 of the engine', where: 'in the backup', message: takenOver, endState: 'the backup comes to its end by itself' },
  second: { fault: 'a second up', where: 'in a cut-over, same state', message: /Stack \S+ is being changed by \S+@\S+ \(process \d+, since \S+\); expected nobody else\. Wait until that has ended\./, endState: 'nothing was done' },
  elsewhere: { fault: 'a second up', where: 'in a cut-over, from another state backend', message: new RegExp(`${unknownToState.source}; expected none, or the state that made them\\..* If they were made from another backend or checkout, use that one\\.`), endState: 'nothing was done' },
  switch: { fault: 'kill -9 of the engine', where: 'cut-over, after "people migrated"', message: takenOver, endState: 'the switch opens without an engine: delegated live' },
  stale: { fault: 'a checkout that still says legacy', where: 'after the cut-over', message: /phase: going back to legacy undoes move 2 and loses .*; matrix:acceptLoss is not set, expected "2:[a-z,-]+"\./, endState: 'nothing was done' },
  both: { fault: 'kill -9 of the engine, and the job removed', where: 'rollback, after "carried back"', message: /move 3 \(rollback\) had been interrupted and was undone/, endState: 'closed until the next up, which undoes and then makes the move' },
  interrupted: { fault: 'Ctrl-C', where: 'cut-over, after "edge closed"', message: /Interrupted\. A job that runs on the Docker host goes on without you; type matrix-stack up \S+ to follow it\./, endState: 'the switch opens by itself: delegated live' },
  lost: { fault: "Pulumi's state lost", where: 'with a move unfinished, its job killed', message: new RegExp(`${unknownToState.source}; expected none, or the state that made them\\. Look out: move 5 \\(rollback\\) that \\S+ started at \\S+ is not finished\\..* If the state was lost, type pulumi config set matrix:recover true`), endState: 'nothing was done' },
  lostUnfinished: { fault: "Pulumi's state lost, matrix:recover set", where: 'with a move unfinished, its job killed', message: /move 5 \(rollback\) that \S+ started at \S+ is not finished, and nothing is recovered beside that\. Its job brings it to its end: type docker start (\S+), then run pulumi up again\./, endState: 'nothing was done; what is to be typed undoes the move: delegated live' },
  lostMove: { fault: "Pulumi's state lost, matrix:recover set", where: 'and the settings ask for a move', message: /the settings ask for move 5 \(rollback\); expected no move, because recovering makes none\./, endState: 'nothing was done' },
  recovered: { fault: "Pulumi's state lost, matrix:recover set", where: 'in phase delegated', message: /Removed \d+ containers and 4 networks of stack \S+ that no state knew; its data is kept\./, endState: 'made again and live, data and phase as before' },
} as const satisfies { readonly [name: string]: Fault };

const title = (fault: Fault): string => `${fault.fault}, ${fault.where}: ${fault.endState}`;

let stack: TestStack;
let sample: SamplePeople;
let token: string;
let elsewhere: NodeJS.ProcessEnv;

before(async () => {
  stack = await TestStack.create('bad-engine');
  await stack.up('--skip-preview');
  sample = await stack.asClient('legacy', (context) => createSamplePeople(context));
  token = sample.people[0]?.sessions[0]?.accessToken ?? '';
  elsewhere = { PULUMI_BACKEND_URL: `file://${await mkdtemp(join(tmpdir(), `${stack.name}-elsewhere-`))}` };
});
after(async () => {
  await stack?.remove();
  if (elsewhere?.['PULUMI_BACKEND_URL'] !== undefined) await rm(new URL(elsewhere['PULUMI_BACKEND_URL']), { recursive: true, force: true });
});

async function assertNothingToDo(): Promise<void> {
  const ran = await stack.tryVerb('preview', '--expect-no-changes');
  assert.equal(ran.code, 0, ran.output);
}

test(title(faults.backup), async () => {
  await stack.set('phase', 'delegated');
  const up = startUp(stack);
  await lineOf(stack, 'backup', /bytes dumped$/);
  up.signal('SIGKILL');
  await up.ended;
  assert.ok(await until(120_000, 200, async () => await stack.sql('synapse', "SELECT count(*) FROM matrix_stack.ledger WHERE result = 'backup'") === '1'), 'the job ends well by itself');
  await assertLive(stack, 'legacy', token);
});

test(`${title(faults.second)}; ${faults.elsewhere.where}: ${faults.elsewhere.endState}; ${title(faults.switch)}`, async () => {
  const made = await command('node', ['operator/main.ts', 'init', stack.name], { env: { ...stack.environment, ...elsewhere }, cwd: root });
  assert.equal(made.code, 0, made.output);
  const known = await jobsNow(stack, 'switch');
  const { seen } = await watched(stack, token, async () => {
    const up = startUp(stack);
    await lineOf(stack, 'check-configs', /accepted$/);
    const second = await stack.tryUp('--skip-preview');
    assert.match(second.output, faults.second.message);
    assert.equal(second.code, 3, second.output);
    const other = startUp(stack, elsewhere);
    await lineOf(stack, 'switch', /people migrated$/, known);
    up.signal('SIGKILL');
    assert.match((await up.ended).output, faults.backup.message);
    await assertLive(stack, 'delegated', token);
    const refused = await other.ended;
    assert.match(refused.output, faults.elsewhere.message);
    assert.equal(refused.code, 1, refused.output);
  });
  assertNobodySignedOut(seen);
  assert.deepEqual((await rows(stack)).slice(-2), ['2.0 started', '2.0 opened']);
});

test('the next up takes the lock over and ends the move, and then there is nothing left to do', async () => {
  const ran = await stack.up('--skip-preview');
  assert.match(ran.output, faults.switch.message);
  assert.match(ran.output, /Move 2 \(cut-over\) is finished\./);
  await assertLive(stack, 'delegated', token);
  await assertNothingToDo();
});

test(title(faults.stale), async () => {
  const before = await rows(stack);
  await stack.set('phase', 'legacy');
  const ran = await stack.tryUp();
  assert.match(ran.output, faults.stale.message);
  assert.equal(ran.code, 3, ran.output);
  assert.deepEqual(await rows(stack), before);
  await assertLive(stack, 'delegated', token);
});

/** Ends engine and job in the middle of a rollback. @param end how the job ends, for good. */
async function killBoth(end: 'kill' | 'rm'): Promise<void> {
  await stack.set('phase', 'legacy');
  await stack.set('acceptLoss', await stack.acceptedLoss());
  const known = await jobsNow(stack, 'switch');
  const up = startUp(stack);
  const { container } = await lineOf(stack, 'switch', /^carried back/, known);
  up.signal('SIGKILL');
  await stack.docker(...(end === 'rm' ? ['rm', '--force', container] : ['kill', container]));
  await up.ended;
}

test(title(faults.both), async () => {
  const { seen } = await watched(stack, token, async () => {
    await killBoth('rm');
    const ran = await stack.up('--skip-preview');
    assert.match(ran.output, faults.both.message);
    assert.match(ran.output, takenOver);
  });
  assertNobodySignedOut(seen);
  await assertLive(stack, 'legacy', token);
  assert.deepEqual((await rows(stack)).slice(-6), ['3.0 started', '3.0 returned', '3.0 undone', '3.1 started', '3.1 opened', '3.1 finished']);
  await assertNothingToDo();
});

test(title(faults.interrupted), async () => {
  await stack.set('phase', 'delegated');
  const known = await jobsNow(stack, 'switch');
  const { seen } = await watched(stack, token, async () => {
    const up = startUp(stack);
    await lineOf(stack, 'switch', /^edge closed/, known);
    up.signal('SIGINT');
    const ran = await up.ended;
    assert.notEqual(ran.code, 0);
    assert.match(ran.output, faults.interrupted.message);
    await assertLive(stack, 'delegated', token);
  });
  assertNobodySignedOut(seen);
  const ran = await stack.up('--skip-preview');
  assert.match(ran.output, /Move 4 \(cut-over\) is finished\./);
  await assertNothingToDo();
});

test(title(faults.lost), async () => {
  await killBoth('kill');
  await rename(join(stack.directory, '.pulumi'), join(stack.directory, 'lost'));
  await stack.verb('init');
  const ran = await stack.tryUp('--skip-preview');
  assert.match(ran.output, faults.lost.message);
  assert.deepEqual((await rows(stack)).slice(-1), ['5.0 started']);
});

test(title(faults.lostUnfinished), async () => {
  await stack.set('recover', 'true');
  const ran = await stack.tryUp('--skip-preview');
  const [, job = ''] = faults.lostUnfinished.message.exec(ran.output) ?? [];
  assert.notEqual(job, '', ran.output);
  assert.deepEqual((await rows(stack)).slice(-1), ['5.0 started']);
  await stack.docker('start', job);
  await assertLive(stack, 'delegated', token);
});

test(title(faults.lostMove), async () => {
  const ran = await stack.tryUp('--skip-preview');
  assert.match(ran.output, faults.lostMove.message);
  await assertLive(stack, 'delegated', token);
});

test(title(faults.recovered), async () => {
  const data = async (): Promise<unknown> => [await stack.sql('synapse', 'SELECT id FROM matrix_stack.incarnation'), await rows(stack), await stack.sql('mas', 'SELECT count(*) FROM users')];
  const before = await data();
  await stack.set('phase', 'delegated');
  const ran = await stack.up('--skip-preview');
  assert.match(ran.output, faults.recovered.message);
  assert.deepEqual(await data(), before);
  await assertLive(stack, 'delegated', token);
  await stack.pulumi('config', 'rm', 'matrix:recover');
  await assertNothingToDo();
  const { outcomes } = await stack.asClient('delegated', (context) => verifySamplePeople(context, sample, 'delegated'));
  assert.deepEqual(outcomes.filter((outcome) => !outcome.passed).map((outcome) => `${outcome.title}: ${outcome.evidence}`), []);
});
