import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { run } from '../lib/run.mjs';

/**
 * Brings the npm packages of the lockfile, Node 22 among them.
 *
 * @param {import('../lib/context.mjs').Context} context
 * @returns {Promise<string>} path of Node 22
 */
export async function npmPart({ root, progress }) {
  const part = progress.part('npm packages');
  const node = join(root, 'node_modules', '.bin', 'node');
  const found = await nodeVersion(node);
  if (found !== undefined && installedMatches(root)) {
    part.done(`found, with Node ${found}`);
    return node;
  }
  const npm = (...args) => {
    part.step(`npm ${args.join(' ')}`);
    return run('npm', [...args, '--no-audit', '--no-fund', '--loglevel=error'], { cwd: root });
  };
  try {
    // What is there may be in use: `ci` would remove all of it first, `install` changes what differs.
    if (existsSync(join(root, 'node_modules', '.package-lock.json'))) await npm('install', '--no-save').catch(() => {});
    if (!installedMatches(root)) await npm('ci');
  } catch (error) {
    part.fail('npm ci failed');
    throw error;
  }
  const installed = await nodeVersion(node);
  if (installed === undefined) {
    part.fail('no Node 22 came with the packages');
    throw new Error(`node_modules/.bin/node does not run on ${process.platform}-${process.arch}; the program needs one of the node-* packages in package.json.`);
  }
  part.done(`installed from the lockfile, with Node ${installed}`);
  return node;
}

async function nodeVersion(node) {
  try {
    return (await run(node, ['--version'], { timeout: 10_000 })).stdout.trim().replace(/^v/, '');
  } catch {
    return undefined;
  }
}

/**
 * True when what is installed is what the lockfile asks for. Compares npm's own record with it, so that packages
 * installed by hand count, and a lockfile that changed does not.
 *
 * @param {string} root
 */
export function installedMatches(root) {
  let wanted;
  let installed;
  try {
    wanted = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')).packages;
    installed = JSON.parse(readFileSync(join(root, 'node_modules', '.package-lock.json'), 'utf8')).packages;
  } catch {
    return false;
  }
  for (const [path, entry] of Object.entries(wanted)) {
    if (path === '') continue;
    const present = installed[path];
    // Packages for other platforms stay away.
    if (present === undefined && entry.optional === true) continue;
    if (present?.version !== entry.version || present?.integrity !== entry.integrity) return false;
  }
  return Object.keys(installed).every((path) => path in wanted);
}
