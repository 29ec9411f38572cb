import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { environment, exportLines, prepareState, stateOf } from '../../bootstrap/lib/environment.mjs';

// A blank and a quote: clones lie in such directories.
const root = mkdtempSync(join(tmpdir(), "environment test's-"));
after(() => rmSync(root, { recursive: true }));

test('Node 22 and the CLI of the clone come first on PATH, once', () => {
  const once = environment(root, { PATH: '/usr/bin:/bin' }).PATH;
  assert.equal(once, `${root}/node_modules/.bin:${root}/.state/bin:/usr/bin:/bin`);
  assert.equal(environment(root, { PATH: once }).PATH, once);
});

test("the operator's Pulumi home is never used", () => {
  assert.equal(environment(root, { PULUMI_HOME: '/home/somebody/.pulumi' }).PULUMI_HOME, join(root, '.state', 'pulumi-home'));
});

test('the printed lines give a shell the same environment', () => {
  const wanted = environment(root, process.env);
  const names = Object.keys(wanted);
  const script = `${exportLines(root).join('\n')}\nfor name in ${names.join(' ')}; do eval "printf '%s\\n' \\"\\$$name\\""; done`;
  const lines = execFileSync('sh', ['-c', script], { encoding: 'utf8' }).trimEnd().split('\n');
  assert.deepEqual(lines, names.map((name) => wanted[name]));
});

test('the passphrase is random, for its owner only, and kept', () => {
  prepareState(root);
  const { passphrase } = stateOf(root);
  const first = readFileSync(passphrase, 'utf8');
  assert.ok(first.length >= 32);
  assert.equal(statSync(passphrase).mode & 0o777, 0o600);
  prepareState(root);
  assert.equal(readFileSync(passphrase, 'utf8'), first);
});
