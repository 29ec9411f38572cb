/**
 * Fills a volume with files through a container that is created and never started: owner and mode come from a tar, the
 * image needs no shell. Reads FillInput as JSON from stdin. The last entry marks the volume as full: a volume that was
 * filled by half is filled again, a full one is left alone.
 */
import { spawn } from 'node:child_process';
import { entriesOf, full, root } from './files-archive.ts';
import type { FillInput } from './files-archive.ts';
import { tar } from './tar.ts';

/** Runs docker; the host comes from DOCKER_HOST. @throws Error with docker's own words. */
function docker(args: readonly string[], stdin?: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn('docker', [...args], { stdio: ['pipe', 'ignore', 'pipe'] });
    const complaint: Buffer[] = [];
    child.stderr.on('data', (chunk: Buffer) => complaint.push(chunk));
    child.on('error', (error) => reject(new Error(`docker could not be run (${error.message}); expected the docker command on PATH.`)));
    child.on('close', (code) => (code === 0 ? resolve() : reject(new Error(`docker ${args[0] ?? ''} failed: ${Buffer.concat(complaint).toString().trim()}`))));
    // A daemon that refuses early closes the pipe; its words on stderr say why.
    child.stdin.on('error', () => undefined);
    child.stdin.end(stdin);
  });
}

async function fill(input: FillInput): Promise<void> {
  const container = `${input.volume}-fill`;
  // One that a killed try left behind.
  await docker(['rm', '--force', '--volumes', container]).catch(() => undefined);
  await docker(['create', '--name', container, '--label', `matrix-stack=${input.stack}`, '--label', 'matrix-stack.role=fill', '--network', 'none',
    '--volume', `${input.volume}:/${root}`, input.image]);
  try {
    const done = await docker(['cp', `${container}:/${root}/${full}`, '-']).then(() => true, () => false);
    if (!done) await docker(['cp', '-', `${container}:/`], tar(entriesOf(input)));
  } finally {
    await docker(['rm', '--force', '--volumes', container]);
  }
}

try {
  const chunks: Buffer[] = [];
  for await (const chunk of process.stdin) chunks.push(chunk as Buffer);
  await fill(JSON.parse(Buffer.concat(chunks).toString()) as FillInput);
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
