/** A stack begins empty with MAS as its only login, or with a server that somebody else made. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { TestStack } from './support/stack.ts';
import { ForeignServer } from './support/foreign-server.ts';
import { askLogin, askMatrix } from '../../probes/session.ts';

const stacks: TestStack[] = [];
const foreign = new ForeignServer();

before(() => foreign.start());
after(async () => {
  for (const stack of stacks) await stack.remove();
  await foreign.remove();
});

test('an empty Docker host becomes a server with MAS as its only login, without a legacy one before', async () => {
  const stack = await TestStack.create('fresh', { phase: 'delegated' });
  stacks.push(stack);
  const { output } = await stack.up();
  assert.match(output, /Start an empty server with MAS as its only login, as move 1: there are no people to migrate\./);
  assert.equal(await stack.sql('postgres', "SELECT string_agg(rolname, ',' ORDER BY rolname) FROM pg_roles WHERE rolcanlogin AND rolname <> 'postgres'"), 'ledger,mas,synapse_delegated');
  const probed = await stack.tryVerb('probe');
  assert.equal(probed.code, 0, probed.output);
});

test('a commit hashes with argon2id, removes the legacy Synapse and gives the way back up', async () => {
  const stack = stacks[0];
  assert.ok(stack, 'the stack of the test before');
  await stack.set('phase', 'committed');
  const { output } = await stack.up();
  assert.match(output, /Move 2 \(commit\): committed is live\./);
  assert.equal(await stack.docker('ps', '-aq', '--filter', `name=${stack.names.container('synapse-legacy')}`), '');
  assert.match(await stack.docker('run', '--rm', '--entrypoint', 'cat', '-v', `${await stack.docker('volume', 'ls', '-q', '--filter', `name=${stack.names.prefix}-files-mas-`, '--filter', 'label=matrix-stack.role=files-mas')}:/config`,
    await stack.docker('inspect', '--format', '{{.Config.Image}}', stack.names.container('postgres')), '/config/config.yaml'), /argon2id/);
  await stack.set('phase', 'legacy');
  const back = await stack.tryVerb('preview');
  assert.notEqual(back.code, 0);
  assert.match(back.output, /the ledger says committed, the settings want legacy; there is no such move/);
});

test('a dump of a server that this program did not make is adopted with its people, passwords and sessions', async () => {
  const volume = await foreign.dump();
  const stack = await TestStack.create('adopt', { serverName: foreign.serverName, pepper: { secret: 'pepper' }, adopt: { from: 'dump', volume, file: 'synapse.dump' } },
    { pepper: foreign.pepper, synapseSigningKey: await foreign.signingKey() });
  stacks.push(stack);
  const { output } = await stack.up();
  assert.match(output, /Adopt an existing server as move 1\./);
  assert.match(output, /Adopted 2 people of foreign\.test\./);
  const whoami = await stack.asClient('legacy', (context) => askMatrix(context, 'v3/account/whoami', { token: foreign.token }));
  assert.equal(whoami.status, 200, 'the old session lives');
  const login = await stack.asClient('legacy', (context) => askLogin(context, 'first', foreign.password, 'ADOPTEDDEVICE'));
  assert.equal(login.status, 200, 'the old password logs in');
  await stack.set('phase', 'delegated');
  await stack.up();
  const after = await stack.asClient('delegated', (context) => askMatrix(context, 'v3/account/whoami', { token: foreign.token }));
  assert.equal(after.status, 200, 'the old session lives on under MAS');
});

test('an adopted dump of another server name is refused before any Synapse starts', async () => {
  const volume = await foreign.dump();
  const stack = await TestStack.create('other', { serverName: 'other.test', adopt: { from: 'dump', volume, file: 'synapse.dump' } });
  stacks.push(stack);
  const ran = await stack.tryUp();
  assert.notEqual(ran.code, 0);
  assert.match(ran.output, /The adopted database holds people of "foreign\.test", the stack is "other\.test"; a server name can never change/);
  assert.equal(await stack.docker('ps', '-aq', '--filter', `name=${stack.names.container('synapse-legacy')}`), '');
});
