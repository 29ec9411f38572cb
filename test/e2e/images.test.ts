import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';

/**
 * What the stack relies on in each image, whichever route brought it: official images and locally built counterparts
 * have the same users, paths, entry points and stop signals.
 */

interface Part {
  readonly reference: string;
  readonly version: string;
}
interface ImageConfig {
  readonly User: string;
  readonly Entrypoint: readonly string[] | null;
  readonly StopSignal?: string;
}
interface Outcome {
  readonly code: number;
  readonly output: string;
}

const root = join(import.meta.dirname, '..', '..');
const { images } = JSON.parse(readFileSync(join(root, '.state', 'parts.json'), 'utf8')) as { readonly images: Record<string, Part> };
const execute = promisify(execFile);
const prefix = `images-test-${randomBytes(4).toString('hex')}`;
const containers: string[] = [];
after(async () => {
  if (containers.length > 0) await docker('rm', '--force', '--volumes', ...containers);
});

async function docker(...args: readonly string[]): Promise<string> {
  const { stdout } = await execute('docker', args);
  return stdout.trim();
}

/** Runs a command in a new container and removes it. */
async function once(service: string, options: readonly string[], ...command: readonly string[]): Promise<Outcome> {
  try {
    const { stdout, stderr } = await execute('docker', ['run', '--rm', '--network', 'none', ...options, image(service), ...command]);
    return { code: 0, output: stdout + stderr };
  } catch (error) {
    const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string };
    return { code, output: stdout + stderr };
  }
}

function image(service: string): string {
  const part = images[service];
  assert.ok(part, `.state/parts.json names no image ${service}`);
  return part.reference;
}

async function config(service: string): Promise<ImageConfig> {
  return JSON.parse(await docker('image', 'inspect', '--format', '{{json .Config}}', image(service))) as ImageConfig;
}

/** Starts PostgreSQL and waits until it serves over TCP, which the entry point allows only after the first set-up. */
async function startPostgres(name: string, ...options: readonly string[]): Promise<string> {
  const container = `${prefix}-${name}`;
  containers.push(container);
  const script = 'printf %s first-secret > /tmp/password && exec docker-entrypoint.sh postgres';
  await docker('run', '--detach', '--name', container, '--network', 'none', '--env', 'POSTGRES_PASSWORD_FILE=/tmp/password', '--env', 'POSTGRES_USER=admin',
    '--env', 'POSTGRES_DB=chat', '--env', 'POSTGRES_INITDB_ARGS=--locale=C --encoding=UTF8', ...options, '--entrypoint', 'sh', image('postgres'), '-c', script);
  const deadline = Date.now() + 30_000;
  while (Date.now() < deadline) {
    if (await answers(container, 'first-secret')) return container;
    await delay(100);
  }
  assert.fail(`PostgreSQL did not serve within 30 s: ${await docker('logs', '--tail', '5', container)}`);
}

async function answers(container: string, password: string): Promise<boolean> {
  const query = ['psql', '--host', '127.0.0.1', '--username', 'admin', '--dbname', 'chat', '--tuples-only', '--command', 'SELECT 1'];
  return await docker('exec', '--env', `PGPASSWORD=${password}`, container, ...query).then(() => true, () => false);
}

test('PostgreSQL sets itself up from a password file, with the asked locale, and lets only that password in', async () => {
  const container = await startPostgres('postgres');
  const sql = "SELECT datcollate, pg_encoding_to_char(encoding), current_setting('server_version_num')::int / 10000 FROM pg_database WHERE datname = 'chat'";
  assert.equal(await docker('exec', container, 'psql', '--username', 'admin', '--dbname', 'chat', '--no-align', '--tuples-only', '--command', sql), 'C|UTF8|17');
  assert.equal(await answers(container, 'wrong-secret'), false);
  assert.equal(await docker('exec', container, 'stat', '--format', '%u:%g %a', '/var/lib/postgresql/data'), '999:999 700');
});

