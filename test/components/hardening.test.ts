import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parsed } from '../model/settings.ts';
import type { Inputs } from './recorded.ts';
import { containerOf, containers, recordStack } from './stack.ts';

const resources = await recordStack(parsed({ phase: 'delegated' }));
const volumesOf = (recorded: typeof resources) => recorded.filter(({ type, name }) => type === 'docker:index/volume:Volume' && name.startsWith('data-'));

test('every container runs as its own user with no capability, a read-only root, limits and rotated logs', () => {
  assert.equal(containers(resources).length, 6);
  for (const { name, inputs } of containers(resources)) {
    assert.match(String(inputs['user']), /^[1-9]\d*:[1-9]\d*$/, name);
    assert.deepEqual(inputs['capabilities'], { drops: ['ALL'] }, name);
    assert.deepEqual(inputs['securityOpts'], ['no-new-privileges'], name);
    assert.equal(inputs['readOnly'], true, name);
    assert.equal(inputs['memorySwap'], inputs['memory'], name);
    assert.ok(Number(inputs['memory']) > 0, name);
    assert.equal(inputs['logDriver'], 'json-file', name);
    assert.ok((inputs['logOpts'] as Inputs)['max-size'] !== undefined, name);
  }
});

test('every container is stopped with time to end its work, and makes room before its successor comes', () => {
  for (const { name, inputs, deleteBeforeReplace, replaceOnChanges } of containers(resources)) {
    assert.ok(Number(inputs['destroyGraceSeconds']) >= 10, name);
    assert.equal(inputs['stopTimeout'], inputs['destroyGraceSeconds'], name);
    assert.equal(deleteBeforeReplace, true, name);
    assert.deepEqual(replaceOnChanges, ['*'], name);
  }
  assert.equal(containerOf(resources, 'postgres').inputs['stopSignal'], 'SIGINT');
});

test('a plain destroy of a server with people is refused by the engine before it removes anything', async () => {
  const volumes = volumesOf(resources);
  assert.deepEqual(volumes.map(({ name }) => name).sort(), ['data-backups', 'data-markers', 'data-postgres', 'data-synapse']);
  for (const { name, protect, retainOnDelete, ignoreChanges } of volumes) assert.deepEqual([protect, retainOnDelete, ignoreChanges], [true, true, ['labels', 'driverOpts']], name);
  for (const { name, protect, retainOnDelete } of volumesOf(await recordStack(parsed({ demo: true })))) assert.deepEqual([protect, retainOnDelete], [false, false], `${name} of a throw-away stack`);
});

test('only the edge publishes ports, and PostgreSQL is on the data network alone, which leads nowhere', () => {
  assert.deepEqual(containers(resources).filter(({ inputs }) => inputs['ports'] !== undefined).map(({ inputs }) => inputs['name']), ['matrix-prod-edge']);
  const networks = (role: string): readonly unknown[] => (containerOf(resources, role).inputs['networksAdvanced'] as readonly Inputs[]).map((network) => network['name']);
  assert.deepEqual(networks('postgres'), ['matrix-prod-data']);
  assert.ok(!networks('edge').includes('matrix-prod-data'));
  const data = resources.find(({ type, inputs }) => type === 'docker:index/network:Network' && inputs['name'] === 'matrix-prod-data');
  assert.equal(data?.inputs['internal'], true);
});

test('a mirror has no way out: all its networks but the published one are internal', async () => {
  const mirror = await recordStack(parsed({ mirror: { of: 'prod' }, hosts: { homeserver: 'matrix.staging.example.com', auth: 'auth.staging.example.com', apex: { name: 'staging.example.com' } } }, 'staging'));
  const internal: { [name: string]: unknown } = Object.fromEntries(mirror.filter(({ type }) => type === 'docker:index/network:Network').map(({ inputs }): [string, unknown] => [String(inputs['name']), inputs['internal']]));
  assert.deepEqual(internal, { 'matrix-staging-data': true, 'matrix-staging-backend': true, 'matrix-staging-apps': true, 'matrix-staging-public': false });
});

test('the homeserver is found under its public name from the apps network, and there it is the edge', () => {
  const networks = containerOf(resources, 'edge').inputs['networksAdvanced'] as readonly Inputs[];
  const apps = networks.find((network) => network['name'] === 'matrix-prod-apps');
  assert.deepEqual(apps?.['aliases'], ['edge', 'matrix.example.com', 'auth.example.com', 'example.com']);
});

test('files and markers are read-only to those who read them', () => {
  for (const { name, inputs } of containers(resources)) {
    const writable = (inputs['mounts'] as readonly Inputs[]).filter((mount) => mount['readOnly'] === false).map((mount) => mount['target']);
    const expected = name.startsWith('postgres') ? ['/var/lib/postgresql/data'] : name.startsWith('synapse') ? ['/data'] : [];
    assert.deepEqual(writable, expected, name);
  }
});
