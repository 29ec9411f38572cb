/** A throw-away stack on the real engine, Docker, PostgreSQL, Synapse and nginx, driven as an operator drives it. */
import { execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { stringify } from 'yaml';
import { namesOf } from '../../../model/names.ts';
import type { Names } from '../../../model/names.ts';
import { root, stateDirectory } from '../../../operator/project.ts';
import { loadStack } from '../../../operator/loaded-stack.ts';
import type { LoadedStack } from '../../../operator/loaded-stack.ts';
import { samplePeopleSettings } from '../../../operator/sample-people.ts';
import { probeContextOf, stackClient } from '../../../operator/stack-client.ts';
import type { ProbeContext } from '../../../probes/contract.ts';
import { edgeFetch } from '../../../probes/fetch.ts';

const run = promisify(execFile);
const passphrase = 'test passphrase';

export interface Ran {
  readonly code: number;
  /** Both streams, in the order they came. */
  readonly output: string;
  readonly milliseconds: number;
}

interface Parts {
  readonly images: { readonly [service: string]: { readonly reference: string } };
}

/** `n` ports that nobody listens on now. */
export async function freePorts(n: number): Promise<number[]> {
  const servers = await Promise.all(Array.from({ length: n }, () => new Promise<ReturnType<typeof createServer>>((resolve, reject) => {
    const server = createServer();
    server.on('error', reject);
    server.listen(0, '127.0.0.1', () => resolve(server));
  })));
  const ports = servers.map((server) => (server.address() as { port: number }).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

/** Runs a command without a shell and never throws for its exit code. */
export function command(file: string, args: readonly string[], options: { readonly env?: NodeJS.ProcessEnv; readonly stdin?: string; readonly cwd?: string } = {}): Promise<Ran> {
  const begin = performance.now();
  return new Promise((resolve, reject) => {
    const child = spawn(file, [...args], { cwd: options.cwd ?? root, env: options.env ?? process.env, stdio: ['pipe', 'pipe', 'pipe'] });
    const chunks: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => chunks.push(chunk));
    child.on('error', reject);
    child.on('close', (code) => resolve({ code: code ?? 1, output: Buffer.concat(chunks).toString(), milliseconds: Math.round(performance.now() - begin) }));
    child.stdin.end(options.stdin ?? '');
  });
}

export class TestStack {
  readonly name: string;
  readonly names: Names;
  readonly https: number;
  readonly http: number;
  readonly directory: string;
  private readonly settings: Record<string, unknown>;

  private constructor(name: string, https: number, http: number, directory: string, settings: Record<string, unknown>) {
    this.name = name;
    this.names = namesOf(name);
    this.https = https;
    this.http = http;
    this.directory = directory;
    this.settings = settings;
  }

  /**
   * Writes the stack's settings and its secrets; nothing runs yet.
   * @param settings config keys without `matrix:`, over those below. @param beside a stack whose state backend this one shares.
   */
  static async create(label: string, settings: Record<string, unknown> = {}, secrets: { readonly [name: string]: string } = {}, beside?: TestStack): Promise<TestStack> {
    const name = `test-${label}-${randomBytes(3).toString('hex')}`;
    const [https, http] = await freePorts(2) as [number, number];
    const directory = beside?.directory ?? await mkdtemp(join(tmpdir(), `${name}-`));
    const parts = JSON.parse(await readFile(join(stateDirectory, 'parts.json'), 'utf8')) as Parts;
    const brought = Object.fromEntries(Object.entries(parts.images).filter(([service]) => service !== 'restic').map(([service, { reference }]) => [service, reference]));
    // MAS_IMAGE: another MAS than the one that was brought, to hold a stand-in and the real one to the same tests.
    const images = { ...brought, ...(process.env['MAS_IMAGE'] === undefined ? {} : { mas: process.env['MAS_IMAGE'] }) };
    const stack = new TestStack(name, https, http, directory, {
      serverName: 'example.test', demo: true, phase: 'legacy', images, ports: { bind: ['127.0.0.1'], https, http }, tls: { mode: 'selfSigned' },
      hosts: { homeserver: 'matrix.example.test', auth: 'auth.example.test', element: 'chat.example.test', apex: { name: 'example.test', served: true } },
      ...samplePeopleSettings, ...settings });
    await stack.write();
    await stack.verb('init');
    for (const [key, value] of Object.entries(secrets)) await stack.pulumi('config', 'set', '--secret', '--path', `matrix:secrets.${key}`, value);
    return stack;
  }

  get environment(): NodeJS.ProcessEnv {
    return { ...process.env, PATH: `${join(root, 'node_modules', '.bin')}:${process.env['PATH'] ?? ''}`, PULUMI_BACKEND_URL: `file://${this.directory}`, PULUMI_CONFIG_PASSPHRASE: passphrase, CI: 'true', NO_COLOR: '1' };
  }

  /** Reference of the image that a service is given. */
  image(service: string): string {
    const reference = (this.settings['images'] as { readonly [service: string]: string })[service];
    if (reference === undefined) throw new Error(`The stack's settings name no image for ${service}.`);
    return reference;
  }

  get file(): string {
    return join(root, `Pulumi.${this.name}.yaml`);
  }

  private async write(): Promise<void> {
    await writeFile(this.file, stringify({ config: Object.fromEntries(Object.entries(this.settings).map(([key, value]) => [`matrix:${key}`, value])) }));
  }

  /** Runs `matrix-stack VERB STACK …`; throws with the whole output when it fails. */
  async verb(verb: string, ...args: string[]): Promise<Ran> {
    const ran = await this.tryVerb(verb, ...args);
    if (ran.code !== 0) throw new Error(`matrix-stack ${verb} ${this.name} ended with ${ran.code}:\n${ran.output}`);
    return ran;
  }

  tryVerb(verb: string, ...args: string[]): Promise<Ran> {
    return command('node', ['operator/main.ts', verb, this.name, ...args], { env: this.environment });
  }

  up(...args: string[]): Promise<Ran> {
    return this.verb('up', '--yes', ...args);
  }

  tryUp(...args: string[]): Promise<Ran> {
    return this.tryVerb('up', '--yes', ...args);
  }

  /** `pulumi config set`, as an operator types it. */
  async set(key: string, value: string): Promise<void> {
    await this.pulumi('config', 'set', `matrix:${key}`, value);
  }

  /** What `matrix:acceptLoss` must say for the way back, as the refusal of a preview prints it. */
  async acceptedLoss(): Promise<string> {
    const refused = await this.tryVerb('preview');
    const [, expected] = /expected "(\d+:[a-z,-]+)"/.exec(refused.output) ?? [];
    if (expected === undefined) throw new Error(`The preview names no loss to accept:\n${refused.output}`);
    return expected;
  }

  async pulumi(...args: string[]): Promise<Ran> {
    const env = { ...this.environment, PATH: `${join(root, 'node_modules', '.bin')}:${process.env['PATH'] ?? ''}:${join(stateDirectory, 'bin')}`, PULUMI_HOME: join(stateDirectory, 'pulumi-home'), PULUMI_SKIP_UPDATE_CHECK: 'true', PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: 'true' };
    const ran = await command('pulumi', [...args, '--stack', this.name], { env });
    if (ran.code !== 0) throw new Error(`pulumi ${args.join(' ')} ended with ${ran.code}:\n${ran.output}`);
    return ran;
  }

  /** The stack as the operator's verbs see it. */
  load(): Promise<LoadedStack> {
    // The operator's own modules are used in this process too; they read the engine's variables.
    Object.assign(process.env, { PULUMI_BACKEND_URL: `file://${this.directory}`, PULUMI_CONFIG_PASSPHRASE: passphrase });
    return loadStack(this.name);
  }

  /** Does `work` as a client of the stack that has the probe key. */
  async asClient<T>(phase: 'legacy' | 'delegated', work: (context: ProbeContext) => Promise<T>): Promise<T> {
    const loaded = await this.load();
    const client = stackClient(loaded);
    try {
      return await work(probeContextOf(loaded, client, phase));
    } finally {
      await client.close();
    }
  }

  /** One value of the stack's secrets, as Pulumi keeps it. */
  async secret(name: string): Promise<string> {
    const ran = await this.pulumi('config', 'get', '--path', `matrix:secrets.${name}`);
    return ran.output.replace(/\n$/, '');
  }

  /** Runs docker and gives its stdout; throws with its stderr. */
  async docker(...args: string[]): Promise<string> {
    return (await run('docker', args, { maxBuffer: 64 * 1024 * 1024 })).stdout.trim();
  }

  /** Everything outside the secret volumes that keeps text: state, history, settings, and what Docker shows and logs of each container. */
  async placesThatKeepText(): Promise<readonly { readonly name: string; readonly text: string }[]> {
    const files = (await readdir(this.directory, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
    const kept = await Promise.all([...files, this.file].map(async (file) => ({ name: file, text: await readFile(file, 'utf8') })));
    const containers = (await this.docker('ps', '-aq', '--filter', `label=matrix-stack=${this.name}`)).split('\n').filter((id) => id !== '');
    const shown = await Promise.all(containers.map(async (id) => {
      const logs = await command('docker', ['logs', id]);
      return [{ name: `docker inspect ${id}`, text: await this.docker('inspect', id) }, { name: `docker logs ${id}`, text: logs.output }];
    }));
    return [...kept, ...shown.flat()];
  }

  /** Rows of one SQL statement as the server's superuser. */
  async sql(database: 'synapse' | 'mas' | 'postgres', text: string): Promise<string> {
    const { stdout } = await run('docker', ['exec', this.names.container('postgres'), 'psql', '-X', '-A', '-t', '-U', 'postgres', '-d', database, '-c', text]);
    return stdout.trim();
  }

  /** A client outside the stack, on the published port. @param probeKey only where a test looks behind the closed edge. */
  async client(probeKey = ''): Promise<ReturnType<typeof edgeFetch>> {
    return edgeFetch({ address: { host: '127.0.0.1', port: this.https }, tls: true, ca: await this.secret('tlsCaCertificate'), probeKey });
  }

  url(path: string): string {
    return `https://matrix.example.test:${this.https}${path}`;
  }

  /** Removes whatever carries the stack's label, and its files. */
  async remove(): Promise<void> {
    const label = `label=matrix-stack=${this.name}`;
    const list = async (args: string[]): Promise<string[]> => (await run('docker', args)).stdout.split('\n').filter((line) => line !== '');
    const containers = await list(['ps', '-aq', '--filter', label]);
    if (containers.length > 0) await run('docker', ['rm', '-f', '-v', ...containers]);
    const volumes = await list(['volume', 'ls', '-q', '--filter', `name=${this.names.prefix}-`]);
    if (volumes.length > 0) await run('docker', ['volume', 'rm', '-f', ...volumes]);
    const networks = await list(['network', 'ls', '-q', '--filter', `name=${this.names.prefix}-`]);
    if (networks.length > 0) await run('docker', ['network', 'rm', ...networks]);
    await rm(this.directory, { recursive: true, force: true });
    await rm(this.file, { force: true });
  }
}
