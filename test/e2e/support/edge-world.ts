/** A real nginx with the rendered edge, programs in place of what lies behind it, and a raw client in front. */
import { Agent as PlainAgent, get, request as plainRequest } from 'node:http';
import { Agent, request } from 'node:https';
import { randomBytes } from 'node:crypto';
import type { Model } from '../../../model/model.ts';
import { aliases, innerPorts, namesOf, paths, probeHeader } from '../../../model/names.ts';
import type { ContainerRole } from '../../../model/names.ts';
import { createCertificates } from '../../../operator/certificates.ts';
import { until } from '../../../steps/until.ts';
import { edgeCommand, edgeUser, edgeVolumes } from '../../../templates/nginx.ts';
import type { Side } from '../../../templates/routes.ts';
import { edgeModel } from '../../templates/edge-model.ts';
import { broughtImage, docker, DockerRun } from './docker.ts';
import { echo, markerWriter } from './edge-upstreams.ts';

export interface Ask {
  /** @default matrix.example.test */
  readonly host?: string;
  /** Sent as it is: no client tidies it up. */
  readonly path: string;
  /** @default GET */
  readonly method?: string;
  readonly headers?: { readonly [name: string]: string };
  readonly body?: string | Buffer;
  /** True adds the probe key. */
  readonly probe?: boolean;
  /** Milliseconds. @default 10,000 */
  readonly timeout?: number;
}

export interface Answer {
  readonly status: number;
  readonly headers: { readonly [name: string]: string | string[] | undefined };
  readonly text: string;
  /** performance.now() when the request was sent and when the answer was whole. */
  readonly sent: number;
  readonly at: number;
}

/** What `echo` says of the request that reached it. */
export interface Echo {
  readonly who: string;
  readonly method: string;
  readonly path: string;
  readonly headers: { readonly [name: string]: string };
  readonly length: number;
  readonly body: string;
}

const standing: { readonly [R in ContainerRole]?: { readonly port: number; readonly alias: string } } = {
  'synapse-legacy': { port: innerPorts.synapse, alias: aliases.synapse },
  'synapse-delegated': { port: innerPorts.synapse, alias: aliases.synapse },
  mas: { port: innerPorts.masWeb, alias: aliases.mas },
  element: { port: innerPorts.element, alias: aliases.element },
};

export class EdgeWorld {
  readonly model: Model;
  readonly probeKey = randomBytes(32).toString('hex');
  private readonly run: DockerRun;
  private readonly agent: Agent;
  private readonly plainAgent = new PlainAgent({ keepAlive: true, maxSockets: Infinity });
  private edgePort = 0;
  private writerPort = 0;

  private constructor(run: DockerRun, model: Model, ca: string) {
    this.run = run;
    this.model = model;
    this.agent = new Agent({ ca, keepAlive: true, maxSockets: Infinity });
  }

  /** Starts everything and waits until it answers. @param settings of the stack, beside the least. */
  static async start(settings: { readonly [key: string]: unknown } = {}): Promise<EdgeWorld> {
    const run = new DockerRun('edge-test');
    const model = edgeModel({ ports: { bind: ['127.0.0.1', '::1'], https: 8443, http: 8080 }, ...settings }, run.name);
    const { hosts } = model;
    const certificates = await createCertificates(run.name, [hosts.homeserver, hosts.auth, hosts.apex.name, ...(hosts.element === undefined ? [] : [hosts.element])], new Date());
    const world = new EdgeWorld(run, model, certificates.caCertificate);
    try {
      await world.create((name) => {
        const secrets: { readonly [name: string]: string } = { probeKey: world.probeKey, tlsServerCertificate: certificates.serverCertificate, tlsServerKey: certificates.serverKey };
        return secrets[name] ?? name;
      });
      return world;
    } catch (error) {
      await world.remove();
      throw error;
    }
  }

  get names(): ReturnType<typeof namesOf> {
    return namesOf(this.model.stack);
  }

  private async create(secret: (name: string) => string): Promise<void> {
    const [edgeImage, nodeImage] = [broughtImage('edge'), broughtImage('runner')];
    const network = this.names.network('backend');
    const group = randomBytes(2).toString('hex');
    await this.run.network(network, ['--ipv6', '--subnet', `fd00:${group}::/64`]);
    await this.run.volume(this.names.volume('markers'));
    for (const volume of edgeVolumes(this.model, secret)) await this.run.files(this.files(volume.owner), edgeImage, volume);
    await Promise.all(Object.entries(standing).map(([role, { port, alias }]) => this.run.start(this.names.container(role as ContainerRole),
      ['--network', network, '--network-alias', alias, '--env', `WHO=${role}`, '--env', `PORT=${port}`, nodeImage, 'node', '-e', echo])));
    await this.run.start(`${this.run.name}-writer`, ['--network', network, '--volume', `${this.names.volume('markers')}:${paths.markers}`, '--publish', '127.0.0.1::9000', nodeImage, 'node', '-e', markerWriter]);
    await this.run.start(this.edge, ['--network', network, '--network-alias', aliases.edge, '--user', `${edgeUser.uid}:${edgeUser.gid}`, '--read-only', '--tmpfs', '/tmp', '--cap-drop', 'ALL',
      '--security-opt', 'no-new-privileges', '--memory', '1024m', '--volume', `${this.files('edge')}:${paths.config}:ro`, '--volume', `${this.files('edge-secrets')}:${paths.secrets}:ro`,
      '--volume', `${this.names.volume('markers')}:${paths.markers}:ro`, '--publish', `127.0.0.1::${this.listens}`, '--entrypoint', edgeCommand[0], edgeImage, ...edgeCommand.slice(1)]);
    await this.findPorts();
    this.writerPort = await published(`${this.run.name}-writer`, 9000);
    await this.mark({});
    if (!await until(10_000, 50, () => this.ask({ path: '/' }).then(() => true, () => false))) throw new Error(`The edge does not answer: ${await this.logs()}`);
    for (const role of Object.keys(standing) as ContainerRole[]) await this.startUpstream(role);
  }

