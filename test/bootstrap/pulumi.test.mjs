import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { newEnough, wanted } from '../../bootstrap/parts/pulumi.mjs';

const read = (path) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');

test("an operator's own CLI is used from the tested minor version on, within the same major", () => {
  assert.deepEqual(['3.259.0', '3.259.7', '3.300.1'].map(newEnough), [true, true, true]);
  assert.deepEqual(['3.258.9', '2.300.0', '4.0.0', '', 'v3.259.0-dev'].map(newEnough), [false, false, false, false, false]);
});

test('the CLI, its Go module and the SDK are of one version', () => {
  assert.equal(JSON.parse(read('package.json')).dependencies['@pulumi/pulumi'], wanted);
  assert.match(read('bootstrap/pulumi-cli/go.mod'), new RegExp(`github.com/pulumi/pulumi/pkg/v3 v${wanted.replaceAll('.', '\\.')} `));
});
