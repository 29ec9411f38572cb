import { chmodSync, existsSync, lstatSync, mkdirSync, readFileSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { Unreachable, unpack } from '../lib/download.mjs';
import { cacheDirectory } from '../lib/environment.mjs';

/** The versions of the SDK packages; the engine asks for exactly these. `accepts` are others that serve them. */
export const providers = [
  { name: 'docker', version: '5.2.0', accepts: ['5.1.0'] },
  { name: 'command', version: '1.2.1', accepts: [] },
];

/**
 * @typedef {object} Plugin
 * @property {string} version of what serves
 * @property {'operator' | 'download' | 'standin' | 'missing'} route
 * @property {boolean} standin
 */

/**
 * Puts the provider plugins into the clone's own Pulumi home.
 *
 * @param {import('../lib/context.mjs').Context} context
 * @returns {Promise<Record<string, Plugin>>} by provider name
 */
export async function pluginsPart(context) {
  const entries = await Promise.all(providers.map(async (provider) => [provider.name, await bring(context, provider)]));
  return Object.fromEntries(entries);
}

async function bring({ root, state, progress }, { name, version, accepts }) {
  const part = progress.part(`provider ${name}`);
  try {
    const place = join(state.pulumiHome, 'plugins', `resource-${name}-v${version}`);
    const executable = `pulumi-resource-${name}`;
    const operatorsHome = process.env.PULUMI_HOME || join(homedir(), '.pulumi');
    for (const candidate of operatorsHome === state.pulumiHome ? [] : [version, ...accepts]) {
      const directory = join(operatorsHome, 'plugins', `resource-${name}-v${candidate}`);
      if (!existsSync(join(directory, executable)) || existsSync(`${directory}.partial`)) continue;
      link(directory, place);
      part.done(`found in ${operatorsHome}, ${candidate}`);
      return { version: candidate, route: 'operator', standin: false };
    }

    const downloaded = join(cacheDirectory(), `resource-${name}-v${version}-${process.platform}-${process.arch}`);
    const standin = join(root, 'test', 'standins', 'providers', name, 'main.ts');
    const script = `#!/bin/sh\nexec '${join(root, 'node_modules', '.bin', 'node')}' --disable-warning=ExperimentalWarning '${standin}' "$@"\n`;
    let refused = '';
    if (!existsSync(join(downloaded, executable))) {
      if (existsSync(standin) && sameScript(join(place, executable), script)) {
        part.done(`found, the stand-in served by Node`);
        return { version, route: 'standin', standin: true };
      }
      part.step('asking get.pulumi.com');
      const platform = `${process.platform}-${process.arch === 'x64' ? 'amd64' : process.arch}`;
      try {
        await unpack(`https://get.pulumi.com/releases/plugins/pulumi-resource-${name}-v${version}-${platform}.tar.gz`, downloaded);
      } catch (error) {
        if (!(error instanceof Unreachable)) throw error;
        refused = error.message;
      }
    }
    if (refused === '') {
      link(downloaded, place);
      part.done(`downloaded from get.pulumi.com, ${version}`);
      return { version, route: 'download', standin: false };
    }
    if (!existsSync(standin)) {
      part.fail(`missing: ${refused}, and there is no stand-in at test/standins/providers/${name}/main.ts`);
      return { version, route: 'missing', standin: false };
    }
    clear(place);
    mkdirSync(place, { recursive: true });
    writeFileSync(join(place, executable), script);
    chmodSync(join(place, executable), 0o755);
    part.done(`stand-in served by Node (${refused})`);
    return { version, route: 'standin', standin: true };
  } catch (error) {
    part.fail('could not be brought');
    throw error;
  }
}

function sameScript(file, script) {
  try {
    return readFileSync(file, 'utf8') === script;
  } catch {
    return false;
  }
}

/** A real directory with a link to each file: the engine overlooks a directory that is a link (it asks ReadDir's IsDir). */
function link(target, place) {
  clear(place);
  mkdirSync(place, { recursive: true });
  for (const name of readdirSync(target)) symlinkSync(join(target, name), join(place, name));
}

function clear(place) {
  if (lstatSync(place, { throwIfNoEntry: false }) !== undefined) rmSync(place, { recursive: true, force: true });
}