  private files(owner: string): string {
    return this.names.filesVolume(owner, this.run.name);
  }

  get edge(): string {
    return this.names.container('edge');
  }

  private get offloaded(): boolean {
    return this.model.tls.mode === 'offloaded';
  }

  /** Where the edge takes requests. */
  private get listens(): number {
    return this.offloaded ? innerPorts.edgeHttp : innerPorts.edgeHttps;
  }

  private async findPorts(): Promise<void> {
    this.edgePort = await published(this.edge, this.listens);
  }

  /** Writes markers as a job does. @returns performance.now() when they were written. */
  async mark(markers: { readonly open?: boolean; readonly live?: Side | 'none' }): Promise<number> {
    const query = new URLSearchParams({ ...(markers.open === undefined ? {} : { open: markers.open ? 'yes' : 'no' }), ...(markers.live === undefined ? {} : { live: markers.live }) });
    const write = (): Promise<void> => new Promise((resolve, reject) => {
      get({ host: '127.0.0.1', port: this.writerPort, path: `/?${query.toString()}` }, (answer) => {
        answer.resume().on('end', resolve);
      }).on('error', reject);
    });
    // Only while the writer starts does it refuse.
    if (!await until(10_000, 20, () => write().then(() => true, () => false))) throw new Error('The marker writer does not answer');
    return performance.now();
  }

  ask({ host = 'matrix.example.test', path, method = 'GET', headers = {}, body, probe = false, timeout = 10_000 }: Ask): Promise<Answer> {
    const sent = performance.now();
    return new Promise((resolve, reject) => {
      const target = { host: '127.0.0.1', port: this.edgePort, path, method, timeout };
      const encrypted = { ...target, servername: host, agent: this.agent };
      const outgoing = this.offloaded ? plainRequest({ ...target, agent: this.plainAgent }) : request(encrypted);
      const all = { host: `${host}:${this.model.ports.https}`, ...(probe ? { [probeHeader]: this.probeKey } : {}), ...headers };
      for (const [name, value] of Object.entries(all)) outgoing.setHeader(name, value);
      outgoing.on('response', (incoming) => {
        const chunks: Buffer[] = [];
        incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
        incoming.on('error', reject);
        incoming.on('end', () => resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, text: Buffer.concat(chunks).toString(), sent, at: performance.now() }));
      });
      outgoing.on('timeout', () => outgoing.destroy(new Error(`no answer to ${method} ${path} within ${timeout} ms`)));
      outgoing.on('error', reject);
      outgoing.end(body);
    });
  }

  /** Asks, and @returns what the upstream saw. @throws Error when another than 200 came. */
  async echo(ask: Ask): Promise<Echo> {
    const answer = await this.ask(ask);
    if (answer.status !== 200) throw new Error(`${ask.method ?? 'GET'} ${ask.path} got ${answer.status} ${answer.text}; expected 200`);
    return JSON.parse(answer.text) as Echo;
  }

  async stopUpstream(role: ContainerRole): Promise<void> {
    await docker(['kill', this.names.container(role)]);
  }

  /** Starts it where it does not run, and waits until it listens. */
  async startUpstream(role: ContainerRole): Promise<void> {
    await docker(['start', this.names.container(role)]);
    const listens = `fetch('http://127.0.0.1:${standing[role]?.port ?? 0}/').then(() => process.exit(0), () => process.exit(1))`;
    if (!await until(10_000, 50, () => docker(['exec', this.names.container(role), 'node', '-e', listens]).then(() => true, () => false))) throw new Error(`${role} does not listen`);
  }

  /** Address of an upstream in the backend network. */
  async addressOf(role: ContainerRole): Promise<string> {
    return (await docker(['inspect', '--format', '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}', this.names.container(role)])).trim();
  }

  /** Restarts the edge, as a reboot does. */
  async restartEdge(): Promise<void> {
    await docker(['restart', '--time', '1', this.edge]);
    await this.findPorts();
    if (!await until(10_000, 50, () => this.ask({ path: '/' }).then(() => true, () => false))) throw new Error(`The edge does not answer: ${await this.logs()}`);
  }

  /** Everything that the edge's container has written, on both streams. */
  logs(): Promise<string> {
    return docker(['logs', this.edge], undefined, 'both');
  }

  /** Runs Node text in a container beside the edge. @returns what it prints. */
  beside(text: string): Promise<string> {
    return docker(['exec', `${this.run.name}-writer`, 'node', '-e', text]);
  }

  /** Runs a command in the edge's container. */
  inEdge(...command: string[]): Promise<string> {
    return docker(['exec', this.edge, ...command]);
  }

  async remove(): Promise<void> {
    this.agent.destroy();
    this.plainAgent.destroy();
    await this.run.remove();
  }
}

async function published(container: string, port: number): Promise<number> {
  const text = await docker(['port', container, `${port}/tcp`]);
  return Number(/:(\d+)\s*$/m.exec(text.split('\n')[0] ?? '')?.[1]);
}
