import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { entriesOf } from '../../steps/files-archive.ts';
import type { FillInput } from '../../steps/files-archive.ts';
import { tar } from '../../steps/tar.ts';

const input: FillInput = { stack: 'prod', volume: 'v', image: 'i', secret: true, uid: 991, gid: 992, files: [{ path: 'keys/rsa.pem', content: 'key' }, { path: 'secrets.yaml', content: 'naïve: ✓\n' }] };

/** What GNU or BSD tar makes of an archive: `mode uid/gid size path`. */
function listed(archive: Buffer): readonly string[] {
  const { status, stdout, stderr } = spawnSync('tar', ['--list', '--verbose', '--numeric-owner', '--file', '-'], { input: archive });
  assert.equal(status, 0, String(stderr));
  return String(stdout).trim().split('\n').map((line) => line.replace(/^(\S+)\s+(?:\d+\s+)?(\d+)[/ ]+(\d+)\s+(\d+) .* (\S+)$/, '$1 $2/$3 $4 $5'));
}

test('secret files reach their volume readable by their owner alone, with the directories on the way and the mark last', () => {
  assert.deepEqual(listed(tar(entriesOf(input))), [
    'dr-x------ 991/992 0 volume/', 'dr-x------ 991/992 0 volume/keys/', '-r-------- 991/992 3 volume/keys/rsa.pem', '-r-------- 991/992 12 volume/secrets.yaml', '-r-------- 991/992 0 volume/.full']);
});

test('config files are readable by everybody and writable by nobody', () => {
  assert.deepEqual(listed(tar(entriesOf({ ...input, secret: false }))).map((line) => line.slice(0, 10)), ['drwxr-xr-x', 'drwxr-xr-x', '-r--r--r--', '-r--r--r--', '-r--r--r--']);
});

test('content arrives byte for byte', () => {
  const { stdout } = spawnSync('tar', ['--extract', '--to-stdout', '--file', '-', 'volume/secrets.yaml'], { input: tar(entriesOf(input)) });
  assert.equal(String(stdout), 'naïve: ✓\n');
});

test('a path that a header cannot hold is refused with its name', () => {
  assert.throws(() => tar([{ path: 'x'.repeat(101), content: '', mode: 0o400, uid: 0, gid: 0 }]), /"x+" is longer than the 100 bytes/);
});
