import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, it } from 'node:test';
import { ownSecrets } from '../../model/names.ts';
import { goldenDirectory, goldenFiles } from '../golden/files.ts';

const files = goldenFiles();

describe('golden files', () => {
  it('are those that are rendered, no more and no fewer', () => {
    const kept = ['prod', 'staging'].flatMap((stack) => readdirSync(new URL(`${stack}/`, goldenDirectory), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile()).map((entry) => `${entry.parentPath}/${entry.name}`.slice(fileURLToPath(goldenDirectory).length)));
    assert.deepEqual(kept.sort(), [...files.keys()].sort(), 'run `npm run golden` and read its diff');
  });

  for (const [path, content] of files) {
    it(`${path} is what is rendered`, () => { assert.equal(content, readFileSync(new URL(path, goldenDirectory), 'utf8'), 'run `npm run golden` and read its diff'); });
  }

  it('hold secrets as names, in secret volumes alone', () => {
    const named = [...files].filter(([, content]) => ownSecrets.some((name) => content.includes(`<${name}>`))).map(([path]) => path.split('/')[2] ?? '');
    assert.deepEqual([...new Set(named)].filter((owner) => !owner.endsWith('-secrets') && owner !== 'syn2mas'), []);
    assert.ok(named.length > 20);
  });
});
