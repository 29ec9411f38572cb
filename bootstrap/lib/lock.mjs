import { linkSync, mkdirSync, readFileSync, rmdirSync, statSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

/** Milliseconds between two looks at a lock that somebody else holds. */
const interval = 200;
/** Removing a stale lock takes microseconds; a guard older than this many milliseconds was left by a process that died. */
const guardAge = 10_000;

/** Directory of the locks that all clones of one user on this machine share. */
export function machineLocks() {
  return join(tmpdir(), `matrix-stack-locks-${userInfo().uid}`);
}

/**
 * Runs work while holding a lock; waits for whoever holds it. A lock of a process that is gone counts as free.
 *
 * @template T
 * @param {string} directory where the lock lies, made when missing
 * @param {string} name
 * @param {() => Promise<T>} work
 * @param {(owner: string) => void} [onWait] called once with the owner's process id when there is a wait
 * @returns {Promise<T>}
 */
export async function withLock(directory, name, work, onWait = () => {}) {
  mkdirSync(directory, { recursive: true });
  const file = join(directory, `${name}.lock`);
  let waiting = false;
  while (!take(file)) {
    const owner = read(file);
    if (owner === undefined) continue;
    if (!alive(owner)) {
      removeStale(file, owner);
      continue;
    }
    if (!waiting) onWait(owner.split(' ')[0] ?? owner);
    waiting = true;
    await delay(interval);
  }
  try {
    return await work();
  } finally {
    unlinkSync(file);
  }
}

let takes = 0;

/** A hard link appears with its content at once, so no reader meets a lock without an owner. */
function take(file) {
  takes += 1;
  const draft = `${file}.${process.pid}.${takes}`;
  writeFileSync(draft, owner(process.pid));
  try {
    linkSync(draft, file);
    return true;
  } catch (error) {
    if (error.code !== 'EEXIST') throw error;
    return false;
  } finally {
    unlinkSync(draft);
  }
}

/** `pid start`: the start time tells a process from a later one with the same number (Linux). */
function owner(pid) {
  return `${pid} ${startOf(pid)}`;
}

function startOf(pid) {
  try {
    // Field 22 of proc(5) stat; the name before it may hold blanks and brackets.
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '-';
  } catch {
    return '-';
  }
}

function alive(text) {
  const pid = Number(text.split(' ')[0]);
  try {
    process.kill(pid, 0);
  } catch (error) {
    if (error.code === 'ESRCH') return false;
  }
  return owner(pid) === text;
}

/** Two waiters may find the same stale lock: the guard lets one of them look again and remove it. */
function removeStale(file, seen) {
  const guard = `${file}.guard`;
  try {
    mkdirSync(guard);
  } catch {
    try {
      if (Date.now() - statSync(guard).mtimeMs > guardAge) rmdirSync(guard);
    } catch {
      // the other one is done
    }
    return;
  }
  try {
    if (read(file) === seen) unlinkSync(file);
  } finally {
    rmdirSync(guard);
  }
}

function read(file) {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}
