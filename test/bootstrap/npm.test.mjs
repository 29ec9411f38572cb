import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { installedMatches } from '../../bootstrap/parts/npm.mjs';

const root = mkdtempSync(join(tmpdir(), 'npm-test-'));
after(() => rmSync(root, { recursive: true }));
mkdirSync(join(root, 'node_modules'));

const lockfile = {
  '': { name: 'matrix-stack' },
  'node_modules/a': { version: '1.0.0', integrity: 'sha512-a' },
  'node_modules/for-another-platform': { version: '1.0.0', integrity: 'sha512-b', optional: true },
};

function matches(installed) {
  writeFileSync(join(root, 'package-lock.json'), JSON.stringify({ packages: lockfile }));
  writeFileSync(join(root, 'node_modules', '.package-lock.json'), JSON.stringify({ packages: installed }));
  return installedMatches(root);
}

test('what the lockfile asks for is left as it is, without packages for other platforms', () => {
  assert.equal(matches({ 'node_modules/a': { version: '1.0.0', integrity: 'sha512-a' } }), true);
});

test('another version, other content, a lacking and a surplus package are installed anew', () => {
  assert.equal(matches({ 'node_modules/a': { version: '1.0.1', integrity: 'sha512-a' } }), false);
  assert.equal(matches({ 'node_modules/a': { version: '1.0.0', integrity: 'sha512-x' } }), false);
  assert.equal(matches({}), false);
  assert.equal(matches({ 'node_modules/a': lockfile['node_modules/a'], 'node_modules/c': { version: '1.0.0' } }), false);
});

test('a clone without node_modules is installed', () => {
  assert.equal(installedMatches(join(root, 'absent')), false);
});
