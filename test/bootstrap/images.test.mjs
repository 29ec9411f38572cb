import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { baseRecipe } from '../../bootstrap/images/base.mjs';
import { counterparts, ownMas, standinMas } from '../../bootstrap/images/recipes.mjs';
import { cloneRoot } from '../../bootstrap/lib/context.mjs';

const scratch = mkdtempSync(join(tmpdir(), 'images-test-'));
after(() => rmSync(scratch, { recursive: true }));
const base = baseRecipe('local.test/', '1.163.2');
const later = baseRecipe('local.test/', '1.164.0');

test('a local image is named under the prefix, never by an official name', () => {
  const tags = Object.values(counterparts(base)).map(({ tag }) => tag);
  assert.ok(tags.length > 0 && tags.every((tag) => tag.startsWith('local.test/')), tags.join(' '));
});

test('an image is made again when what it is made of changes, and only then', () => {
  const digests = (from) => Object.values(counterparts(from)).map(({ digest }) => digest);
  assert.deepEqual(digests(base), digests(base));
  assert.equal(digests(base).filter((digest) => digests(later).includes(digest)).length, 0);
});

test('changed code of the MAS stand-in is another tag', () => {
  const tag = (code) => standinMas(base, '1.22.0', cloneRoot, Buffer.from(code)).tag;
  assert.equal(tag('one'), tag('one'));
  assert.notEqual(tag('one'), tag('two'));
  assert.match(tag('one'), /^local\.test\/mas:1\.22\.0-standin-[0-9a-f]{8}$/);
});

function release(name, says) {
  const directory = join(scratch, name);
  mkdirSync(join(directory, 'bin'), { recursive: true });
  writeFileSync(join(directory, 'bin', 'mas-cli'), `#!/bin/sh\necho '${says}'\n`, { mode: 0o755 });
  return directory;
}

test("a packed MAS is tagged with the version that it says it has", async () => {
  const directory = release('whole', 'mas-cli v1.23.4');
  mkdirSync(join(directory, 'share', 'mas-cli'), { recursive: true });
  writeFileSync(join(directory, 'share', 'mas-cli', 'policy.wasm'), '');
  const recipe = await ownMas(base, directory);
  assert.equal(recipe.tag, 'local.test/mas:1.23.4-own');
  assert.ok(recipe.files.some(({ to }) => to === 'share/policy.wasm'));
});

test('a MAS_CLI that is no release is refused with what it lacks', async () => {
  await assert.rejects(ownMas(base, scratch), /holds no bin\/mas-cli; point it at/);
  await assert.rejects(ownMas(base, release('bare', 'mas-cli v1.23.4')), /holds no share\/mas-cli; point it at/);
  const unnamed = release('unnamed', 'unknown');
  mkdirSync(join(unnamed, 'share', 'mas-cli'), { recursive: true });
  await assert.rejects(ownMas(base, unnamed), /names no version/);
});
