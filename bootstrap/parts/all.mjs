import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { prepareState } from '../lib/environment.mjs';
import { withLock } from '../lib/lock.mjs';
import { dockerPart } from './docker.mjs';
import { imagesPart } from './images.mjs';
import { npmPart } from './npm.mjs';
import { pluginsPart } from './plugins.mjs';
import { pulumiPart } from './pulumi.mjs';

/**
 * Brings every part, side by side, and writes what they are to .state/parts.json.
 *
 * @param {import('../lib/context.mjs').Context} context
 * @returns {Promise<object>} the content of .state/parts.json
 * @throws {AggregateError} when a part could not be brought; the message has a line for each
 */
export async function bringParts(context) {
  mkdirSync(context.state.directory, { recursive: true });
  return await withLock(context.state.locks, 'bootstrap', async () => {
    prepareState(context.root);
    const node = npmPart(context);
    const docker = dockerPart(context);
    const work = {
      node,
      docker,
      pulumi: pulumiPart(context),
      plugins: pluginsPart(context),
      images: imagesPart(context, { engine: docker, packages: node }),
    };
    const results = await Promise.allSettled(Object.values(work));
    const failures = results.filter(({ status }) => status === 'rejected').map(({ reason }) => reason);
    if (failures.length > 0) throw new AggregateError(failures, [...new Set(failures.map(({ message }) => message))].join('\n'));
    const parts = Object.fromEntries(Object.keys(work).map((name, index) => [name, results[index].value]));
    const draft = `${context.state.parts}.new`;
    writeFileSync(draft, `${JSON.stringify(parts, null, 2)}\n`);
    renameSync(draft, context.state.parts);
    return parts;
  }, (owner) => context.progress.line(`Waiting for the bootstrap of process ${owner} in this clone.`));
}
