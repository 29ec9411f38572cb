import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { unpinnedWarnings } from '../../model/images.ts';
import { linesOf, parsed } from './settings.ts';

const digest = `sha256:${'0'.repeat(64)}`;

describe('images', () => {
  it('come from versions.json', () => {
    assert.deepEqual(parsed().images.synapse, { reference: 'ghcr.io/element-hq/synapse:v1.163.2', version: '1.163.2', pinned: false, standin: false, uid: 991, gid: 991 });
  });

  it("are the operator's where named; the tag tells the version, a digest pins", () => {
    const image = parsed({ images: { synapse: `registry.example.com:5000/synapse:v1.164.0@${digest}` } }).images.synapse;
    assert.deepEqual([image?.version, image?.pinned, image?.reference], ['1.164.0', true, `registry.example.com:5000/synapse:v1.164.0@${digest}`]);
    assert.equal(parsed({ images: { postgres: digest } }).images.postgres?.pinned, true);
  });

  it('that replace a download serve throw-away stacks only', () => {
    const images = { mas: 'matrix-stack.local/mas:1.22.0-standin' };
    assert.equal(parsed({ images, demo: true }).images.mas?.standin, true);
    assert.deepEqual(linesOf({ images }), ['images.mas: a stand-in image serves throw-away stacks only (got "matrix-stack.local/mas:1.22.0-standin"); remove the key: versions.json names the official image']);
  });

  it('are never the latest', () => {
    assert.match(linesOf({ images: { edge: 'nginx:latest' } })[0] ?? '', /^images\.edge: latest names another image every week/);
  });

  it('of Synapse and MAS tell their version', () => {
    assert.match(linesOf({ images: { mas: 'registry.example.com/mas:main' } })[0] ?? '', /^images\.mas: the tag does not tell the version/);
  });
});

describe('versions of Synapse and MAS', () => {
  it('before 1.136 cannot delegate', () => {
    const images = { synapse: 'registry.example.com/synapse:v1.135.2' };
    assert.equal(parsed({ images }).images.synapse?.version, '1.135.2');
    assert.deepEqual(linesOf({ images, phase: 'delegated' }), ['images.synapse: Synapse before 1.136.0 cannot delegate to MAS (got 1.135.2); upgrade it in phase legacy first; tested: 1.163.2']);
  });

  it('that were not tested together are refused unless listed', () => {
    const images = { mas: 'registry.example.com/mas:1.23.0' };
    assert.deepEqual(linesOf({ images, phase: 'delegated' }), [
      'images: this pair of Synapse and MAS was not tested together (got Synapse 1.163.2 with MAS 1.23.0); use a pair of versions.json (1.163.2 with 1.22.0), or rehearse this one and add it there']);
  });

  it('are read by number, not by letter', () => {
    assert.match(linesOf({ images: { synapse: 'r.example.com/synapse:v1.99.0' }, phase: 'delegated' })[0] ?? '', /Synapse before 1\.136\.0/);
  });

  it('must be listed well', () => {
    assert.match(linesOf({}, { versions: { images: {} } })[0] ?? '', /^versions\.json\./);
  });
});

it('the preview warns of each unpinned image, except for a throw-away stack', () => {
  const image = { version: '1.163.2', standin: false, uid: 991, gid: 991 };
  const images = { synapse: { ...image, reference: 'r.example.com/synapse:v1.163.2', pinned: false }, mas: { ...image, reference: 'r.example.com/mas:1.22.0@sha256:0', pinned: true } };
  assert.deepEqual(unpinnedWarnings({ demo: false, images }),
    ['images.synapse: r.example.com/synapse:v1.163.2 is not pinned; the registry may give another image under that name tomorrow. Type matrix-stack pin']);
  assert.deepEqual(unpinnedWarnings({ demo: true, images }), []);
});
