import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { root } from '../../operator/project.ts';
import { withDigest } from '../../operator/verbs/pin.ts';

const digest = `sha256:${'a'.repeat(64)}`;

test('a digest is set for its own service alone, whether there was one or not, and the rest of versions.json stays as it is', () => {
  const text = readFileSync(join(root, 'versions.json'), 'utf8');
  const { images } = JSON.parse(text) as { images: { [service: string]: { digest: string | null } } };
  for (const service of Object.keys(images)) {
    const once = withDigest(text, service, digest);
    const expected = JSON.parse(text) as { images: { [name: string]: { digest: string | null } } };
    const changed = expected.images[service];
    assert.ok(changed !== undefined);
    changed.digest = digest;
    assert.deepEqual(JSON.parse(once), expected);
    assert.equal(withDigest(once, service, digest), once);
    assert.equal(once.split('\n').length, text.split('\n').length);
  }
});
