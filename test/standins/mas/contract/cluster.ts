import { execFile, execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync, statfsSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';

const run = promisify(execFile);

/** A PostgreSQL of this test file alone, on a free port of the loopback address. */
export interface Cluster {
  readonly port: number;
  /** Makes an empty database and returns its connection URI (role `postgres`, no password). */
  createDatabase(name: string): Promise<string>;
  /** Connection URI of a database under another role. */
  uri(database: string, role?: string): string;
  /** Runs statements on a database and returns the rows of the last one. */
  query<Row extends pg.QueryResultRow>(database: string, sql: string, values?: unknown[]): Promise<Row[]>;
  stop(): Promise<void>;
}

function binaries(): string {
  const debian = existsSync('/usr/lib/postgresql') ? readdirSync('/usr/lib/postgresql').sort((a, b) => Number(b) - Number(a)).map((major) => `/usr/lib/postgresql/${major}/bin`) : [];
  const found = [...debian, ...(process.env['PATH'] ?? '').split(delimiter)].find((folder) => existsSync(join(folder, 'initdb')));
  if (found === undefined) throw new Error('No PostgreSQL was found: initdb is neither under /usr/lib/postgresql nor on PATH. Type: apt-get install postgresql');
  return found;
}

/** PostgreSQL refuses to run as root; then its own account runs it. */
function asOwner(program: string, args: readonly string[]): [string, string[]] {
  return process.getuid?.() === 0 ? ['setpriv', ['--reuid=postgres', '--regid=postgres', '--clear-groups', program, ...args]] : [program, [...args]];
}

/** A port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const probe = createServer();
  return new Promise((resolve, reject) => {
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address();
      probe.close(() => { resolve(typeof address === 'object' && address !== null ? address.port : 0); });
    });
  });
}

/** Memory when a gigabyte of it may be used as files, else the folder for temporary files. */
function roomiest(): string {
  const memory = '/dev/shm';
  if (!existsSync(memory)) return tmpdir();
  const { bavail, bsize } = statfsSync(memory);
  return bavail * bsize > 1024 ** 3 ? memory : tmpdir();
}

/** Starts a cluster in a folder of its own; `stop` removes both. */
export async function startCluster(): Promise<Cluster> {
  const bin = binaries();
  const folder = mkdtempSync(join(roomiest(), 'mas-contract-'));
  if (process.getuid?.() === 0) {
    const id = (flag: string): number => Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }));
    chownSync(folder, id('-u'), id('-g'));
  }
  const data = join(folder, 'data');
  await run(...asOwner(join(bin, 'initdb'), ['-D', data, '-A', 'trust', '-U', 'postgres', '--locale=C', '-E', 'UTF8', '--no-sync']), { cwd: folder });
  const port = await freePort();
  const settings = { port: String(port), listen_addresses: '127.0.0.1', unix_socket_directories: folder, fsync: 'off', full_page_writes: 'off', synchronous_commit: 'off', max_connections: '200' };
  const [program, args] = asOwner(join(bin, 'postgres'), ['-D', data, ...Object.entries(settings).flatMap(([key, value]) => ['-c', `${key}=${value}`])]);
  const server: ChildProcess = spawn(program, args, { stdio: 'ignore', cwd: folder });
  const ended = new Promise<void>((resolve) => { server.once('exit', () => { resolve(); }); });
  server.unref();
  // A test file that dies on the way leaves no database behind.
  const cleanUp = (): void => {
    server.kill('SIGQUIT');
    rmSync(folder, { recursive: true, force: true });
  };
  process.once('exit', cleanUp);
  const uri = (database: string, role = 'postgres'): string => `postgresql://${role}@127.0.0.1:${String(port)}/${database}`;
  const query = async <Row extends pg.QueryResultRow>(database: string, sql: string, values: unknown[] = []): Promise<Row[]> => {
    const client = new pg.Client({ connectionString: uri(database) });
    await client.connect();
    try {
      // Several statements in one text give a list of results, which the types do not know.
      const result = await client.query<Row>(sql, values.length === 0 ? undefined : values) as pg.QueryResult<Row> | readonly pg.QueryResult<Row>[];
      return 'rows' in result ? result.rows : result.at(-1)?.rows ?? [];
    } finally {
      await client.end();
    }
  };
  for (const deadline = Date.now() + 60_000; ;) {
    try {
      await query('postgres', 'select 1');
      break;
    } catch (error) {
      if (Date.now() > deadline) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
  return {
    port, uri, query,
    async createDatabase(name) {
      await query('postgres', `create database ${name}`);
      return uri(name);
    },
    async stop() {
      server.ref();
      server.kill('SIGINT');
      await ended;
      process.removeListener('exit', cleanUp);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Stops each of these, the ones that never started left out, and tells the first failure: a suite whose start failed must still end. */
export async function stopAll(...things: readonly ({ stop(): Promise<unknown> } | undefined)[]): Promise<void> {
  const failures: unknown[] = [];
  for (const thing of things) {
    try {
      await thing?.stop();
    } catch (error) {
      failures.push(error);
    }
  }
  if (failures.length > 0) throw failures[0];
}