test('PostgreSQL also runs as its own user from the start, and stops fast with clients connected', async () => {
  const container = await startPostgres('postgres-user', '--user', '999:999');
  const client = execute('docker', ['exec', container, 'psql', '--username', 'admin', '--dbname', 'chat', '--command', 'SELECT pg_sleep(60)']).catch(() => {});
  assert.equal((await config('postgres')).StopSignal, 'SIGINT');
  const since = Date.now();
  await docker('kill', '--signal', 'SIGINT', container);
  assert.equal(await docker('wait', container), '0');
  assert.ok(Date.now() - since < 8_000, 'a fast shutdown ends sessions instead of waiting for them');
  await client;
});

test('PostgreSQL refuses to set itself up without a password', async () => {
  const { code, output } = await once('postgres', []);
  assert.notEqual(code, 0);
  assert.match(output, /POSTGRES_PASSWORD/);
});

test('Synapse runs as 991 through python, with its PostgreSQL driver and OpenID Connect', async () => {
  const program = 'import os, sys, synapse, psycopg2, authlib; print(os.getuid(), synapse.__version__, sys.version_info >= (3, 10))';
  const { output } = await once('synapse', ['--user', '991:991', '--entrypoint', 'python'], '-c', program);
  assert.equal(output.trim(), `991 ${images['synapse']?.version} True`);
});

test('Synapse merges several config files by section', async () => {
  const script = `cd /tmp && printf 'server_name: one.test\\nreport_stats: false\\nsigning_key: ed25519 a_test ${'A'.repeat(43)}\\n' > a.yaml && printf 'server_name: two.test\\ndatabase: {name: sqlite3, args: {database: ":memory:"}}\\n' > b.yaml
    exec python -m synapse.config read server.server_name -c a.yaml -c b.yaml`;
  const { output } = await once('synapse', ['--user', '991:991', '--entrypoint', 'sh'], '-c', script);
  assert.match(output, /^server\.server_name: two\.test$/m);
});

test('nginx loads its JavaScript module by the official name, and ends gracefully on its stop signal', async () => {
  const text = 'load_module modules/ngx_http_js_module.so; pid /tmp/nginx.pid; events {} http { js_shared_dict_zone zone=markers:32k; }';
  const { code, output } = await once('edge', [], 'sh', '-c', `printf '%s' '${text}' > /tmp/nginx.conf && nginx -t -c /tmp/nginx.conf`);
  assert.equal(code, 0, output);
  assert.equal((await config('edge')).StopSignal, 'SIGQUIT');
});

test('the runner hands a script to Node 22, as root', async () => {
  const { output } = await once('runner', [], '--eval', 'console.log(process.getuid(), Number(process.versions.node.split(".")[0]))');
  assert.equal(output.trim(), '0 22');
});

test('restic backs up standard input and checks it', async () => {
  const script = 'export RESTIC_REPOSITORY=/tmp/repository RESTIC_PASSWORD=test; restic init && echo dump | restic backup --stdin --stdin-filename dump && restic check';
  const { code, output } = await once('restic', ['--entrypoint', 'sh'], '-c', script);
  assert.equal(code, 0, output);
});

test('MAS runs as 65532 from its official path', async () => {
  const { User, Entrypoint } = await config('mas');
  assert.equal(User.split(':')[0]?.replace('nonroot', '65532'), '65532');
  assert.deepEqual(Entrypoint, ['/usr/local/bin/mas-cli']);
  const { code, output } = await once('mas', [], '--version');
  assert.equal(code, 0, output);
  assert.match(output, /mas-cli/);
});

test("Element Web serves its config on the port it is told, as nginx's user", async () => {
  const container = `${prefix}-element`;
  containers.push(container);
  await docker('run', '--detach', '--name', container, '--network', 'none', '--user', '101:101', '--read-only', '--tmpfs', '/tmp', '--tmpfs', '/etc/nginx/conf.d:uid=101', '--env', 'ELEMENT_WEB_PORT=8181', image('elementWeb'));
  const deadline = Date.now() + 10_000;
  while (Date.now() < deadline) {
    const served = await docker('exec', container, 'sh', '-c', 'curl -fsS http://127.0.0.1:8181/config.json || wget -q -O - http://127.0.0.1:8181/config.json').catch(() => '');
    if (served !== '') {
      assert.equal(typeof JSON.parse(served), 'object');
      return;
    }
    await delay(100);
  }
  assert.fail(`no answer within 10 s: ${await docker('logs', '--tail', '5', container)}`);
});
