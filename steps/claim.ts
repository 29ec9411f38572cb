/**
 * Looks whether the Docker host holds anything of a stack that Pulumi's state does not know, and removes it when that is
 * asked for: containers and networks, never volumes. Reads ClaimInput as JSON from stdin; the host comes from DOCKER_HOST.
 */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

export interface ClaimInput {
  readonly stack: string;
  /** `matrix:recover`. */
  readonly recover: boolean;
  /** The move that is not finished, in words; null when none is. */
  readonly unfinished: string | null;
  /** The move that the settings ask for, in words; null when they ask for none. */
  readonly move: string | null;
}

interface Found {
  readonly name: string;
  readonly role: string;
  readonly running: boolean;
}

const run = promisify(execFile);

/** @throws Error with docker's own words. */
async function docker(...args: string[]): Promise<string[]> {
  try {
    return (await run('docker', args, { maxBuffer: 16 * 1024 * 1024 })).stdout.split('\n').filter((line) => line !== '');
  } catch (error) {
    const { stderr } = error as { stderr?: string };
    throw new Error(`docker ${args[0] ?? ''} failed: ${(stderr ?? String(error)).trim()}`);
  }
}

/** Seconds that PostgreSQL gets to write its checkpoint. */
const grace = 120;

async function claim({ stack, recover, unfinished, move }: ClaimInput): Promise<string> {
  const ofStack = ['--filter', `label=matrix-stack=${stack}`];
  const containers = (await docker('ps', '-a', ...ofStack, '--format', '{{.Names}}\t{{.Label "matrix-stack.role"}}\t{{.State}}')).map((line): Found => {
    const [name = '', role = '', state = ''] = line.split('\t');
    return { name, role, running: state === 'running' || state === 'restarting' };
  });
  const networks = await docker('network', 'ls', ...ofStack, '--format', '{{.Name}}');
  if (containers.length === 0 && networks.length === 0) return `The Docker host holds nothing of stack ${stack} yet.`;
  const found = `${containers.length} containers and ${networks.length} networks of stack ${stack} are on this Docker host, and this Pulumi state knows none of them`;
  if (!recover) {
    throw new Error(`${found}; expected none, or the state that made them.${unfinished === null ? '' : ` Look out: ${unfinished}.`} If they were made from another backend or checkout, use that one. If the state was lost, type pulumi config set matrix:recover true and run pulumi up: it removes and makes them again, keeps all data and makes no move.`);
  }
  const jobs = containers.filter((one) => one.role === 'job');
  if (unfinished !== null) {
    const [job] = jobs.filter((one) => one.name.includes('-job-switch-'));
    throw new Error(`${found}; ${unfinished}, and nothing is recovered beside that. ${job === undefined ? 'Its job is gone, so only the state that made it can bring it to its end: type pulumi stack import --file of a copy of that state'
      : `Its job brings it to its end: ${job.running ? 'wait for it' : `type docker start ${job.name}`}`}, then run pulumi up again.`);
  }
  if (move !== null) throw new Error(`${found}, and the settings ask for ${move}; expected no move, because recovering makes none. Set matrix:phase to what the server is in, run pulumi up, then make the move.`);
  const busy = jobs.find((one) => one.running);
  if (busy !== undefined) throw new Error(`${found}, and the job ${busy.name} is running; expected it to have ended. Wait for its end, then run pulumi up again.`);
  // PostgreSQL last: the others end their connections first.
  const last = containers.filter((one) => one.role === 'postgres');
  for (const group of [containers.filter((one) => one.role !== 'postgres'), last]) {
    const names = group.map((one) => one.name);
    if (names.length === 0) continue;
    await docker('stop', '--time', String(grace), ...names);
    await docker('rm', '--force', ...names);
  }
  if (networks.length > 0) await docker('network', 'rm', ...networks);
  return `Removed ${containers.length} containers and ${networks.length} networks of stack ${stack} that no state knew; its data is kept. They are made again now. Then type pulumi config rm matrix:recover`;
}

try {
  const chunks: Buffer[] = [];
  for await (const chunk of process.stdin) chunks.push(chunk as Buffer);
  process.stderr.write(`${await claim(JSON.parse(Buffer.concat(chunks).toString()) as ClaimInput)}\n`);
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
