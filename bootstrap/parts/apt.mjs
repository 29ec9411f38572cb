import { run } from '../lib/run.mjs';
import { machineLocks, withLock } from '../lib/lock.mjs';

let updated = false;

/**
 * Installs Debian packages. One bootstrap at a time uses apt; another program's dpkg lock is waited for.
 *
 * @param {string[]} packages
 * @param {(text: string) => void} step told what happens
 * @param {string[]} [optional] packages that only some releases have
 * @throws {import('../lib/run.mjs').CommandFailed}
 */
export async function aptInstall(packages, step, optional = []) {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const options = ['-q', '-y', '-o', 'DPkg::Lock::Timeout=300', '-o', 'Dpkg::Use-Pty=0'];
  await withLock(machineLocks(), 'apt', async () => {
    if (!updated) {
      step('apt-get update');
      await run('apt-get', [...options, 'update'], { env });
      updated = true;
    }
    const all = [...packages];
    for (const name of optional) if (await known(name)) all.push(name);
    step(`apt-get install ${all.join(' ')}`);
    await run('apt-get', [...options, '--no-install-recommends', 'install', ...all], { env });
  }, (owner) => step(`waiting for the apt-get of process ${owner}`));
}

async function known(name) {
  return await run('apt-cache', ['show', name]).then(() => true, () => false);
}
