import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { Socket } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundle } from '../bundle.ts';
import { temporaryFolder } from './configuration.ts';

/** What a finished command left behind. */
export interface Outcome { readonly code: number; readonly stdout: string; readonly stderr: string }

/** A server that runs until it is stopped. */
export interface Running {
  readonly child: ChildProcess;
  /** All it has logged so far. */
  log(): string;
  /** Sends SIGTERM and resolves to the exit code. */
  stop(): Promise<number>;
}

/** Something that can be called like mas-cli. */
export interface Program {
  readonly name: string;
  readonly isReal: boolean;
  /** Folder with policy.wasm, templates, translations, manifest.json. */
  readonly share: string;
  run(args: readonly string[], options?: { readonly cwd?: string; readonly env?: NodeJS.ProcessEnv }): Promise<Outcome>;
  start(args: readonly string[], options?: { readonly env?: NodeJS.ProcessEnv }): Running;
}

/** Milliseconds after which a command that should have ended is killed, which its exit code then shows. */
const COMMAND_LIMIT = 60_000;

function program(name: string, isReal: boolean, share: string, command: string, prefix: readonly string[]): Program {
  const environment = (extra: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv => {
    const { MAS_CLI: _layout, MAS_CONFIG: _config, ...rest } = process.env;
    return { ...rest, ...extra };
  };
  const launch = (args: readonly string[], cwd: string | undefined, env: NodeJS.ProcessEnv | undefined): { child: ChildProcess; output: { stdout: string; stderr: string }; exit: Promise<number> } => {
    const child = spawn(command, [...prefix, ...args], { cwd, env: environment(env), stdio: ['ignore', 'pipe', 'pipe'] });
    const orphan = (): void => { child.kill('SIGKILL'); };
    process.once('exit', orphan);
    child.once('close', () => { process.removeListener('exit', orphan); });
    const output = { stdout: '', stderr: '' };
    child.stdout.on('data', (chunk: Buffer) => { output.stdout += chunk.toString(); });
    child.stderr.on('data', (chunk: Buffer) => { output.stderr += chunk.toString(); });
    // A process that a signal ended counts as 128 + its number, as a shell says it; only SIGKILL is used here.
    const exit = new Promise<number>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (code) => { resolve(code ?? 137); });
    });
    return { child, output, exit };
  };
  return {
    name, isReal, share,
    async run(args, options = {}) {
      const { child, output, exit } = launch(args, options.cwd, options.env);
      const overdue = setTimeout(() => child.kill('SIGKILL'), COMMAND_LIMIT);
      const code = await exit;
      clearTimeout(overdue);
      return { code, ...output };
    },
    start(args, options = {}) {
      const { child, output, exit } = launch(args, undefined, options.env);
      // A test that fails before it stops its server must not keep the whole file waiting.
      child.unref();
      for (const stream of [child.stdout, child.stderr]) if (stream instanceof Socket) stream.unref();
      return {
        child, log: () => output.stderr,
        async stop() {
          child.ref();
          child.kill('SIGTERM');
          return exit;
        },
      };
    },
  };
}

/** The stand-in always, bundled as its image has it; the real mas-cli too when MAS_CLI names a folder laid out as the official image (bin/mas-cli, share/...). */
export async function programs(): Promise<Program[]> {
  const bundled = join(temporaryFolder(), 'mas-cli.mjs');
  await bundle(bundled);
  const standin = program('stand-in', false, fileURLToPath(new URL('../share', import.meta.url)), process.execPath, [bundled]);
  const layout = process.env['MAS_CLI'];
  if (layout === undefined || layout === '') return [standin];
  const binary = join(layout, 'bin/mas-cli');
  if (!existsSync(binary)) throw new Error(`MAS_CLI is ${layout}, but ${binary} does not exist. Give the folder that holds bin/mas-cli and share/, or unset MAS_CLI.`);
  return [standin, program('mas-cli', true, join(layout, 'share'), binary, [])];
}

/** Lines of stderr that are not log lines: what a command says to people. Log lines start with a timestamp. */
export function spoken(stderr: string): string {
  return stderr.split('\n').filter((line) => !/^\d{4}-\d\d-\d\dT/.test(line)).join('\n').trim();
}

/** The first line that tells an error, as a person would look for it. */
export function errorLine(outcome: Outcome): string {
  return outcome.stderr.split('\n').find((line) => line.startsWith('Error: ')) ?? '';
}
