/** Runs the Pulumi command: plain, or with this program attached to its engine. */
import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';
import { Server, ServerCredentials } from '@grpc/grpc-js';
import type { ServiceDefinition, UntypedHandleCall } from '@grpc/grpc-js';
import { engineLocks } from './engine-lock.ts';
import { exitCodes, VerbError } from './exit-codes.ts';
import { pulumiEnvironment, root } from './project.ts';

export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

interface Call {
  /** `quiet` collects both streams; `shown` gives them the operator's terminal. @default 'quiet' */
  readonly output?: 'quiet' | 'shown';
  /** With `quiet`: each line of stdout as it comes. */
  readonly onLine?: (line: string) => void;
  /** Never a secret in `args`: it goes here. */
  readonly stdin?: string;
  readonly environment?: NodeJS.ProcessEnv;
}

/** Operations that change the stack, one at a time. */
const locking: readonly string[] = ['up', 'refresh', 'destroy'];

/** Runs `pulumi ARGS` in the project. @returns its exit code and, unless shown, its output. @throws VerbError when somebody else has the stack. */
export async function pulumi(args: readonly string[], call: Call = {}): Promise<Ran> {
  const stack = args[args.indexOf('--stack') + 1];
  if (locking.includes(args[0] ?? '') && args.includes('--stack') && stack !== undefined) await takeOverDeadLocks(stack);
  const shown = call.output === 'shown';
  const child = spawn('pulumi', [...args], { cwd: root, env: { ...pulumiEnvironment(), ...call.environment },
    stdio: [call.stdin === undefined ? (shown ? 'inherit' : 'ignore') : 'pipe', shown ? 'inherit' : 'pipe', shown ? 'inherit' : 'pipe'] });
  // The engine stops gracefully on the first Ctrl-C; leaving before it would take its program away.
  const wait = (): void => {
    if (shown && stack !== undefined && args[0] === 'up') console.error(`Interrupted. A job that runs on the Docker host goes on without you; type matrix-stack up ${stack} to follow it.`);
  };
  process.on('SIGINT', wait);
  const out: Buffer[] = [];
  const err: Buffer[] = [];
  child.stdout?.on('data', (chunk: Buffer) => out.push(chunk));
  if (call.onLine !== undefined && child.stdout !== null) createInterface({ input: child.stdout }).on('line', call.onLine);
  child.stderr?.on('data', (chunk: Buffer) => err.push(chunk));
  child.stdin?.on('error', () => undefined);
  child.stdin?.end(call.stdin);
  try {
    const code = await new Promise<number>((resolve, reject) => {
      child.on('error', (error) => reject(new VerbError(exitCodes.failed, `pulumi could not be run (${error.message}); expected it on PATH. Type npm start, which brings one.`)));
      child.on('close', (status) => resolve(status ?? exitCodes.failed));
    });
    return { code, stdout: Buffer.concat(out).toString(), stderr: Buffer.concat(err).toString() };
  } finally {
    process.off('SIGINT', wait);
  }
}

/** Runs `pulumi ARGS` and expects it to go well. @throws VerbError with pulumi's own words. */
export async function pulumiOk(args: readonly string[], call: Call = {}): Promise<string> {
  const ran = await pulumi(args, call);
  if (ran.code !== 0) throw new VerbError(exitCodes.failed, `pulumi ${args.slice(0, 2).join(' ')} failed: ${ran.stderr.trim() || ran.stdout.trim()}`);
  return ran.stdout;
}

/** Removes locks whose process is gone, and refuses beside one that runs. @throws VerbError naming whoever has the lock. */
async function takeOverDeadLocks(stack: string): Promise<void> {
  const locks = await engineLocks(pulumiEnvironment()['PULUMI_BACKEND_URL'], 'matrix', stack);
  if (locks.length === 0) return;
  const held = locks.find((lock) => lock.holder !== 'gone');
  if (held !== undefined) {
    throw new VerbError(exitCodes.refused, `Stack ${stack} is being changed by ${held.username}@${held.hostname} (process ${held.pid}, since ${held.timestamp}); expected nobody else. Wait until that has ended.${
      held.holder === 'elsewhere' ? ` If that process is gone, type pulumi cancel --stack ${stack}` : ''}`);
  }
  await pulumiOk(['cancel', '--yes', '--stack', stack]);
  for (const lock of locks) console.error(`Process ${lock.pid} of ${lock.username}, which began to change stack ${stack} at ${lock.timestamp}, is gone; its lock was removed.`);
}

/** The parts of the SDK that serve an inline program; they carry no types (@pulumi/pulumi 3.259, automation/server.js). */
interface LanguageServer {
  readonly run: (call: unknown, answer: Answer) => unknown;
  readonly getRequiredPlugins: UntypedHandleCall;
  readonly getPluginInfo: UntypedHandleCall;
  onPulumiExit(failed: boolean): void;
}
interface RunResponse {
  setBail(bail: boolean): void;
}
type Answer = (error: Error | null | undefined, response?: RunResponse) => void;
const require = createRequire(import.meta.url);

export interface RanAttached extends Ran {
  /** What the program ended with; undefined when it went well. */
  readonly failure: unknown;
}

/**
 * Runs `pulumi ARGS` with this program served to its engine: the whole CLI, without a language host.
 * @param args an operation that takes `--client`: preview or up.
 * @param given another program in place of this project's own.
 */
export async function pulumiAttached(args: readonly string[], call: Call = {}, given?: () => Promise<unknown>): Promise<RanAttached> {
  const { LanguageServer } = require('@pulumi/pulumi/automation/server.js') as { LanguageServer: new (program: () => Promise<unknown>) => LanguageServer };
  const { RunResponse } = require('@pulumi/pulumi/proto/language_pb.js') as { RunResponse: new () => RunResponse };
  const { LanguageRuntimeService } = require('@pulumi/pulumi/proto/language_grpc_pb.js') as { LanguageRuntimeService: ServiceDefinition };
  const program = given ?? (await import('../index.ts')).default;
  let failure: unknown;
  const language = new LanguageServer(() => program().catch((error: unknown) => {
    failure = error;
    throw error;
  }));
  const run = (request: unknown, answer: Answer): void => {
    let answered = false;
    language.run(request, (error, response) => {
      // After a failure the SDK answers twice.
      if (answered) return;
      answered = true;
      if (error === null || error === undefined) return answer(null, response);
      // It has logged the failure already; without this the engine prints it again.
      const told = new RunResponse();
      told.setBail(true);
      answer(null, told);
    });
  };
  const server = new Server({ 'grpc.max_receive_message_length': 400 * 1024 * 1024 });
  server.addService(LanguageRuntimeService, { run: run as UntypedHandleCall, getRequiredPlugins: language.getRequiredPlugins, getPluginInfo: language.getPluginInfo });
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) => (error === null ? resolve(bound) : reject(error)));
  });
  try {
    const ran = await pulumi([...args, `--client=127.0.0.1:${port}`, '--exec-kind=auto.inline'], call);
    language.onPulumiExit(ran.code !== 0);
    return { ...ran, failure };
  } finally {
    server.forceShutdown();
  }
}
