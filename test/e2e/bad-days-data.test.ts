/**
 * What stands in the data, or beside it, and must stop a cut-over before anybody is shut out. One stack carries all of it, so the
 * tests run in order: each remedy is what the message before it says.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { after, before, test } from 'node:test';
import { createSamplePeople, verifySamplePeople } from '../../operator/sample-people.ts';
import type { SamplePeople } from '../../operator/sample-people.ts';
import { until } from '../../steps/until.ts';
import { assertLive, assertNobodySignedOut, rows, watched } from './support/bad-day.ts';
import type { Fault } from './support/bad-day.ts';
import { docker } from './support/docker.ts';
import type { Ran } from './support/stack.ts';
import { TestStack } from './support/stack.ts';

const untouched = 'nothing was changed: legacy live and open';

export const faults = {
  orphan: { fault: 'an access token of somebody who is not there', where: 'preflight', message: /- access_tokens has 1 row\(s\) of @ghost:example\.test, who is not in users; syn2mas would stop there\. If that user is gone, type: (DELETE FROM access_tokens WHERE user_id = '@ghost:example\.test';)/, endState: untouched },
  foreign: { fault: 'people of another server name', where: 'preflight', message: /- users holds @old:zoo\.test, which is not of example\.test; syn2mas would stop there\./, endState: untouched },
  stranger: { fault: 'somebody else connected to the database', where: 'preflight', message: /- foreign_bridge from a local socket is connected to Synapse's database; a second Synapse would write during the move\. Stop it\./, endState: untouched },
  error: { fault: 'exit code 10 of syn2mas check', where: 'syn2mas check', message: /syn2mas check found 1 error\(s\) that block the cut-over: ExistingOAuthDelegated: .*(DELETE FROM user_external_ids WHERE auth_provider = 'oauth-delegated';).* Nothing was changed\./, endState: untouched },
  warning: { fault: 'exit code 11 of syn2mas check, warnings not accepted', where: 'syn2mas check', message: /syn2mas check warns: GuestsInDatabase: .* \| NonEmailThreepidsInDatabase: .* Nothing was changed\. If these are meant, add their names to matrix:migration\.acceptWarnings \(GuestsInDatabase, NonEmailThreepidsInDatabase\)\./, endState: untouched },
  full: { fault: "rows in MAS's database", where: 'MAS schema', message: /The MAS database is not empty \(rows in users\) although no move ever filled it; expected an empty one\. If it may be put aside, type: (ALTER DATABASE mas RENAME TO mas_old;) and run pulumi up again\./, endState: untouched },
  stray: { fault: 'a forgotten Synapse that logs in again and again', where: 'cut-over', message: /role "synapse_legacy" is not permitted to log in/, endState: 'delegated live; PostgreSQL let nobody else write from the close on' },
  old: { fault: 'a backup of hours ago', where: 'cut-over, continued later', message: /the backup of this move is 12\d minutes old; looking again and making another/, endState: 'made again before the edge closes' },
} as const satisfies { readonly [name: string]: Fault };

const title = (fault: Fault): string => `${fault.fault}, ${fault.where}: ${fault.endState}`;

let stack: TestStack;
let sample: SamplePeople;
let token: string;

before(async () => {
  stack = await TestStack.create('bad-data');
  await stack.up('--skip-preview');
  sample = await stack.asClient('legacy', (context) => createSamplePeople(context));
  token = sample.people[0]?.sessions[0]?.accessToken ?? '';
  await stack.set('phase', 'delegated');
});
after(() => stack?.remove());

/** Runs up, which must fail before anybody notices anything. */
async function refusedUp(): Promise<Ran> {
  const { result, seen } = await watched(stack, token, () => stack.tryUp('--skip-preview'));
  assert.equal(result.code, 1, result.output);
  assert.deepEqual(seen.answers.filter((answer) => answer.status !== 200), []);
  assert.ok(seen.answers.length > 20, 'somebody was asking all the time');
  assert.deepEqual((await rows(stack)).filter((row) => row.startsWith('2.')), []);
  await assertLive(stack, 'legacy', token);
  return result;
}

test(`${title(faults.orphan)}; ${title(faults.foreign)}; ${title(faults.stranger)}; all are told at once`, async () => {
  await stack.sql('synapse', "INSERT INTO access_tokens (id, user_id, token) VALUES (999999, '@ghost:example.test', 'syt_ghost')");
  await stack.sql('synapse', "INSERT INTO users (name, creation_ts) VALUES ('@old:zoo.test', 0)");
  await stack.sql('postgres', 'CREATE ROLE foreign_bridge LOGIN');
  await stack.sql('postgres', 'GRANT CONNECT ON DATABASE synapse TO foreign_bridge');
  const stranger = spawn('docker', ['exec', '-i', stack.names.container('postgres'), 'psql', '-X', '-U', 'foreign_bridge', '-d', 'synapse'], { stdio: ['pipe', 'ignore', 'ignore'] });
  try {
    const { output } = await refusedUp();
    assert.match(output, /Preflight found 3 problem\(s\); nothing was changed\./);
    for (const fault of [faults.orphan, faults.foreign, faults.stranger]) assert.match(output, fault.message);
    await stack.sql('synapse', faults.orphan.message.exec(output)?.[1] ?? '');
    await stack.sql('synapse', "DELETE FROM users WHERE name = '@old:zoo.test'");
  } finally {
    stranger.kill();
    await stack.sql('postgres', "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'foreign_bridge'");
  }
});

