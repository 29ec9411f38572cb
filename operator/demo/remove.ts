/** Removes what a throw-away stack may have left on the Docker host. */
import { execFile } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { promisify } from 'node:util';
import { namesOf } from '../../model/names.ts';
import { exitCodes, VerbError } from '../exit-codes.ts';
import { stackFile } from '../stack-file.ts';
import { peopleFile } from './people-store.ts';

const run = promisify(execFile);

async function docker(host: string, args: readonly string[]): Promise<readonly string[]> {
  try {
    return (await run('docker', ['--host', host, ...args])).stdout.split('\n').filter((line) => line !== '');
  } catch (error) {
    const { stderr = '' } = error as { stderr?: string };
    throw new VerbError(exitCodes.failed, `docker ${args.slice(0, 2).join(' ')} failed: ${stderr.trim() || String(error)}`);
  }
}

/** Jobs and tools that hold networks or volumes which the engine is about to remove. */
export async function removeHelpers(stack: string, host: string): Promise<void> {
  const found = await Promise.all(['job', 'tool', 'fill'].map((role) => docker(host, ['ps', '--all', '--quiet', '--filter', `label=matrix-stack=${stack}`, '--filter', `label=matrix-stack.role=${role}`])));
  if (found.flat().length > 0) await docker(host, ['rm', '--force', '--volumes', ...found.flat()]);
}

/** Whatever still carries the stack's label or prefix, as after a lost state. @returns how many containers, networks and volumes went. */
export async function removeLeftovers(stack: string, host: string): Promise<number> {
  const label = `label=matrix-stack=${stack}`;
  const prefix = `${namesOf(stack).prefix}-`;
  const containers = await docker(host, ['ps', '--all', '--quiet', '--filter', label]);
  if (containers.length > 0) await docker(host, ['rm', '--force', '--volumes', ...containers]);
  const volumes = await docker(host, ['volume', 'ls', '--quiet', '--filter', label]);
  // A job's own volume carries no label, only its name. The filter looks anywhere in a name.
  const named = (await docker(host, ['volume', 'ls', '--quiet', '--filter', `name=${prefix}`])).filter((name) => name.startsWith(`${prefix}job-`));
  const allVolumes = [...new Set([...volumes, ...named])];
  if (allVolumes.length > 0) await docker(host, ['volume', 'rm', '--force', ...allVolumes]);
  const networks = await docker(host, ['network', 'ls', '--quiet', '--filter', label]);
  if (networks.length > 0) await docker(host, ['network', 'rm', ...networks]);
  return containers.length + allVolumes.length + networks.length;
}

/** Settings, sample people and authority of a throw-away stack. */
export async function removeFiles(stack: string): Promise<void> {
  await rm(stackFile(stack), { force: true });
  await rm(dirname(peopleFile(stack)), { recursive: true, force: true });
}
