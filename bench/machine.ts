/** Where the numbers come from: the machine, the versions, and which parts were not the makers' own. */
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { arch, cpus, platform, release, totalmem } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { stateDirectory } from '../operator/project.ts';
import ours from '../package.json' with { type: 'json' };

interface Part {
  readonly version: string;
  readonly standin?: boolean;
  /** Images: official, counterpart (made here from a distribution's packages) or standin. */
  readonly kind?: string;
}

/** What `npm start` writes about the parts that it brought (bootstrap/lib/summary.mjs). */
interface Parts {
  readonly docker: { readonly version: string };
  readonly pulumi: { readonly version: string };
  readonly plugins: { readonly [name: string]: Part };
  readonly images: { readonly [service: string]: Part };
}

export interface Setting {
  readonly machine: { readonly cpus: number; readonly model: string; readonly memoryMiB: number; readonly system: string; readonly cgroup: string };
  readonly versions: { readonly [part: string]: string };
  /** Parts that were not the makers' own, each with its kind: a number with one of them says nothing about the real one. */
  readonly standIns: readonly string[];
}

/** @throws Error before `npm start` has run. */
export async function settingOf(): Promise<Setting> {
  const parts = JSON.parse(await readFile(join(stateDirectory, 'parts.json'), 'utf8').catch(() => {
    throw new Error('There is no .state/parts.json; expected what npm start leaves behind. Type npm start first.');
  })) as Parts;
  const { stdout: cgroup } = await promisify(execFile)('docker', ['info', '--format', '{{.CgroupVersion}}']);
  const versionsOf = (kind: string, found: { readonly [name: string]: Part }): [string, string][] => Object.entries(found).map(([name, { version }]) => [`${kind} ${name}`, version]);
  const standInsOf = (kind: string, found: { readonly [name: string]: Part }): string[] =>
    Object.entries(found).filter(([, { standin }]) => standin === true).map(([name, part]) => `${kind} ${name}: ${part.kind ?? 'standin'} ${part.version}`);
  return {
    machine: { cpus: cpus().length, model: cpus()[0]?.model.trim() ?? 'unknown', memoryMiB: Math.round(totalmem() / 2 ** 20), system: `${platform()} ${release()} ${arch()}`, cgroup: `v${cgroup.trim()}` },
    versions: { 'matrix-stack': ours.version, node: process.versions.node, docker: parts.docker.version, pulumi: parts.pulumi.version,
      ...Object.fromEntries([...versionsOf('plugin', parts.plugins), ...versionsOf('image', parts.images)]) },
    standIns: [...standInsOf('plugin', parts.plugins), ...standInsOf('image', parts.images)],
  };
}
