/** The Docker host, the images, the secrets or the passphrase are not what the stack needs: told in a sentence, before anything is made where that can be. */
import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { after, before, test } from 'node:test';
import type { Fault } from './support/bad-day.ts';
import type { Ran } from './support/stack.ts';
import { command, TestStack } from './support/stack.ts';

const nothing = 'nothing was made';

export const faults = {
  unreachable: { fault: 'the Docker host does not answer', where: 'preview and up', message: /The Docker host unix:\/\/\/nonexistent\.sock does not answer \(.*\); expected a running engine\. Start it, or set matrix:dockerHost\./, endState: nothing },
  passphrase: { fault: 'a wrong passphrase', where: 'preview and up', message: /incorrect passphrase/, endState: nothing },
  secret: { fault: 'a secret is missing', where: 'preview and up', message: /secrets: a secret of the stack itself is missing: roleMas; run `matrix-stack init \S+`/, endState: `${nothing}; init makes it` },
  image: { fault: 'an image is missing', where: 'up', message: /matrix-stack\.invalid\/synapse:0/, endState: 'no container and no volume was made' },
  port: { fault: 'a port is taken', where: 'up of an empty host', message: /(address already in use|port is already allocated)/, endState: 'no server is live; the next up, with the port free, makes one' },
} as const satisfies { readonly [name: string]: Fault };

const title = (fault: Fault): string => `${fault.fault}, ${fault.where}: ${fault.endState}`;

let stack: TestStack;

before(async () => {
  stack = await TestStack.create('bad-host');
});
after(() => stack?.remove());

/** Containers, volumes and networks of the stack on the host. */
async function made(): Promise<number> {
  const listed = await Promise.all([['ps', '-aq', '--filter', `label=matrix-stack=${stack.name}`], ['volume', 'ls', '-q', '--filter', `name=${stack.names.prefix}-`], ['network', 'ls', '-q', '--filter', `name=${stack.names.prefix}-`]].map((args) => stack.docker(...args)));
  return listed.flatMap((text) => text.split('\n')).filter((line) => line !== '').length;
}

/** One sentence is one line: no stack trace follows it. */
function assertOneSentence({ output }: Ran, { message }: Fault): void {
  assert.match(output, message);
  assert.doesNotMatch(output, /\n\s+at .*(:\d+:\d+|\(node:)/);
}

test(title(faults.unreachable), async () => {
  await stack.set('dockerHost', 'unix:///nonexistent.sock');
  for (const ran of [await stack.tryVerb('preview'), await stack.tryUp('--skip-preview')]) {
    assertOneSentence(ran, faults.unreachable);
    assert.notEqual(ran.code, 0);
  }
  await stack.pulumi('config', 'rm', 'matrix:dockerHost');
  assert.equal(await made(), 0);
});

test(title(faults.passphrase), async () => {
  for (const args of [['preview', stack.name], ['up', stack.name, '--yes', '--skip-preview']]) {
    const ran = await command('node', ['operator/main.ts', ...args], { env: { ...stack.environment, PULUMI_CONFIG_PASSPHRASE: 'not this one' } });
    assertOneSentence(ran, faults.passphrase);
    assert.notEqual(ran.code, 0);
  }
  assert.equal(await made(), 0);
});

test(title(faults.secret), async () => {
  await stack.pulumi('config', 'rm', '--path', 'matrix:secrets.roleMas');
  for (const ran of [await stack.tryVerb('preview'), await stack.tryUp('--skip-preview')]) {
    assertOneSentence(ran, faults.secret);
    assert.equal(ran.code, 3, ran.output);
  }
  assert.equal(await made(), 0);
  await stack.verb('init');
});

test(title(faults.image), async () => {
  const good = stack.image('synapse');
  await stack.pulumi('config', 'set', '--path', 'matrix:images.synapse', 'matrix-stack.invalid/synapse:0');
  const ran = await stack.tryUp('--skip-preview');
  assertOneSentence(ran, faults.image);
  assert.notEqual(ran.code, 0);
  assert.equal(await stack.docker('ps', '-aq', '--filter', `label=matrix-stack=${stack.name}`), '');
  assert.equal(await stack.docker('volume', 'ls', '-q', '--filter', `name=${stack.names.prefix}-`), '');
  await stack.pulumi('config', 'set', '--path', 'matrix:images.synapse', good);
});

test(title(faults.port), async () => {
  const taken = createServer();
  await new Promise<void>((resolve) => taken.listen(stack.https, '127.0.0.1', resolve));
  try {
    const ran = await stack.tryUp('--skip-preview');
    assertOneSentence(ran, faults.port);
    assert.match(ran.output, new RegExp(`127\\.0\\.0\\.1:${stack.https}`));
    assert.notEqual(ran.code, 0);
    assert.equal(await stack.sql('synapse', "SELECT count(*) FROM matrix_stack.ledger WHERE result = 'opened'"), '0');
  } finally {
    await new Promise((resolve) => taken.close(resolve));
  }
  await stack.up('--skip-preview');
  const ran = await stack.tryVerb('preview', '--expect-no-changes');
  assert.equal(ran.code, 0, ran.output);
});
