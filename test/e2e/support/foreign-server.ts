/** Somebody's server that this program did not make: Synapse with the configuration it generates for itself, and a plain PostgreSQL. */
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { stateDirectory } from '../../../operator/project.ts';
import { until } from '../../../steps/until.ts';

const run = promisify(execFile);

async function docker(...args: string[]): Promise<string> {
  return (await run('docker', args, { maxBuffer: 16 * 1024 * 1024 })).stdout.trim();
}

/** Logs in from inside, because the generated listener is on loopback; prints the access token. */
const logIn = `import json, sys, urllib.request
body = json.dumps({"type": "m.login.password", "identifier": {"type": "m.id.user", "user": sys.argv[1]}, "password": sys.argv[2], "device_id": "FOREIGNDEV1"}).encode()
request = urllib.request.Request("http://localhost:8008/_matrix/client/v3/login", body, {"content-type": "application/json"})
print(json.load(urllib.request.urlopen(request))["access_token"])`;

export class ForeignServer {
  readonly serverName = 'foreign.test';
  readonly pepper = 'pepper of the foreign server';
  readonly password = 'Passwörter überleben 1';
  token = '';
  private readonly name = `test-foreign-${randomBytes(3).toString('hex')}`;

  /** Starts it and puts two people on it; the first has a session. */
  async start(): Promise<void> {
    const { images } = JSON.parse(await readFile(join(stateDirectory, 'parts.json'), 'utf8')) as { images: { readonly [service: string]: { readonly reference: string } } };
    const [postgres, synapse] = [images['postgres']?.reference ?? '', images['synapse']?.reference ?? ''];
    const { name } = this;
    await docker('network', 'create', name);
    await docker('volume', 'create', name);
    await docker('run', '-d', '--name', `${name}-db`, '--network', name, '-e', 'POSTGRES_USER=somebody', '-e', 'POSTGRES_PASSWORD=somebodys', '-e', 'POSTGRES_DB=homeserver', '-e', 'POSTGRES_INITDB_ARGS=--locale=C --encoding=UTF8', '-v', `${name}:/dump`, postgres);
    await docker('run', '--rm', '--user', '0:0', '-v', `${name}-data:/data`, '--entrypoint', 'python', synapse, '-m', 'synapse.app.homeserver', '--server-name', this.serverName, '--config-path', '/data/homethis.yaml',
      '--data-directory', '/data', '--config-directory', '/data', '--generate-config', '--report-stats=no');
    await docker('create', '--name', `${name}-synapse`, '--network', name, '--user', '0:0', '-v', `${name}-data:/data`, '-w', '/data', '--entrypoint', 'python', synapse, '-m', 'synapse.app.homeserver', '-c', '/data/homethis.yaml', '-c', '/data/more.yaml');
    const directory = await mkdtemp(join(tmpdir(), `${name}-`));
    await writeFile(join(directory, 'more.yaml'), JSON.stringify({ database: { name: 'psycopg2', args: { user: 'somebody', password: 'somebodys', dbname: 'homeserver', host: `${name}-db` } }, password_config: { enabled: true, pepper: this.pepper },
      // The generated listener wants ::1 too, which a container need not have.
      listeners: [{ port: 8008, type: 'http', tls: false, bind_addresses: ['127.0.0.1'], resources: [{ names: ['client'], compress: false }] }] }));
    await docker('cp', join(directory, 'more.yaml'), `${name}-synapse:/data/more.yaml`);
    await rm(directory, { recursive: true });
    await this.awaited('PostgreSQL', () => docker('exec', `${name}-db`, 'pg_isready', '-h', '127.0.0.1', '-U', 'somebody'));
    await docker('start', `${name}-synapse`);
    await this.awaited('Synapse', () => docker('exec', `${name}-synapse`, 'python', '-c', 'import urllib.request; urllib.request.urlopen("http://localhost:8008/health")'));
    for (const person of ['first', 'second']) {
      await docker('exec', `${name}-synapse`, 'python', '-m', 'synapse._scripts.register_new_matrix_user', '-c', '/data/homethis.yaml', '-u', person, '-p', this.password, '--no-admin', 'http://localhost:8008');
    }
    this.token = await docker('exec', `${name}-synapse`, 'python', '-c', logIn, 'first', this.password);
    await docker('stop', `${name}-synapse`);
  }

  private async awaited(what: string, ask: () => Promise<unknown>): Promise<void> {
    let last = '';
    const up = await until(60_000, 300, () => ask().then(() => true, (error: unknown) => {
      last = String(error);
      return false;
    }));
    if (!up) throw new Error(`${what} of the foreign server did not answer: ${last}`);
  }

  /** @returns the volume that holds `synapse.dump`. */
  async dump(): Promise<string> {
    await docker('exec', `${this.name}-db`, 'pg_dump', '-U', 'somebody', '-Fc', '-f', '/tmp/synapse.dump', 'homeserver');
    await docker('exec', '--user', '0:0', `${this.name}-db`, 'sh', '-c', 'cp /tmp/synapse.dump /dump/synapse.dump && chmod 644 /dump/synapse.dump');
    return this.name;
  }

  /** The key that other servers know it by. */
  async signingKey(): Promise<string> {
    return docker('run', '--rm', '--user', '0:0', '-v', `${this.name}-data:/data`, '--entrypoint', 'cat', await docker('inspect', '--format', '{{.Config.Image}}', `${this.name}-synapse`), `/data/${this.serverName}.signing.key`);
  }

  async remove(): Promise<void> {
    await docker('rm', '-f', '-v', `${this.name}-db`, `${this.name}-synapse`);
    await docker('volume', 'rm', '-f', this.name, `${this.name}-data`);
    await docker('network', 'rm', this.name);
  }
}
