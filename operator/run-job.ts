/** Runs one host job of a stack outside an update. */
import { spawn } from 'node:child_process';
import type { JobInput, JobName } from '../steps/contract.ts';
import { exitCodes, VerbError } from './exit-codes.ts';
import type { LoadedStack } from './loaded-stack.ts';
import { pulumiEnvironment, root } from './project.ts';

/** Shows the job's progress. @returns the result that it printed. @throws VerbError when the job says no; it has said why. */
export async function runJob({ model, facts }: LoadedStack, job: JobName, options: JobInput['options']): Promise<{ readonly [key: string]: unknown }> {
  // The time makes the input another one: a job that ended well for the same input would only be read again.
  const input: JobInput = { job, facts, wanted: model.phase, attempt: 0, options: { ...options, asked: new Date().toISOString() } };
  const child = spawn('node', ['steps/host-job.ts'], { cwd: root, env: { ...pulumiEnvironment(), DOCKER_HOST: model.dockerHost }, stdio: ['pipe', 'pipe', 'inherit'] });
  const out: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
  child.stdin.end(JSON.stringify(input));
  const code = await new Promise<number>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (status) => resolve(status ?? 1));
  });
  if (code !== 0) throw new VerbError(exitCodes.failed, `The job ${job} of stack ${model.stack} failed; the lines above say why.`);
  return JSON.parse(Buffer.concat(out).toString()) as { [key: string]: unknown };
}
