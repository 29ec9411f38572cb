/** What the tests of bad days share: killing at a line, running `up` in a process group of its own, and the states that must be reached. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { LedgerReading } from '../../../model/moves.ts';
import type { JobName } from '../../../steps/contract.ts';
import { until } from '../../../steps/until.ts';
import { ledgerOf } from '../../../operator/loaded-stack.ts';
import { root } from '../../../operator/project.ts';
import { observe } from './observer.ts';
import type { Observation } from './observer.ts';
import type { Ran, TestStack } from './stack.ts';

/** One row of docs/faults.md. */
export interface Fault {
  readonly fault: string;
  /** When it strikes. */
  readonly where: string;
  /** What the operator reads. */
  readonly message: RegExp;
  /** What is so afterwards, without anybody doing anything. */
  readonly endState: string;
}

/** Milliseconds for a line, a state or an end to come, on a machine with other work. */
const patience = 180_000;

/** Runs docker and gives its stdout; null when it refuses. */
async function docker(stack: TestStack, ...args: string[]): Promise<string | null> {
  return stack.docker(...args).catch(() => null);
}

/** Containers of a job, newest first. */
async function containersOf(stack: TestStack, job: JobName): Promise<string[]> {
  const found = await stack.docker('ps', '-aq', '--no-trunc', '--filter', `label=matrix-stack=${stack.name}`, '--filter', `label=matrix-stack.job=${job}`);
  return found.split('\n').filter((id) => id !== '');
}

export interface Watched {
  readonly container: string;
  /** Of the runner, in the host's numbers. */
  readonly pid: number;
}

/**
 * Waits for a job to start that was not there before, and for a line of it.
 * @returns the job, the moment the line was written.
 */
export async function lineOf(stack: TestStack, job: JobName, line: RegExp, known: readonly string[] = []): Promise<Watched> {
  let container: string | undefined;
  let pid = 0;
  const started = await until(patience, 50, async () => {
    container = (await containersOf(stack, job)).find((id) => !known.includes(id));
    if (container === undefined) return false;
    pid = Number(await docker(stack, 'inspect', '-f', '{{.State.Pid}}', container) ?? 0);
    return pid > 0;
  });
  assert.ok(started && container !== undefined, `the job ${job} was started`);
  const logs = spawn('docker', ['logs', '--follow', container], { stdio: ['ignore', 'pipe', 'ignore'] });
  const deadline = setTimeout(() => logs.kill(), patience);
  try {
    const seen: string[] = [];
    for await (const text of createInterface({ input: logs.stdout })) {
      if (line.test(text)) return { container, pid };
      seen.push(text);
    }
    assert.fail(`the job ${job} never said ${line}, but: ${seen.join(' / ')}`);
  } finally {
    clearTimeout(deadline);
    logs.kill();
  }
}

/** Jobs of this kind that are there now; their lines are not those of the next. */
export const jobsNow = (stack: TestStack, job: JobName): Promise<string[]> => containersOf(stack, job);

/** SIGKILL from the host, as the kernel does it: for `docker kill` the daemon would take it for the operator's wish. */
export async function killRunner(stack: TestStack, { pid }: Watched): Promise<void> {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') throw error;
    const image = (await stack.load()).facts.images.runner;
    await stack.docker('run', '--rm', '--privileged', '--pid', 'host', '--network', 'none', '--entrypoint', 'kill', image, '-9', String(pid));
  }
}

export interface Running {
  readonly pid: number;
  readonly ended: Promise<Ran>;
  /** To the whole process group, as a terminal or the kernel does. */
  signal(signal: 'SIGINT' | 'SIGKILL'): void;
}

