/**
 * The whole way on the real engine, Docker, PostgreSQL, Synapse and nginx: a legacy server with people on it becomes a MAS server,
 * goes back, and becomes one again. One stack carries all of it, so the tests run in order.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { createSamplePeople, verifySamplePeople } from '../../operator/sample-people.ts';
import type { SamplePeople, SamplePerson } from '../../operator/sample-people.ts';
import type { ProbeOutcome } from '../../probes/contract.ts';
import { askLogin, askMatrix } from '../../probes/session.ts';
import { observe } from './support/observer.ts';
import type { Observation } from './support/observer.ts';
import { TestStack } from './support/stack.ts';

let stack: TestStack;
let sample: SamplePeople;

const bridge = { id: 'bridge', url: null, asToken: { secret: 'bridgeAs' }, hsToken: { secret: 'bridgeHs' }, senderLocalpart: 'bridgebot', rateLimited: false,
  namespaces: { users: [{ exclusive: true, regex: '@bridged_.*' }] } };

function person(name: string): SamplePerson {
  const found = sample.people.find((one) => one.name === name);
  assert.ok(found, `${name} is a sample person`);
  return found;
}

function assertGreen(outcomes: readonly ProbeOutcome[]): void {
  assert.deepEqual(outcomes.filter((outcome) => !outcome.passed).map((outcome) => `${outcome.id} ${outcome.title}: ${outcome.evidence}`), []);
}

async function verify(phase: 'legacy' | 'delegated'): Promise<void> {
  const verified = await stack.asClient(phase, (context) => verifySamplePeople(context, sample, phase));
  sample = verified.people;
  assertGreen(verified.outcomes);
}

/** Changes the phase under the eyes of a client that asks every 50 ms with an old token. */
async function move(phase: 'legacy' | 'delegated'): Promise<{ readonly seen: Observation; readonly output: string }> {
  await stack.set('phase', phase);
  const stop = await observe(stack, '/_matrix/client/v3/account/whoami', person('sample-alice').sessions[0]?.accessToken ?? '');
  try {
    const ran = await stack.up();
    return { seen: await stop(), output: ran.output };
  } catch (error) {
    await stop();
    throw error;
  }
}

function assertOnlyClosedOrServed(seen: Observation): void {
  assert.deepEqual(seen.strange, []);
  assert.ok(seen.shutOut > 0, 'the observer was asking while the edge was closed');
}

before(async () => {
  stack = await TestStack.create('journey', { appservices: [bridge] }, { bridgeAs: 'as-token-of-the-bridge', bridgeHs: 'hs-token-of-the-bridge' });
});
after(() => stack?.remove());

test('an empty Docker host becomes a legacy homeserver with one up', async () => {
  const { output } = await stack.up();
  assert.match(output, /Start an empty server in phase legacy as move 1\./);
  sample = await stack.asClient('legacy', (context) => createSamplePeople(context, { bridgeUser: { appservice: 'bridge', localpart: 'bridged_user' } }));
  await verify('legacy');
});

test('a second up changes nothing', async () => {
  const ran = await stack.tryVerb('preview', '--expect-no-changes');
  assert.equal(ran.code, 0, ran.output);
});

test('the preview of the cut-over names the expected losses by class and user', async () => {
  await stack.set('phase', 'delegated');
  const { output } = await stack.verb('preview');
  assert.match(output, /Cut over 1\d people to MAS as move 2\. Expected losses: .*locked 1 \(sample-locked\)/);
  assert.match(output, /appserviceLogins 1 \(bridged_user\)/);
});

test('the cut-over keeps passwords, sessions and rooms, and clients see only the closed answer meanwhile', async () => {
  const { seen, output } = await move('delegated');
  assertOnlyClosedOrServed(seen);
  assert.match(output, /Move 2 \(cut-over\): delegated is live\. Clients were shut out for \d+\.\d s\./);
  await verify('delegated');
  const probed = await stack.tryVerb('probe');
  assert.equal(probed.code, 0, probed.output);
});

test('nobody but MAS and the delegated Synapse may log in to the databases', async () => {
  assert.equal(await stack.sql('postgres', "SELECT string_agg(rolname, ',' ORDER BY rolname) FROM pg_roles WHERE rolcanlogin AND rolname <> 'postgres'"), 'ledger,mas,synapse_delegated');
});

test('a finished move previews empty', async () => {
  const ran = await stack.tryVerb('preview', '--expect-no-changes');
  assert.equal(ran.code, 0, ran.output);
});

test('going back without naming the loss is refused with what to type, and changes nothing', async () => {
  await stack.set('phase', 'legacy');
  const ran = await stack.tryUp();
  assert.notEqual(ran.code, 0);
  assert.match(ran.output, /going back to legacy undoes move 2 and loses .*; matrix:acceptLoss is not set, expected "2:[a-z,-]+"/);
  assert.equal(await stack.sql('synapse', "SELECT count(*) FROM matrix_stack.ledger WHERE epoch > 2"), '0');
});

test('a rollback brings the legacy login back with old sessions alive and a changed password kept', async () => {
  const bob = person('sample-bob');
  const changed = 'changed at MAS, kept at Synapse 9';
  await stack.docker('exec', stack.names.container('mas'), '/usr/local/bin/mas-cli', '--config', '/config/config.yaml', 'manage', 'set-password', '--ignore-complexity', bob.name, changed);
  const refused = await stack.tryVerb('preview');
  const acceptLoss = /expected "(2:[a-z,-]+)"/.exec(refused.output)?.[1];
  assert.ok(acceptLoss, refused.output);
  await stack.set('acceptLoss', acceptLoss);
  const { seen } = await move('legacy');
  assertOnlyClosedOrServed(seen);
  sample = { ...sample, people: sample.people.map((one) => (one.name === bob.name ? { ...one, password: changed } : one)) };
  await verify('legacy');
  const old = await stack.asClient('legacy', (context) => askLogin(context, bob.name, bob.password ?? '', 'SAMPLEOLDPASS'));
  assert.equal(old.status, 403, 'the password from before the change is refused');
  assert.match(await stack.sql('postgres', "SELECT string_agg(datname, ',') FROM pg_database WHERE datname LIKE 'mas%'"), /mas_undone_3/);
});

test('a second cut-over works after the rollback', async () => {
  const { seen } = await move('delegated');
  assertOnlyClosedOrServed(seen);
  await verify('delegated');
  const whoami = await stack.asClient('delegated', (context) => askMatrix(context, 'v3/account/whoami?user_id=%40bridged_user%3Aexample.test', { token: 'as-token-of-the-bridge' }));
  assert.equal(whoami.status, 200, 'the bridge goes on with its as_token');
});

test('no secret of the stack is in the state, the history or a log', async () => {
  const names = ['postgresPassword', 'roleMas', 'masMatrixSecret', 'masEncryption', 'probeKey', 'probePassword', 'digestKey', 'synapseMacaroon', 'bridgeAs'];
  const secrets = await Promise.all(names.map(async (name) => [name, await stack.secret(name)] as const));
  const places = await stack.placesThatKeepText();
  const leaks = secrets.flatMap(([name, value]) => places.filter((place) => place.text.includes(value)).map((place) => `${name} in ${place.name}`));
  assert.deepEqual(leaks, []);
});
