import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { withLock } from '../../bootstrap/lib/lock.mjs';

const directory = mkdtempSync(join(tmpdir(), 'lock-test-'));
after(() => rmSync(directory, { recursive: true }));
const lockModule = fileURLToPath(new URL('../../bootstrap/lib/lock.mjs', import.meta.url));

test('two holders are never inside at once, in one process or in several', async () => {
  const counter = join(directory, 'counter');
  writeFileSync(counter, '0');
  const program = `
    import { readFileSync, writeFileSync } from 'node:fs';
    import { setTimeout as delay } from 'node:timers/promises';
    import { withLock } from ${JSON.stringify(lockModule)};
    for (let round = 0; round < 3; round += 1) {
      await withLock(${JSON.stringify(directory)}, 'many', async () => {
        const seen = Number(readFileSync(${JSON.stringify(counter)}, 'utf8'));
        await delay(5);
        writeFileSync(${JSON.stringify(counter)}, String(seen + 1));
      });
    }`;
  const children = Array.from({ length: 4 }, () => spawn(process.execPath, ['--input-type=module', '--eval', program], { stdio: 'inherit' }));
  const codes = await Promise.all(children.map(async (child) => (await once(child, 'exit'))[0]));
  assert.deepEqual(codes, [0, 0, 0, 0]);
  assert.equal(readFileSync(counter, 'utf8'), '12');
});

test('the lock of a process that was killed counts as free', async () => {
  const program = `
    import { withLock } from ${JSON.stringify(lockModule)};
    await withLock(${JSON.stringify(directory)}, 'killed', async () => {
      console.log('inside');
      await new Promise((resolve) => setTimeout(resolve, 60_000));
    });`;
  const child = spawn(process.execPath, ['--input-type=module', '--eval', program], { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(child.stdout, 'data');
  assert.ok(existsSync(join(directory, 'killed.lock')));
  child.kill('SIGKILL');
  await once(child, 'exit');
  let waited = false;
  assert.equal(await withLock(directory, 'killed', async () => 'done', () => (waited = true)), 'done');
  assert.equal(waited, false);
});

// Start times come from /proc.
if (process.platform === 'linux') {
  test('a later process with the number of a dead owner does not keep the lock', async () => {
    writeFileSync(join(directory, 'reused.lock'), `${process.pid} 1`);
    assert.equal(await withLock(directory, 'reused', async () => 'done'), 'done');
  });
}

test('the lock is given back when the work fails', async () => {
  await assert.rejects(withLock(directory, 'failing', async () => Promise.reject(new Error('work failed'))), /work failed/);
  assert.equal(existsSync(join(directory, 'failing.lock')), false);
});

test('who waits is told the process that holds the lock', async () => {
  let release;
  const held = withLock(directory, 'told', () => new Promise((resolve) => (release = resolve)));
  const owners = [];
  const second = withLock(directory, 'told', async () => 'second', (owner) => {
    owners.push(owner);
    release('first');
  });
  assert.deepEqual(await Promise.all([held, second]), ['first', 'second']);
  assert.deepEqual(owners, [String(process.pid)]);
});