/** `matrix-stack up` in a process group of its own. @param environment over the stack's own. */
export function startUp(stack: TestStack, environment: NodeJS.ProcessEnv = {}): Running {
  const begin = performance.now();
  const child = spawn('node', ['operator/main.ts', 'up', stack.name, '--yes', '--skip-preview'], { cwd: root, env: { ...stack.environment, ...environment }, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
  const chunks: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => chunks.push(chunk));
  // Orphans of a killed group may hold the pipes open: the end is that of the command.
  const ended = new Promise<Ran>((resolve) => child.on('exit', (code) => setTimeout(() => resolve({ code: code ?? 137, output: Buffer.concat(chunks).toString(), milliseconds: Math.round(performance.now() - begin) }), 50)));
  const { pid } = child;
  assert.ok(pid !== undefined);
  return { pid, ended, signal: (signal) => void process.kill(-pid, signal) };
}

/** Does `work` under the eyes of a client that asks every 50 ms with an old token. */
export async function watched<T>(stack: TestStack, token: string, work: () => Promise<T>): Promise<{ readonly result: T; readonly seen: Observation }> {
  const stop = await observe(stack, '/_matrix/client/v3/account/whoami', token);
  try {
    const result = await work();
    return { result, seen: await stop() };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Nothing but served and closed answers: never a 401, which clients take for a sign-out. */
export function assertNobodySignedOut(seen: Observation): void {
  assert.deepEqual(seen.strange, []);
}

export async function ledger(stack: TestStack): Promise<LedgerReading> {
  return ledgerOf(await stack.load());
}

/** Rows of the ledger about moves, as `epoch.attempt result`. */
export async function rows(stack: TestStack): Promise<string[]> {
  return (await stack.sql('synapse', "SELECT epoch || '.' || attempt || ' ' || result FROM matrix_stack.ledger WHERE result IN ('started', 'opened', 'returned', 'undone', 'finished') ORDER BY id")).split('\n').filter((row) => row !== '');
}

const roleSets = { legacy: 'ledger,synapse_legacy', delegated: 'ledger,mas,synapse_delegated' } as const;

async function running(stack: TestStack, role: 'synapse-legacy' | 'synapse-delegated' | 'mas'): Promise<boolean> {
  return await docker(stack, 'inspect', '-f', '{{.State.Running}}', stack.names.container(role)) === 'true';
}

/** The side is live in every respect: ledger, roles, containers, and an old token answers 200 without the probe key. */
export async function assertLive(stack: TestStack, side: 'legacy' | 'delegated', token: string): Promise<void> {
  const client = await stack.client();
  try {
    let last = '';
    const served = await until(patience, 100, async () => {
      last = await client.fetch(stack.url('/_matrix/client/v3/account/whoami'), { public: true, headers: { authorization: `Bearer ${token}` }, timeout: 10_000 })
        .then((answer) => `${answer.status} ${answer.text.slice(0, 200)}`, String);
      return last.startsWith('200');
    });
    assert.ok(served, `an old token answers 200, not ${last}`);
  } finally {
    await client.close();
  }
  // The move is open before it is written to have ended.
  const settled = await until(patience, 200, async () => {
    const { unfinished } = await ledger(stack);
    return unfinished === null || unfinished.decision === 'opened';
  });
  assert.ok(settled, 'no move is undecided');
  assert.equal((await ledger(stack)).phase, side);
  assert.equal(await stack.sql('postgres', "SELECT string_agg(rolname, ',' ORDER BY rolname) FROM pg_roles WHERE rolcanlogin AND rolname <> 'postgres' AND rolname NOT LIKE 'foreign%'"), roleSets[side]);
  assert.deepEqual({ legacy: await running(stack, 'synapse-legacy'), delegated: await running(stack, 'synapse-delegated'), mas: await running(stack, 'mas') },
    side === 'legacy' ? { legacy: true, delegated: false, mas: false } : { legacy: false, delegated: true, mas: true });
}

/**
 * Nobody can write into the ledger until it is released, and whoever waited to write when their runner died writes nothing.
 * @returns how to release.
 */
export async function heldLedger(stack: TestStack): Promise<() => Promise<void>> {
  const session = spawn('docker', ['exec', '-i', stack.names.container('postgres'), 'psql', '-X', '-q', '-U', 'postgres', '-d', 'synapse'], { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface({ input: session.stdout })[Symbol.asyncIterator]();
  session.stdin.write("BEGIN; LOCK TABLE matrix_stack.ledger IN SHARE MODE; SELECT 'held';\n");
  for (let line = await lines.next(); line.done !== true && !line.value.includes('held'); line = await lines.next());
  return async () => {
    await stack.sql('synapse', "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'switch by%' AND wait_event_type = 'Lock'");
    session.stdin.end('ROLLBACK;\n');
    await new Promise((resolve) => session.on('close', resolve));
  };
}
