import { spawn } from 'node:child_process';
import { existsSync, openSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { run, which } from '../lib/run.mjs';
import { canApt } from '../lib/platform.mjs';
import { machineLocks, withLock } from '../lib/lock.mjs';
import { aptInstall } from './apt.mjs';

const log = '/var/log/matrix-stack-dockerd.log';
/** Milliseconds that a new engine has to answer. */
const startLimit = 60_000;

/**
 * Finds a Docker engine, or installs and starts one.
 *
 * @param {import('../lib/context.mjs').Context} context
 * @returns {Promise<{route: 'found' | 'started' | 'installed', version: string, arch: string, host: string}>}
 */
export async function dockerPart({ progress }) {
  const part = progress.part('Docker engine');
  const found = await engine();
  if (found !== undefined) {
    part.done(`found, ${found.version}${process.env.DOCKER_HOST ? ` at ${process.env.DOCKER_HOST}` : ''}`);
    return { route: 'found', ...found };
  }
  const advice = noEngine();
  if (advice !== undefined) {
    part.fail('none answers');
    throw new Error(advice);
  }
  try {
    return await withLock(machineLocks(), 'docker-engine', async () => {
      const meanwhile = await engine();
      if (meanwhile !== undefined) {
        part.done(`found, ${meanwhile.version}`);
        return { route: 'found', ...meanwhile };
      }
      const present = which('dockerd') !== undefined && which('docker') !== undefined;
      if (!present) {
        progress.line('No Docker engine answers: installing docker.io, iptables and debootstrap with apt, then starting dockerd.');
        // From trixie on the client is a package of its own, which docker.io only recommends.
        await aptInstall(['docker.io', 'iptables', 'debootstrap'], part.step, ['docker-cli']);
      }
      part.step('starting dockerd');
      const how = await start();
      const started = await answered(part.step);
      part.done(`${present ? 'started' : 'installed with apt and started'} (${how}), ${started.version}`);
      return { route: present ? 'started' : 'installed', ...started };
    }, (owner) => part.step(`waiting for process ${owner}, which starts it`));
  } catch (error) {
    part.fail('could not be started');
    throw error;
  }
}

/** Why none can be started here, or undefined. */
function noEngine() {
  if (process.env.DOCKER_HOST) return `The Docker engine at ${process.env.DOCKER_HOST} does not answer; start it, or unset DOCKER_HOST to use a local one.`;
  if (process.platform === 'darwin') return 'No Docker engine answers; start Docker Desktop, OrbStack or Colima and run this again.';
  if (!canApt()) return 'No Docker engine answers; install one (https://docs.docker.com/engine/install/), start it, see that `docker version` works for this user, and run this again.';
  return undefined;
}

async function engine() {
  try {
    const format = '{{.Server.Version}} {{.Server.Arch}}';
    const { stdout } = await run('docker', ['version', '--format', format], { timeout: 5_000 });
    const [version, arch] = stdout.trim().split(' ');
    return { version, arch, host: process.env.DOCKER_HOST ?? '' };
  } catch {
    return undefined;
  }
}

async function start() {
  if (existsSync('/run/systemd/system')) {
    await run('systemctl', ['enable', '--now', 'docker.service']);
    return 'systemd';
  }
  const output = openSync(log, 'a');
  spawn('dockerd', [], { detached: true, stdio: ['ignore', output, output], cwd: '/' }).on('error', () => {}).unref();
  return `log in ${log}`;
}

async function answered(step) {
  const deadline = Date.now() + startLimit;
  while (Date.now() < deadline) {
    const found = await engine();
    if (found !== undefined) return found;
    step('waiting for dockerd to answer');
    await delay(200);
  }
  const lines = existsSync(log) ? readFileSync(log, 'utf8').trimEnd().split('\n').slice(-5).join('\n    ') : '(no log)';
  throw new Error(`dockerd was started but did not answer within ${startLimit / 1000} s; its last lines say:\n    ${lines}`);
}
