/** The part of the Docker Engine API that jobs use, over the socket that is mounted into the runner. */
import { request } from 'node:http';
import { paths } from '../model/names.ts';

/** API version of Docker 20.10, the oldest engine that is tested. */
const api = '/v1.41';

export interface ContainerState {
  readonly id: string;
  readonly running: boolean;
  readonly exitCode: number;
  readonly startedAt: string;
  readonly image: string;
}

/** A container that runs one upstream tool to its end. */
export interface OneShot {
  readonly name: string;
  readonly image: string;
  readonly entrypoint?: readonly string[];
  readonly command: readonly string[];
  readonly user?: string;
  readonly env?: readonly string[];
  /** Volume name -> mount point; read-only unless it ends with `:rw`. */
  readonly mounts: { readonly [volume: string]: string };
  readonly network: string | null;
  readonly labels: { readonly [key: string]: string };
  readonly tmpfs?: readonly string[];
  /** Added to none, e.g. `DAC_READ_SEARCH` for a tool that copies files of several owners. */
  readonly capabilities?: readonly string[];
}

export interface OneShotResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Thrown when the daemon answers an error; `status` is its HTTP status. */
export class DockerError extends Error {
  override readonly name = 'DockerError';
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** One call; resolves with the raw body. */
function call(method: string, path: string, body?: unknown, timeout = 130_000): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const payload = body === undefined ? undefined : JSON.stringify(body);
    const req = request({ socketPath: paths.dockerSocket, method, path: `${api}${path}`, timeout,
      headers: payload === undefined ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(payload) } }, (res) => {
      const chunks: Buffer[] = [];
      res.on('data', (chunk: Buffer) => chunks.push(chunk));
      res.on('error', reject);
      res.on('end', () => {
        const data = Buffer.concat(chunks);
        const status = res.statusCode ?? 0;
        if (status >= 400) reject(new DockerError(status, `Docker answered ${status} to ${method} ${path.split('?')[0]}: ${data.toString().slice(0, 400)}`));
        else resolve(data);
      });
    });
    req.on('timeout', () => req.destroy(new Error(`Docker did not answer ${method} ${path.split('?')[0]} within ${timeout} ms`)));
    req.on('error', reject);
    req.end(payload);
  });
}

const name = encodeURIComponent;

/** @returns null when there is no such container. */
export async function inspect(container: string): Promise<ContainerState | null> {
  try {
    const raw = JSON.parse((await call('GET', `/containers/${name(container)}/json`)).toString()) as {
      Id: string; State: { Running: boolean; ExitCode: number; StartedAt: string }; Config: { Image: string } };
    return { id: raw.Id, running: raw.State.Running, exitCode: raw.State.ExitCode, startedAt: raw.State.StartedAt, image: raw.Config.Image };
  } catch (error) {
    if (error instanceof DockerError && error.status === 404) return null;
    throw error;
  }
}

/** Starts; a running container is left alone (304). */
export async function start(container: string): Promise<void> {
  await call('POST', `/containers/${name(container)}/start`);
}

/** Stops with the container's own signal and `grace` seconds; one that is absent or stopped already is fine. */
export async function stop(container: string, grace: number): Promise<void> {
  try {
    await call('POST', `/containers/${name(container)}/stop?t=${grace}`, undefined, (grace + 30) * 1000);
  } catch (error) {
    if (!(error instanceof DockerError && error.status === 404)) throw error;
  }
}

/** A job that is done must not be started again by the daemon. */
export async function neverRestart(container: string): Promise<void> {
  await call('POST', `/containers/${name(container)}/update`, { RestartPolicy: { Name: 'no' } });
}

/** Creates a tool's container without starting it; one that is left over from a killed try is removed first. */
export async function createOneShot(tool: OneShot): Promise<void> {
  await remove(tool.name);
  // The mount takes the owner of the image's directory unless told otherwise.
  const [uid, gid] = (tool.user ?? '0:0').split(':');
  const scratch = `uid=${uid ?? 0},gid=${gid ?? 0},mode=700`;
  const binds = Object.entries(tool.mounts).map(([volume, at]) => (at.endsWith(':rw') ? `${volume}:${at.slice(0, -3)}` : `${volume}:${at}:ro`));
  await call('POST', `/containers/create?name=${name(tool.name)}`, {
    Image: tool.image, ...(tool.entrypoint === undefined ? {} : { Entrypoint: tool.entrypoint }), Cmd: tool.command,
    ...(tool.user === undefined ? {} : { User: tool.user }), Env: tool.env ?? [], Labels: tool.labels, Healthcheck: { Test: ['NONE'] },
    HostConfig: { Binds: binds, NetworkMode: tool.network ?? 'none', CapDrop: ['ALL'], CapAdd: tool.capabilities ?? [], SecurityOpt: ['no-new-privileges'],
      Tmpfs: Object.fromEntries((tool.tmpfs ?? ['/tmp']).map((at) => [at, scratch])), LogConfig: { Type: 'json-file', Config: { 'max-size': '10m' } } },
  });
}

/** Starts a created tool, waits for its end and reads what it said; the container stays. */
export async function runOneShot(container: string, timeout: number): Promise<OneShotResult> {
  await start(container);
  const waited = JSON.parse((await call('POST', `/containers/${name(container)}/wait`, undefined, timeout)).toString()) as { StatusCode: number };
  return { exitCode: waited.StatusCode, ...(await logs(container)) };
}

/** Creates, runs and removes a tool. */
export async function oneShot(tool: OneShot, timeout = 600_000): Promise<OneShotResult> {
  await createOneShot(tool);
  try {
    return await runOneShot(tool.name, timeout);
  } finally {
    await remove(tool.name);
  }
}

export async function remove(container: string): Promise<void> {
  try {
    await call('DELETE', `/containers/${name(container)}?force=1&v=1`);
  } catch (error) {
    if (!(error instanceof DockerError && error.status === 404)) throw error;
  }
}

/** Both streams of a container's log. Frames: 1 byte stream, 3 zero, 4 length (Engine API, "Attach to a container"). */
export async function logs(container: string, tail: number | 'all' = 'all'): Promise<{ stdout: string; stderr: string }> {
  const raw = await call('GET', `/containers/${name(container)}/logs?stdout=1&stderr=1&tail=${tail}`);
  const streams: Record<number, Buffer[]> = { 1: [], 2: [] };
  for (let at = 0; at + 8 <= raw.length; ) {
    const length = raw.readUInt32BE(at + 4);
    streams[raw[at] ?? 1]?.push(raw.subarray(at + 8, at + 8 + length));
    at += 8 + length;
  }
  return { stdout: Buffer.concat(streams[1] ?? []).toString(), stderr: Buffer.concat(streams[2] ?? []).toString() };
}

/** Names of containers with all of these labels, stopped ones too. */
export async function list(labels: readonly string[]): Promise<{ name: string; state: string }[]> {
  const filters = encodeURIComponent(JSON.stringify({ label: labels }));
  const raw = JSON.parse((await call('GET', `/containers/json?all=1&filters=${filters}`)).toString()) as { Names: string[]; State: string }[];
  return raw.map((entry) => ({ name: (entry.Names[0] ?? '').replace(/^\//, ''), state: entry.State }));
}
