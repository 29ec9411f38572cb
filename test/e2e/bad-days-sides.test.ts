/**
 * The new side does not come up, or not right, and PostgreSQL goes away in the middle: the switch undoes itself. One stack carries
 * all of it, so the tests run in order.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { createSamplePeople, verifySamplePeople } from '../../operator/sample-people.ts';
import type { SamplePeople } from '../../operator/sample-people.ts';
import { assertLive, assertNobodySignedOut, jobsNow, lineOf, rows, startUp, watched } from './support/bad-day.ts';
import type { Fault } from './support/bad-day.ts';
import { docker } from './support/docker.ts';
import type { Ran } from './support/stack.ts';
import { TestStack } from './support/stack.ts';

const returned = 'undone: legacy live and open, nobody signed out';
const wasUndone = String.raw`Move 2 \(cut-over\) was undone: legacy is live and open, nobody lost anything\. Correct it and run pulumi up again\.`;

export const faults = {
  mas: { fault: 'MAS ends at its start', where: 'cut-over', message: new RegExp(`mas ended right after it was started; expected 200 at its /health\\. Its log ends: .*Error: could not bind address.* Look at docker logs \\S+-mas\\. ${wasUndone}`), endState: returned },
  other: { fault: 'another image set in phase delegated', where: 'after a cut-over that was undone', message: /The configuration is not the one that last converged \([0-9a-f]{12}, now [0-9a-f]{12}\); a cut-over changes nothing but the phase\. Type pulumi config set matrix:phase legacy && pulumi up, then cut over\./, endState: 'nothing was done' },
  synapse: { fault: 'the delegated Synapse ends at its start', where: 'cut-over', message: new RegExp(`synapse-delegated ended right after it was started; expected 200 at its /health\\. Its log ends: .* Look at docker logs \\S+-synapse-delegated\\. ${wasUndone}`), endState: returned },
  secret: { fault: 'the secret that MAS and Synapse share differs', where: 'cut-over', message: new RegExp(`The gate is red: .* ${wasUndone}`), endState: returned },
  postgres: { fault: 'PostgreSQL restarts', where: 'cut-over, after "edge closed"', message: new RegExp(wasUndone), endState: returned },
  late: { fault: 'PostgreSQL restarts', where: 'cut-over, after "delegated side answers"', message: new RegExp(`${wasUndone}|Move 2 \\(cut-over\\): delegated is live`), endState: 'what the ledger says, carried out' },
} as const satisfies { readonly [name: string]: Fault };

const title = (fault: Fault): string => `${fault.fault}, ${fault.where}: ${fault.endState}`;

let stack: TestStack;
let sample: SamplePeople;
let token: string;
let good: string;
const broken = (): string => `${stack.names.prefix}-broken-mas:1.22.0`;

before(async () => {
  stack = await TestStack.create('bad-sides');
  good = stack.image('mas');
  // Every command of it works but the server: what no check of a configuration can find.
  await docker(['build', '--quiet', '--tag', broken(), '-'], Buffer.from(`FROM ${good}
USER 0
RUN printf '#!/bin/sh\\n[ "$1" = server ] && { echo "Error: could not bind address" >&2; exit 1; }\\nexec /usr/local/bin/mas-cli "$@"\\n' > /usr/local/bin/broken && chmod 755 /usr/local/bin/broken
USER 65532:65532
ENTRYPOINT ["/usr/local/bin/broken"]
`));
  await stack.pulumi('config', 'set', '--path', 'matrix:images.mas', broken());
  await stack.up('--skip-preview');
  sample = await stack.asClient('legacy', (context) => createSamplePeople(context));
  token = sample.people[0]?.sessions[0]?.accessToken ?? '';
});
after(async () => {
  await stack?.remove();
  if (stack !== undefined) await docker(['rmi', broken()]).catch(() => undefined);
});

/** Runs up to the end that the fault has, under the eyes of somebody logged in. @param meanwhile is called once `up` runs. */
async function watchedUp(meanwhile: () => Promise<void> = async () => {}): Promise<Ran> {
  const { result, seen } = await watched(stack, token, async () => {
    const up = startUp(stack);
    await meanwhile();
    return up.ended;
  });
  assertNobodySignedOut(seen);
  return result;
}

async function assertUndone(ran: Ran, fault: Fault): Promise<void> {
  assert.match(ran.output, fault.message);
  assert.equal(ran.code, 1, ran.output);
  await assertLive(stack, 'legacy', token);
  assert.match((await rows(stack)).slice(-3).join(), /^(2\.\d+) started,\1 returned,\1 undone$/);
}

/** Runs shell in the volume of an owner's files, as root on the host could. */
async function inFiles(owner: string, script: string): Promise<void> {
  const { facts } = await stack.load();
  await stack.docker('run', '--rm', '--user', '0:0', '--network', 'none', '--volume', `${facts.files[owner] ?? ''}:/files`, '--workdir', '/files', '--entrypoint', 'sh', facts.images.runner, '-ec', script);
}

test(title(faults.mas), async () => {
  await stack.set('phase', 'delegated');
  await assertUndone(await watchedUp(), faults.mas);
});

test(title(faults.other), async () => {
  await stack.pulumi('config', 'set', '--path', 'matrix:images.mas', good);
  const ran = await stack.tryVerb('preview');
  assert.match(ran.output, faults.other.message);
  assert.equal(ran.code, 3, ran.output);
  await stack.set('phase', 'legacy');
  await stack.up('--skip-preview');
  await assertLive(stack, 'legacy', token);
});

test(title(faults.synapse), async () => {
  await stack.set('phase', 'delegated');
  await assertUndone(await watchedUp(async () => {
    await lineOf(stack, 'check-configs', /homeserver\.yaml \(delegated\): accepted/);
    await inFiles('synapse-delegated', "cp -p homeserver.yaml .kept; echo 'server_name: [' >> homeserver.yaml");
  }), faults.synapse);
  await inFiles('synapse-delegated', 'mv .kept homeserver.yaml');
});

test(title(faults.secret), async () => {
  await inFiles('synapse-delegated-secrets', 'cp -p mas .kept; printf another-secret > mas');
  await assertUndone(await watchedUp(), faults.secret);
  await inFiles('synapse-delegated-secrets', 'mv .kept mas');
});

for (const [name, line] of [['postgres', /^edge closed/], ['late', /^delegated side answers/]] as const) {
  test(title(faults[name]), async () => {
    const known = await jobsNow(stack, 'switch');
    const ran = await watchedUp(async () => {
      await lineOf(stack, 'switch', line, known);
      await stack.docker('restart', stack.names.container('postgres'));
    });
    assert.match(ran.output, faults[name].message);
    const opened = (await rows(stack)).some((row) => /^2\.\d+ opened$/.test(row));
    if (opened) await assertLive(stack, 'delegated', token);
    else await assertUndone(ran, faults[name]);
  });
}

test('after all of that the cut-over goes through, and every person has what it promises', async () => {
  await stack.up('--skip-preview');
  await assertLive(stack, 'delegated', token);
  const ran = await stack.tryVerb('preview', '--expect-no-changes');
  assert.equal(ran.code, 0, ran.output);
  const { outcomes } = await stack.asClient('delegated', (context) => verifySamplePeople(context, sample, 'delegated'));
  assert.deepEqual(outcomes.filter((outcome) => !outcome.passed).map((outcome) => `${outcome.title}: ${outcome.evidence}`), []);
});
