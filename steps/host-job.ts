/**
 * Starts a job on the Docker host and follows it: the work lives in a container there, so that a killed shell, a closed
 * laptop or a lost link leaves nothing half done. Reads JobInput from stdin, prints the result's JSON on stdout and progress on stderr.
 * Exit code 0 = done, 1 = the job said no (its message is the last line on stderr).
 */
import { execFile, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { hostname, tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import { namesOf, paths } from '../model/names.ts';
import type { JobInput, JobName, JobResult } from './contract.ts';

const run = promisify(execFile);

/** Everything but reading and owning files is dropped, also from root. */
const capabilities = ['DAC_READ_SEARCH', 'DAC_OVERRIDE', 'CHOWN', 'FOWNER'];

/** The docker command; the host comes from DOCKER_HOST. @throws Error with docker's own words. */
async function docker(args: readonly string[]): Promise<string> {
  try {
    return (await run('docker', [...args], { maxBuffer: 64 * 1024 * 1024 })).stdout.trim();
  } catch (error) {
    const { stderr } = error as { stderr?: string };
    throw new Error(`docker ${args[0] ?? ''} failed: ${(stderr ?? String(error)).trim()}`);
  }
}

/** One file that needs nothing but Node. */
async function bundle(): Promise<string> {
  const result = await build({ entryPoints: [fileURLToPath(new URL('./runner.ts', import.meta.url))], bundle: true, platform: 'node', target: 'node22', format: 'esm',
    write: false, minify: false, legalComments: 'none', external: ['pg-native'], logLevel: 'silent',
    banner: { js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);" } });
  return result.outputFiles[0]?.text ?? '';
}

async function stateOf(container: string): Promise<'absent' | 'running' | 'ended'> {
  const found = await docker(['ps', '-a', '--no-trunc', '--filter', `name=^/?${container}$`, '--format', '{{.State}}']);
  if (found === '') return 'absent';
  return found === 'exited' || found === 'dead' || found === 'created' ? 'ended' : 'running';
}

/** The RESULT line of a job that ended; null when it never came so far. */
async function resultOf(container: string): Promise<JobResult | null> {
  const last = (await docker(['logs', '--tail', '50', container])).split('\n').reverse().find((line) => line.startsWith('RESULT '));
  return last === undefined ? null : (JSON.parse(last.slice('RESULT '.length)) as JobResult);
}

/** A mirror job reads the backups of the stack that it mirrors. */
function mirrored(input: JobInput): string[] {
  if (input.job !== 'mirror') return [];
  const { volume } = input.options['mirror'] as { readonly volume: string };
  return ['-v', `${volume}:/mirrored:ro`];
}

async function create(container: string, input: JobInput): Promise<void> {
  const { facts } = input;
  const secretFiles = facts.files['runner-secrets'];
  if (secretFiles === undefined) throw new Error('The job has no secret volume (files["runner-secrets"]); the components must make one.');
  const directory = await mkdtemp(join(tmpdir(), 'matrix-stack-job-'));
  try {
    await writeFile(join(directory, 'runner.mjs'), await bundle());
    await writeFile(join(directory, 'input.json'), JSON.stringify(input));
    await writeFile(join(directory, 'holder'), `${userInfo().username}@${hostname()}\n`);
    await docker(['create', '--name', container, '--label', `matrix-stack=${facts.stack}`, '--label', 'matrix-stack.role=job', '--label', `matrix-stack.job=${input.job}`,
      '--network', facts.networks.data, '--user', '0:0', '--cap-drop', 'ALL', ...capabilities.flatMap((cap) => ['--cap-add', cap]), '--security-opt', 'no-new-privileges',
      '--restart', 'unless-stopped', '--read-only', '--tmpfs', '/tmp', '--memory', '512m', '--memory-swap', '512m', '--log-opt', 'max-size=10m',
      '-v', paths.job, '-v', `${secretFiles}:${paths.secrets}:ro`, '-v', `${facts.volumes.markers}:${paths.markers}`,
      '-v', `${facts.volumes.backups}:${paths.backups}`, '-v', `${facts.volumes.synapseData}:${paths.synapseData}`, '-v', `${paths.dockerSocket}:${paths.dockerSocket}`,
      ...mirrored(input), '--entrypoint', 'node', facts.images.runner, `${paths.job}/runner.mjs`]);
    await docker(['cp', `${directory}/.`, `${container}:${paths.job}`]);
    await docker(['network', 'connect', facts.networks.apps, container]);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/**
 * Prints the job's lines until it ends. A daemon that goes away is waited for: the job is started again with it.
 * @param from `0` for all it says, or the time since when: a job that was started again may have given a result in its life before.
 * @returns the result that came by; null when the job ended without one.
 */
async function follow(container: string, from: string): Promise<JobResult | null> {
  let since = from;
  const lostAt = { first: 0 };
  for (;;) {
    const child = spawn('docker', ['logs', '--follow', '--timestamps', '--since', since, container], { stdio: ['ignore', 'pipe', 'pipe'] });
    for await (const line of createInterface({ input: child.stdout })) {
      const space = line.indexOf(' ');
      const stamp = line.slice(0, space);
      if (stamp <= since && since !== '0') continue;
      since = stamp;
      const text = line.slice(space + 1);
      if (!text.startsWith('RESULT ')) {
        process.stderr.write(`${text}\n`);
        continue;
      }
      // Nothing of it is to be waited for after this line.
      child.kill();
      return JSON.parse(text.slice('RESULT '.length)) as JobResult;
    }
    try {
      if ((await stateOf(container)) !== 'running') return null;
      lostAt.first = 0;
    } catch (error) {
      lostAt.first ||= performance.now();
      if (performance.now() - lostAt.first > 120_000) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

/** Removes a job that has said what it had to say; somebody else who followed it may have been faster. */
async function discard(container: string): Promise<void> {
  await docker(['rm', '-f', '-v', container]).catch((error: unknown) => {
    if (!/no such container|already in progress/i.test(String(error))) throw error;
  });
}

/** Milliseconds after which nobody reads the result of an ended job any more. */
const stale = 60_000;

/** Removes jobs whose follower died before they ended. */
async function discardStale(stack: string): Promise<void> {
  const ended = await docker(['ps', '-aq', '--filter', `label=matrix-stack=${stack}`, '--filter', 'label=matrix-stack.role=job', '--filter', 'status=exited']);
  if (ended === '') return;
  const found = (await docker(['inspect', '--format', '{{.State.FinishedAt}} {{.Name}}', ...ended.split('\n')])).split('\n');
  for (const line of found) {
    const [at = '', name = ''] = line.split(' ');
    if (Date.now() - Date.parse(at) > stale) await discard(name.replace(/^\//, ''));
  }
}

/** Jobs whose result is what they found at that moment: they look again. */
const lookAgain: readonly JobName[] = ['prepare', 'preflight', 'start', 'probe', 'record'];

/** Attaches to a running job, reads one that ended well for these inputs, and runs it otherwise. */
async function perform(input: JobInput): Promise<JobResult> {
  const digest = createHash('sha256').update(JSON.stringify(input)).digest('hex');
  const container = namesOf(input.facts.stack).job(input.job, digest, input.attempt);
  const before = await stateOf(container);
  if (before === 'ended') {
    const result = await resultOf(container);
    await discard(container);
    if (result?.ok === true && !lookAgain.includes(input.job)) return result;
  }
  if (input.job === 'prepare') await discardStale(input.facts.stack);
  if (before !== 'running') {
    await create(container, input);
    await docker(['start', container]);
  }
  const result = await follow(container, before === 'running' ? await docker(['inspect', '--format', '{{.State.StartedAt}}', container]) : '0');
  // Whoever had followed it before took the result away: it is asked for again, and finds its work done.
  if (result === null && before === 'running' && (await stateOf(container)) === 'absent') return perform(input);
  if (result === null) throw new Error(`The job ${input.job} ended without a result, as one does that is stopped from outside; expected it to come to its end. Run pulumi up again, which goes on from what it left. Its log: docker logs ${container}`);
  await discard(container);
  return result;
}

async function readStdin(): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of process.stdin) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

try {
  const result = await perform(JSON.parse(await readStdin()) as JobInput);
  if (!result.ok) {
    process.stderr.write(`${result.message}\n`);
    process.exitCode = 1;
  } else {
    process.stderr.write(`${result.summary}\n`);
    process.stdout.write(`${JSON.stringify({ summary: result.summary, ...result.detail })}\n`);
  }
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
