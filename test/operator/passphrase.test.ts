import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { passphraseEncrypt } from '../../operator/passphrase.ts';

/** Written by `pulumi stack init` 3.259 with the passphrase "x". */
const salt = 'v1:KTYoEyQw8bw=:v1:Q/tit3S/pe2YQEs/:AErLTbbTShk95kTkV7o/+SlVkGFMUQ==';

test('a passphrase that does not open the salt of the stack encrypts nothing', async () => {
  assert.equal(await passphraseEncrypt(salt, { PULUMI_CONFIG_PASSPHRASE: 'y' }), null);
  assert.equal(await passphraseEncrypt(salt, {}), null);
  assert.equal(await passphraseEncrypt(undefined, { PULUMI_CONFIG_PASSPHRASE: 'x' }), null);
});

test('what is encrypted opens as a check value of the same passphrase, and never looks the same twice', async () => {
  const encrypt = await passphraseEncrypt(salt, { PULUMI_CONFIG_PASSPHRASE: 'x' });
  assert.ok(encrypt !== null);
  const sealed = encrypt('pulumi');
  assert.notEqual(encrypt('pulumi'), sealed);
  // The form of a salt is the salt and one encrypted "pulumi", so the real reader's check tells whether ours is right.
  assert.ok(await passphraseEncrypt(`v1:${salt.split(':')[1] ?? ''}:${sealed}`, { PULUMI_CONFIG_PASSPHRASE: 'x' }) !== null);
});

test('the passphrase may come from a file with a last newline', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'matrix-stack-test-'));
  try {
    await writeFile(join(directory, 'passphrase'), 'x\n');
    assert.ok(await passphraseEncrypt(salt, { PULUMI_CONFIG_PASSPHRASE_FILE: join(directory, 'passphrase') }) !== null);
  } finally {
    await rm(directory, { recursive: true });
  }
});
