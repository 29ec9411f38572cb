/** Staging holds prod's data and can never act as prod; prod's cut-over is refused without, and allowed with, its rehearsal. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { createSamplePeople, verifySamplePeople } from '../../operator/sample-people.ts';
import type { SamplePeople } from '../../operator/sample-people.ts';
import { askMatrix } from '../../probes/session.ts';
import { TestStack } from './support/stack.ts';

const migration = { requireRehearsal: true };
let prod: TestStack;
let staging: TestStack;
let people: SamplePeople;

before(async () => {
  prod = await TestStack.create('prod', { migration });
});
after(async () => {
  await staging?.remove();
  await prod?.remove();
});

const tokenOf = (name: string): string => people.people.find((one) => one.name === name)?.sessions[0]?.accessToken ?? '';

test('a mirror of a stack without a backup is refused and says how to make one', async () => {
  await prod.up();
  people = await prod.asClient('legacy', (context) => createSamplePeople(context));
  staging = await TestStack.create('staging', { migration, mirror: { of: prod.name },
    hosts: { homeserver: 'matrix.staging.test', auth: 'auth.staging.test', element: 'chat.staging.test', apex: { name: 'staging.test', served: true } } }, {}, prod);
  const ran = await staging.tryUp();
  assert.notEqual(ran.code, 0);
  assert.match(ran.output, new RegExp(`Stack ${prod.name} has no verified backup; a mirror is made from the newest one\\. Type matrix-stack backup ${prod.name}`));
});

test('the cut-over of prod without a rehearsal is refused', async () => {
  await prod.set('phase', 'delegated');
  const ran = await prod.tryVerb('preview');
  assert.notEqual(ran.code, 0);
  assert.match(ran.output, /No rehearsal of this configuration is recorded; expected green evidence from staging\. Type matrix-stack rehearse <staging stack>/);
  await prod.set('phase', 'legacy');
});

test('a mirror holds the people of prod and none of its tokens, and has no way out', async () => {
  await prod.verb('backup');
  await staging.up();
  assert.equal(await staging.sql('synapse', "SELECT count(*) FROM users WHERE name LIKE '@sample-%'"), String(people.people.length));
  assert.equal(await staging.sql('synapse', `SELECT count(*) FROM access_tokens WHERE token = '${tokenOf('sample-alice')}'`), '0');
  const whoami = await staging.asClient('legacy', (context) => askMatrix(context, 'v3/account/whoami', { token: tokenOf('sample-alice') }));
  assert.equal(whoami.status, 401, 'a token of prod is worth nothing on staging');
  assert.notEqual(await staging.secret('synapseSigningKey'), await prod.secret('synapseSigningKey'));
  for (const tier of ['data', 'backend', 'apps'] as const) {
    assert.equal(await staging.docker('network', 'inspect', '--format', '{{.Internal}}', staging.names.network(tier)), 'true', `network ${tier} has no way out`);
  }
});

test('a rehearsal goes there, back and there again and records its evidence in both ledgers', async () => {
  const ran = await staging.verb('rehearse');
  assert.match(ran.output, /move 2 {2}cut-over +to delegated[^]*move 3 {2}rollback +to legacy[^]*move 4 {2}cut-over +to delegated/);
  assert.match(ran.output, /is green and recorded in both ledgers/);
  for (const stack of [prod, staging]) {
    assert.equal(await stack.sql('synapse', "SELECT detail->>'green' FROM matrix_stack.ledger WHERE result = 'evidence'"), 'true');
  }
});

test('the cut-over of prod is allowed with that rehearsal, and refused again once a setting differs', async () => {
  await prod.set('phase', 'delegated');
  const allowed = await prod.verb('preview');
  assert.match(allowed.output, /Cut over \d+ people to MAS as move 2\./);
  await prod.set('maxUploadMiB', '51');
  const refused = await prod.tryVerb('preview');
  assert.notEqual(refused.code, 0);
  await prod.pulumi('config', 'rm', 'matrix:maxUploadMiB');
  await prod.up();
  const verified = await prod.asClient('delegated', (context) => verifySamplePeople(context, people, 'delegated'));
  assert.deepEqual(verified.outcomes.filter((outcome) => !outcome.passed).map((outcome) => `${outcome.title}: ${outcome.evidence}`), []);
});
