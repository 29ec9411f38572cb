/** What `npm start` shows after it has brought the parts. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, statSync } from 'node:fs';
import { after, test } from 'node:test';
import { caFile, peopleFile } from '../../operator/demo/people-store.ts';
import { stackFile } from '../../operator/stack-file.ts';
import { command } from './support/stack.ts';

const stack = `test-demo-${randomBytes(3).toString('hex')}`;
const matrixStack = (...args: string[]) => command('node', ['operator/main.ts', ...args]);

/** Ids of everything on the Docker host that carries the stack's name. */
function onHost(): readonly string[] {
  const lines = (...args: string[]): readonly string[] => execFileSync('docker', args, { encoding: 'utf8' }).split('\n').filter((line) => line !== '');
  return [...lines('ps', '--all', '--quiet', '--no-trunc', '--filter', `name=matrix-${stack}-`), ...lines('volume', 'ls', '--quiet', '--filter', `name=matrix-${stack}-`), ...lines('network', 'ls', '--quiet', '--filter', `name=matrix-${stack}-`)].toSorted();
}

after(() => matrixStack('destroy', stack, '--yes'));

test('the demo moves people to MAS while they are logged in, changes nothing the second time, and goes without a trace', async () => {
  const first = await matrixStack('demo', '--stack', stack);
  assert.equal(first.code, 0, first.output);
  assert.match(first.output, /Expected losses\n +1 +locked +sample-locked/);
  assert.match(first.output, /A client that asked every 50 ms was shut out for [\d.]+ s \(\d+ of \d+ requests refused with the closed answer, nothing else seen\)/);
  assert.match(first.output, /\nPhase delegated, move 2\.\n/);
  assert.doesNotMatch(first.output, /^FAIL/m);
  assert.equal(statSync(peopleFile(stack)).mode & 0o777, 0o600);
  assert.ok(existsSync(caFile(stack)));

  const before = onHost();
  assert.ok(before.length > 10);
  const second = await matrixStack('demo', '--stack', stack);
  assert.equal(second.code, 0, second.output);
  assert.deepEqual(onHost(), before);
  assert.match(second.output, /This run took \d/);

  const gone = await matrixStack('destroy', stack, '--yes');
  assert.equal(gone.code, 0, gone.output);
  assert.deepEqual(onHost(), []);
  assert.ok(!existsSync(stackFile(stack)) && !existsSync(peopleFile(stack)));
});
