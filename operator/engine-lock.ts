/**
 * Locks of a file backend, one JSON file for each process that changes the stack (pulumi 3.259, pkg/backend/diy/lock.go). A killed
 * pulumi leaves its own behind, and every later one is refused until somebody types `pulumi cancel`.
 */
import { existsSync, readFileSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { homedir, hostname } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export interface EngineLock {
  readonly pid: number;
  readonly username: string;
  readonly hostname: string;
  /** ISO 8601. */
  readonly timestamp: string;
  /** `here`: a pulumi of this machine that runs. `gone`: it ended without giving the lock back. `elsewhere`: another machine's. */
  readonly holder: 'here' | 'gone' | 'elsewhere';
}

/** @returns none for other backends, which tell about their locks themselves. @param backend e.g. `file:///home/me/state`. */
export async function engineLocks(backend: string | undefined, project: string, stack: string): Promise<EngineLock[]> {
  if (backend?.startsWith('file://') !== true) return [];
  const home = backend.startsWith('file://~') ? join(homedir(), backend.slice('file://~'.length)) : fileURLToPath(backend);
  const directory = join(home, '.pulumi', 'locks', 'organization', project, stack);
  if (!existsSync(directory)) return [];
  const files = (await readdir(directory)).filter((name) => name.endsWith('.json'));
  const found = await Promise.all(files.map((name) => readFile(join(directory, name), 'utf8').catch(() => '')));
  // A file that went away or is being written belongs to a process that is alive and will say so itself.
  return found.filter((text) => text.trim() !== '').map((text) => {
    const lock = JSON.parse(text) as Omit<EngineLock, 'holder'>;
    return { ...lock, holder: lock.hostname !== hostname() ? 'elsewhere' as const : runs(lock.pid) ? 'here' as const : 'gone' as const };
  });
}

/** Whether the process is there; where /proc tells more, whether it is a pulumi and not a later one under the same number. */
function runs(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    // EPERM: somebody else's, so it is there.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
  const commandLine = `/proc/${pid}/cmdline`;
  try {
    return !existsSync(commandLine) || readFileSync(commandLine, 'utf8').includes('pulumi');
  } catch {
    return false;
  }
}
