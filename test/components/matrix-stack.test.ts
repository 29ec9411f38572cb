import assert from 'node:assert/strict';
import { homedir, hostname } from 'node:os';
import { test } from 'node:test';
import type { Phase } from '../../model/model.ts';
import { parsed, root } from '../model/settings.ts';
import { clearTexts, waitsFor } from './recorded.ts';
import { containerOf, containers, recordStack, secretPrefix, stepOf, steps } from './stack.ts';

const phases: readonly Phase[] = ['legacy', 'delegated', 'committed'];
const inEachPhase = Object.fromEntries(await sequence(phases, async (phase) => [phase, await recordStack(parsed({ phase }))] as const));

/** One after the other: the recorder is one for the process. */
async function sequence<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const done: R[] = [];
  for (const item of items) done.push(await work(item));
  return done;
}

const resourcesOf = (phase: Phase) => inEachPhase[phase] ?? [];

test('which containers exist follows from the phase alone', () => {
  const roles = (phase: Phase): readonly string[] => containers(resourcesOf(phase)).map(({ inputs }) => String(inputs['name']).replace('matrix-prod-', '')).sort();
  assert.deepEqual(roles('legacy'), ['edge', 'element', 'postgres', 'synapse-legacy']);
  assert.deepEqual(roles('delegated'), ['edge', 'element', 'mas', 'postgres', 'synapse-delegated', 'synapse-legacy']);
  assert.deepEqual(roles('committed'), ['edge', 'element', 'mas', 'postgres', 'synapse-delegated']);
});

test('the steps of each phase run one after the other in the order of the design', () => {
  const expected: { readonly [P in Phase]: readonly string[] } = {
    legacy: ['prepare', 'check-configs', 'backup', 'switch', 'start', 'probe', 'record'],
    delegated: ['prepare', 'preflight', 'backup', 'check-configs', 'mas-schema', 'syn2mas-check', 'dry-run', 'switch', 'start', 'probe', 'record'],
    committed: ['prepare', 'backup', 'check-configs', 'switch', 'start', 'probe', 'record'],
  };
  for (const phase of phases) {
    const resources = resourcesOf(phase);
    assert.deepEqual(steps(resources).map(({ name }) => name).sort(), expected[phase].map((job) => `${phase}-${job}`).sort());
    for (const [index, job] of expected[phase].slice(1).entries()) {
      assert.ok(waitsFor(resources, stepOf(resources, job), stepOf(resources, expected[phase][index] ?? '')), `${phase}: ${job} waits for ${expected[phase][index] ?? ''}`);
    }
  }
});

test('no service container is replaced before everything that can refuse has run, and the switch finds all of them', () => {
  for (const phase of phases) {
    const resources = resourcesOf(phase);
    const lastCheck = phase === 'delegated' ? 'dry-run' : phase === 'legacy' ? 'backup' : 'check-configs';
    for (const container of containers(resources).filter(({ inputs }) => inputs['name'] !== 'matrix-prod-postgres')) {
      assert.ok(waitsFor(resources, container, stepOf(resources, lastCheck)), `${phase}: ${container.name} waits for ${lastCheck}`);
      assert.ok(waitsFor(resources, stepOf(resources, 'switch'), container), `${phase}: the switch waits for ${container.name}`);
    }
    assert.ok(waitsFor(resources, stepOf(resources, 'prepare'), containerOf(resources, 'postgres')));
  }
});

test('a side that is not live is never started by the engine', () => {
  for (const role of ['synapse-legacy', 'synapse-delegated', 'mas']) {
    const { inputs } = containerOf(resourcesOf('delegated'), role);
    assert.deepEqual([inputs['start'], inputs['mustRun'], inputs['restart']], [false, false, 'unless-stopped'], role);
  }
  for (const role of ['edge', 'element', 'postgres']) assert.equal(containerOf(resourcesOf('delegated'), role).inputs['start'], undefined, role);
});

test('another move or another try runs every step again, and the same one none', async () => {
  const triggers = async (decision: { epoch: number; attempt: number }): Promise<readonly unknown[]> => steps(await recordStack(parsed(), decision)).map(({ inputs }) => inputs['triggers']);
  const first = await triggers({ epoch: 1, attempt: 0 });
  assert.deepEqual(await triggers({ epoch: 1, attempt: 0 }), first);
  for (const other of [await triggers({ epoch: 3, attempt: 0 }), await triggers({ epoch: 1, attempt: 1 })]) {
    for (const [index, value] of other.entries()) assert.notDeepEqual(value, first[index]);
  }
});

test('a replaced container is started, probed and recorded again', () => {
  const resources = resourcesOf('delegated');
  const ids = containers(resources).filter(({ inputs }) => inputs['name'] !== 'matrix-prod-postgres').map(({ name }) => `${name}-id`);
  for (const job of ['start', 'probe', 'record']) {
    const triggers = stepOf(resources, job).inputs['triggers'] as readonly unknown[];
    for (const id of ids) assert.ok(triggers.includes(id), `${job} is triggered by ${id}`);
  }
});

test('no secret stands in clear in any input, and no Command that is given one keeps or shows its output', () => {
  for (const resource of resourcesOf('delegated')) {
    const leaked = clearTexts(resource.inputs).filter((text) => text.includes(secretPrefix));
    assert.deepEqual(leaked, [], resource.name);
  }
  const fillers = resourcesOf('delegated').filter(({ name }) => /-secrets-[0-9a-f]{16}-content$|syn2mas/.test(name) && name.endsWith('-content'));
  assert.ok(fillers.length >= 5);
  for (const filler of fillers) {
    assert.deepEqual([filler.secretOutputs, filler.inputs['logging']], [['stdout', 'stderr'], 'none'], filler.name);
  }
});

test('no input of a step or of files holds anything of the machine that runs the program', () => {
  const here = [root.pathname.replace(/\/$/, ''), homedir(), hostname(), process.execPath].filter((text) => text.length > 3);
  for (const resource of resourcesOf('delegated').filter(({ type }) => type === 'command:local:Command')) {
    for (const text of clearTexts(resource.inputs)) for (const word of here) assert.ok(!text.includes(word), `${resource.name} names ${word}`);
  }
});

test('everything belongs to a component of the stack', () => {
  const resources = resourcesOf('delegated');
  const known = new Set(resources.map(({ urn }) => urn));
  const roots = resources.filter(({ parent }) => !known.has(parent)).map(({ type }) => type).sort();
  assert.deepEqual(roots, ['matrix:docker-host:DockerHost', 'matrix:matrix-stack:MatrixStack']);
});

test('a changed setting makes new files volumes and leaves those of other containers', async () => {
  const names = (resources: Awaited<ReturnType<typeof recordStack>>): readonly string[] => resources.filter(({ type }) => type === 'matrix:files-volume:FilesVolume').map(({ name }) => name);
  const before = names(resourcesOf('delegated'));
  const after = names(await recordStack(parsed({ phase: 'delegated', maxUploadMiB: 77 })));
  const gone = before.filter((name) => !after.includes(name)).map((name) => name.replace(/^files-(.*)-[0-9a-f]{16}$/, '$1')).sort();
  assert.equal(after.length, before.length);
  assert.ok(gone.includes('edge') && gone.includes('synapse-legacy') && gone.includes('synapse-delegated'));
  assert.ok(!gone.some((owner) => owner === 'mas' || owner.endsWith('-secrets') || owner === 'element'));
});
