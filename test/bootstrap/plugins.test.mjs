import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { providers } from '../../bootstrap/parts/plugins.mjs';

test('the plugins have the versions of the SDK packages, which the engine asks for', () => {
  const { dependencies } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
  for (const { name, version } of providers) assert.equal(version, dependencies[`@pulumi/${name}`]);
});
