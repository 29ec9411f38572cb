import assert from 'node:assert/strict';
import type pg from 'pg';
import type { Cluster } from './cluster.ts';
import { freePort } from './cluster.ts';
import { configuration, temporaryFolder, writeYaml } from './configuration.ts';
import { startFakeSynapse, type FakeSynapse } from './fake-synapse.ts';
import type { Outcome, Program, Running } from './program.ts';

/** An answer, read fully. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** The body as JSON; fails when it is none. */
  readonly json: Record<string, unknown>;
}

/** A server of the program under test, with its database and a fake Synapse. */
export interface Served {
  readonly base: string;
  readonly health: string;
  readonly database: string;
  readonly synapse: FakeSynapse;
  readonly configFile: string;
  readonly process: Running;
  call(path: string, options?: { readonly method?: string; readonly headers?: Record<string, string>; readonly json?: unknown; readonly form?: Record<string, string>; readonly body?: string }): Promise<Answer>;
  query<Row extends pg.QueryResultRow>(sql: string, values?: unknown[]): Promise<Row[]>;
  run(args: readonly string[]): Promise<Outcome>;
  stop(): Promise<void>;
}

/** Waits until `probe` gives a value, at most `seconds`. */
export async function until<T>(what: string, probe: () => Promise<T | undefined>, seconds = 45): Promise<T> {
  for (const deadline = Date.now() + seconds * 1000; ;) {
    const value = await probe();
    if (value !== undefined) return value;
    if (Date.now() > deadline) throw new Error(`waited ${String(seconds)} s for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 30));
  }
}

/** Starts the server on an empty database; `change` edits the configuration before. */
export async function serve(program: Program, cluster: Cluster, name: string, change: (config: ReturnType<typeof configuration>) => void = () => undefined): Promise<Served> {
  const [port, healthPort, synapse, uri] = await Promise.all([freePort(), freePort(), startFakeSynapse(), cluster.createDatabase(name)]);
  const data = configuration({ program, database: uri, port, healthPort, synapse: synapse.url });
  change(data);
  const configFile = writeYaml(temporaryFolder(), data);
  const process = program.start(['server', '-c', configFile]);
  const base = `http://127.0.0.1:${String(port)}`;
  const health = `http://127.0.0.1:${String(healthPort)}/health`;
  await until('health', async () => {
    if (process.child.exitCode !== null) throw new Error(`the server ended:\n${process.log()}`);
    return await fetch(health).then((response) => (response.ok ? true : undefined), () => undefined);
  });
  const served: Served = {
    base, health, database: name, synapse, configFile, process,
    async call(path, options = {}) {
      const body = options.json !== undefined ? JSON.stringify(options.json) : options.form !== undefined ? new URLSearchParams(options.form).toString() : options.body;
      const type = options.json !== undefined ? { 'content-type': 'application/json' } : options.form !== undefined ? { 'content-type': 'application/x-www-form-urlencoded' } : undefined;
      const response = await fetch(new URL(path, base), { method: options.method ?? (body === undefined ? 'GET' : 'POST'), headers: { ...type, ...options.headers }, body, redirect: 'manual' });
      const text = await response.text();
      return { status: response.status, headers: response.headers, text, get json() { return JSON.parse(text) as Record<string, unknown>; } };
    },
    query: (sql, values) => cluster.query(name, sql, values),
    run: (args) => program.run([...args, '-c', configFile]),
    async stop() {
      const code = await process.stop();
      await synapse.stop();
      assert.equal(code, 0, process.log());
    },
  };
  return served;
}

/** Registers a person with a password through the command line, as an operator would, and waits until Synapse knows them. */
export async function register(served: Served, username: string, password: string, ...more: string[]): Promise<void> {
  const outcome = await served.run(['manage', 'register-user', '--yes', '--ignore-password-complexity', '--password', password, ...more, username]);
  assert.equal(outcome.code, 0, outcome.stderr);
  await until(`${username} in Synapse`, () => Promise.resolve(served.synapse.users.has(username) ? true : undefined));
}
