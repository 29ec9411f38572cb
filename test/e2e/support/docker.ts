/** Containers, volumes and networks of one test run, through the docker command. */
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { stateDirectory } from '../../../operator/project.ts';
import type { RenderedVolume } from '../../../templates/file.ts';
import { entriesOf } from '../../../steps/files-archive.ts';
import { tar } from '../../../steps/tar.ts';

/** @param streams what to return. @throws Error with docker's own words. */
export function docker(args: readonly string[], stdin?: Buffer, streams: 'stdout' | 'both' = 'stdout'): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn('docker', [...args], { stdio: ['pipe', 'pipe', 'pipe'] });
    const out: Buffer[] = [];
    const complaint: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => (streams === 'both' ? out : complaint).push(chunk));
    child.on('error', reject);
    child.on('close', (code) => (code === 0 ? resolve(Buffer.concat(out).toString())
      : reject(new Error(`docker ${args.slice(0, 2).join(' ')} failed: ${Buffer.concat(complaint).toString().trim()}`))));
    child.stdin.on('error', () => undefined);
    child.stdin.end(stdin);
  });
}

/**
 * The image that `npm test` brought for a service.
 * @throws Error saying how to get one.
 */
export function broughtImage(service: 'edge' | 'runner'): string {
  const file = join(stateDirectory, 'parts.json');
  const parts = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) as { readonly images: { readonly [service: string]: { readonly reference: string } } } : undefined;
  const reference = parts?.images[service]?.reference;
  if (reference === undefined) throw new Error(`${file} names no image for ${service}; expected one. Type npm test, which brings the images.`);
  return reference;
}

/** What a test run made, removed in one go. Everything is labelled with the run's name. */
export class DockerRun {
  readonly name: string;

  constructor(prefix: string) {
    this.name = `${prefix}-${randomBytes(4).toString('hex')}`;
  }

  private get label(): string {
    return `matrix-stack.test=${this.name}`;
  }

  /** Starts a container. @param args options, image and command. */
  async start(name: string, args: readonly string[]): Promise<void> {
    await docker(['run', '--detach', '--name', name, '--label', this.label, ...args]);
  }

  async network(name: string, args: readonly string[] = []): Promise<void> {
    await docker(['network', 'create', '--label', this.label, ...args, name]);
  }

  async volume(name: string): Promise<void> {
    await docker(['volume', 'create', '--label', this.label, name]);
  }

  /** Makes a volume with rendered files, with the owners and modes that the stack gives them. */
  async files(name: string, image: string, { files, secret, uid, gid }: RenderedVolume): Promise<void> {
    await this.volume(name);
    const carrier = `${name}-fill`;
    await docker(['create', '--name', carrier, '--label', this.label, '--network', 'none', '--volume', `${name}:/volume`, image]);
    await docker(['cp', '-', `${carrier}:/`], tar(entriesOf({ stack: this.name, volume: name, image, files, secret, uid, gid })));
    await docker(['rm', '--force', carrier]);
  }

  /** Removes all of it, also what a failed test left. */
  async remove(): Promise<void> {
    const listed = async (kind: readonly string[]): Promise<string[]> => (await docker([...kind, '--filter', `label=${this.label}`, '--quiet'])).split('\n').filter((id) => id !== '');
    const containers = await listed(['ps', '--all']);
    if (containers.length > 0) await docker(['rm', '--force', '--volumes', ...containers]);
    const volumes = await listed(['volume', 'ls']);
    if (volumes.length > 0) await docker(['volume', 'rm', ...volumes]);
    const networks = await listed(['network', 'ls']);
    if (networks.length > 0) await docker(['network', 'rm', ...networks]);
  }
}