test(title(faults.error), async () => {
  await stack.sql('synapse', "INSERT INTO user_external_ids (auth_provider, external_id, user_id) VALUES ('oauth-delegated', 'x', '@sample-bob:example.test')");
  const { output } = await refusedUp();
  assert.match(output, faults.error.message);
  await stack.sql('synapse', faults.error.message.exec(output)?.[1] ?? '');
});

test(title(faults.warning), async () => {
  await stack.sql('synapse', "INSERT INTO user_threepids (user_id, medium, address, validated_at, added_at) VALUES ('@sample-bob:example.test', 'msisdn', '447700900000', 0, 0)");
  await stack.sql('synapse', "INSERT INTO users (name, creation_ts, is_guest) VALUES ('@1:example.test', 0, 1)");
  assert.match((await refusedUp()).output, faults.warning.message);
});

test(title(faults.full), async () => {
  await stack.pulumi('config', 'set', '--path', 'matrix:migration.acceptWarnings[0]', 'GuestsInDatabase');
  await stack.pulumi('config', 'set', '--path', 'matrix:migration.acceptWarnings[1]', 'NonEmailThreepidsInDatabase');
  await stack.sql('mas', "INSERT INTO users (user_id, username, created_at) VALUES (gen_random_uuid(), 'intruder', now())");
  const { output } = await refusedUp();
  assert.match(output, faults.full.message);
  await stack.sql('postgres', faults.full.message.exec(output)?.[1] ?? '');
});

/** Logs in as the legacy Synapse does, five times a second, and writes. @returns how to end it, which gives what it was told. */
async function startStray(): Promise<() => Promise<string>> {
  const { facts } = await stack.load();
  const name = `${stack.names.prefix}-stray`;
  await stack.sql('synapse', 'CREATE TABLE stray (at timestamptz)');
  await stack.sql('synapse', 'ALTER TABLE stray OWNER TO synapse_owner');
  await stack.docker('run', '--detach', '--name', name, '--label', `matrix-stack=${stack.name}`, '--network', facts.networks.data, '--env', `PGPASSWORD=${await stack.secret('roleSynapseLegacy')}`, '--entrypoint', 'sh', facts.images.postgres,
    '-c', "while :; do psql -X -q -h postgres -U synapse_legacy -d synapse -c 'INSERT INTO stray VALUES (clock_timestamp())'; sleep 0.2; done");
  assert.ok(await until(60_000, 100, async () => Number(await stack.sql('synapse', 'SELECT count(*) FROM stray')) > 0), 'the stray can write while legacy is live');
  return async () => {
    const told = await docker(['logs', name], undefined, 'both');
    await stack.docker('rm', '--force', name);
    return told;
  };
}

test(`${title(faults.stray)}; ${title(faults.old)}; warnings that were accepted by name stop nothing`, async () => {
  await stack.sql('synapse', "UPDATE matrix_stack.ledger SET at = at - interval '2 hours' WHERE result = 'backup'");
  const end = await startStray();
  let told = '';
  try {
    const { result, seen } = await watched(stack, token, () => stack.tryUp('--skip-preview'));
    assert.equal(result.code, 0, result.output);
    assert.match(result.output, /syn2mas check: warnings accepted by name: GuestsInDatabase, NonEmailThreepidsInDatabase\./);
    assert.match(result.output, faults.old.message);
    assertNobodySignedOut(seen);
  } finally {
    told = await end();
  }
  assert.match(told, faults.stray.message);
  // From the end of the migration to the decision: Synapse and MAS start and are proved.
  const late = await stack.sql('synapse', `SELECT count(*) FROM stray, (SELECT at - ((detail->'times'->>'boot')::int + (detail->'times'->>'gate')::int) * interval '1 millisecond' AS migrated FROM matrix_stack.ledger WHERE epoch = 2 AND result = 'measured') m WHERE stray.at > m.migrated`);
  assert.equal(late, '0');
  await assertLive(stack, 'delegated', token);
  const { outcomes } = await stack.asClient('delegated', (context) => verifySamplePeople(context, sample, 'delegated'));
  assert.deepEqual(outcomes.filter((outcome) => !outcome.passed).map((outcome) => `${outcome.title}: ${outcome.evidence}`), []);
});
