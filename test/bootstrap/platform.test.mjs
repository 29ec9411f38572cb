import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { osRelease, unsupported } from '../../bootstrap/lib/platform.mjs';

const directory = mkdtempSync(join(tmpdir(), 'platform-test-'));
after(() => rmSync(directory, { recursive: true }));

test('Linux and macOS with Node 20 or later are supported', () => {
  assert.equal(unsupported({ platform: 'linux', nodeVersion: '20.0.0' }), undefined);
  assert.equal(unsupported({ platform: 'darwin', nodeVersion: '24.1.0' }), undefined);
});

test('everything else is told in one sentence what to do', () => {
  assert.match(unsupported({ platform: 'win32', nodeVersion: '22.0.0' }), /WSL 2/);
  assert.match(unsupported({ platform: 'freebsd', nodeVersion: '22.0.0' }), /freebsd.*Linux, macOS and WSL 2/);
  assert.match(unsupported({ platform: 'linux', nodeVersion: '18.20.4' }), /Node 18\.20\.4.*Node 20/);
});

const releases = {
  'Debian': ['ID=debian\nVERSION_CODENAME=bookworm\n', true, 'bookworm'],
  'Ubuntu': ['ID=ubuntu\nID_LIKE=debian\nVERSION_CODENAME=noble\n', true, 'noble'],
  'Linux Mint': ['ID=linuxmint\nID_LIKE="ubuntu debian"\nVERSION_CODENAME=wilma\n', true, 'wilma'],
  'Fedora': ['ID=fedora\nVERSION_ID=42\n', false, undefined],
};
for (const [name, [content, debian, codename]] of Object.entries(releases)) {
  test(`apt is ${debian ? '' : 'not '}used on ${name}`, () => {
    const file = join(directory, 'os-release');
    writeFileSync(file, content);
    assert.equal(osRelease(file).debian, debian);
    assert.equal(osRelease(file).codename, codename);
  });
}

test('a machine without os-release is no Debian', () => {
  assert.equal(osRelease(join(directory, 'absent')).debian, false);
});
