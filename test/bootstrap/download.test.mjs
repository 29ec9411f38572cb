import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { Unreachable, patience, unpack } from '../../bootstrap/lib/download.mjs';

const directory = mkdtempSync(join(tmpdir(), 'download-test-'));
const target = join(directory, 'unpacked');
writeFileSync(join(directory, 'program'), 'content');
execFileSync('tar', ['-czf', join(directory, 'good.tar.gz'), '-C', directory, 'program']);
const archive = readFileSync(join(directory, 'good.tar.gz'));

const server = createServer((request, response) => {
  if (request.url === '/good.tar.gz') response.end(archive);
  else if (request.url === '/broken.tar.gz') response.end(archive.subarray(0, 40));
  else if (request.url === '/absent.tar.gz') response.writeHead(404).end();
  // Anything else is never answered.
});
let address;
before(async () => {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  address = `http://127.0.0.1:${server.address().port}`;
});
after(() => {
  server.closeAllConnections();
  server.close();
  rmSync(directory, { recursive: true });
});

test('an archive is unpacked and replaces what an earlier try left', async () => {
  await unpack(`${address}/good.tar.gz`, target);
  await unpack(`${address}/good.tar.gz`, target);
  assert.deepEqual(readdirSync(target), ['program']);
  rmSync(target, { recursive: true });
});

const failures = {
  'answered 404': () => `${address}/absent.tar.gz`,
  'refused': () => 'http://127.0.0.1:1/any.tar.gz',
  'gave no answer': () => `${address}/silent.tar.gz`,
};
for (const [reason, url] of Object.entries(failures)) {
  test(`a host that ${reason} is given up with that reason and leaves nothing behind`, async () => {
    const since = Date.now();
    await assert.rejects(unpack(url(), target), (error) => error instanceof Unreachable && new RegExp(`^127\\.0\\.0\\.1:\\d+ ${reason} in [\\d.]+ s$`).test(error.message));
    assert.ok(Date.now() - since < (patience + 3) * 1000);
    assert.equal(existsSync(target), false);
    assert.deepEqual(readdirSync(directory).sort(), ['good.tar.gz', 'program']);
  });
}

test('half an archive never becomes a directory', async () => {
  await assert.rejects(unpack(`${address}/broken.tar.gz`, target), /sent a broken archive/);
  assert.equal(existsSync(target), false);
});
