import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { patience } from '../lib/download.mjs';
import { machineLocks, withLock } from '../lib/lock.mjs';
import { seconds } from '../lib/progress.mjs';
import { CommandFailed, run } from '../lib/run.mjs';
import { baseRecipe, baseVersions, buildBase, cannotBuild, recipeLabel } from '../images/base.mjs';
import { inspectImages } from '../images/inspect.mjs';
import { buildImage, counterparts, ownMas, runner, standinMas } from '../images/recipes.mjs';
import { BundleFailed, bundleStandinMas } from '../images/standin-mas.mjs';

/**
 * @typedef {object} ImagePart
 * @property {string} reference what to ask Docker for
 * @property {string} id Docker's id of it, `sha256:…`; empty when missing
 * @property {string} version true version of the software inside, as far as it is known
 * @property {'found' | 'pulled' | 'built' | 'missing'} route
 * @property {'official' | 'counterpart' | 'own' | 'standin'} kind counterpart: the real software in a locally built image; own: packed from MAS_CLI
 * @property {boolean} standin true for all that replaces a download
 */

/**
 * Finds, pulls or builds every image of versions.json.
 *
 * @param {import('../lib/context.mjs').Context} context
 * @param {{engine: Promise<unknown>, packages: Promise<unknown>}} ready the Docker engine; the npm packages, which hold Node for the runner and the bundler
 * @returns {Promise<Record<string, ImagePart>>} by service
 */
export async function imagesPart(context, ready) {
  const { images: services, counterpartPrefix } = JSON.parse(readFileSync(join(context.root, 'versions.json'), 'utf8'));
  const names = Object.keys(services);
  await ready.engine;
  const base = baseRecipe(counterpartPrefix, services.synapse.version);
  const inBase = counterparts(base);
  const present = await inspectImages([...names.map((name) => official(services[name])), ...Object.values(inBase).map(({ tag }) => tag)]);
  const needsPackages = async (name, service) => {
    await ready.packages;
    return await recipeWithPackages(context, base, name, service);
  };
  let baseWork;
  const shared = { context, present, ensureBase: () => (baseWork ??= ensureBase(context, base)) };

  const results = await Promise.allSettled(names.map(async (name) => {
    const part = context.progress.part(`image ${name}`);
    try {
      return [name, await bring(shared, part, name, services[name], () => inBase[name] ?? needsPackages(name, services[name]))];
    } catch (error) {
      part.fail('could not be brought');
      throw error;
    }
  }));
  const failures = results.filter(({ status }) => status === 'rejected').map(({ reason }) => reason);
  if (failures.length > 0) throw new AggregateError(failures, [...new Set(failures.map(({ message }) => message))].join('\n'));
  return Object.fromEntries(results.map(({ value }) => value));
}

/** The routes of one image, first to last. */
async function bring({ context, present, ensureBase }, part, name, service, recipeOf) {
  const reference = official(service);
  const officialPart = (image, route) => {
    part.done(`${route}, ${reference}`);
    return { reference, id: image.id, version: service.version, route, kind: 'official', standin: false };
  };
  const packs = name === 'mas' && masDirectory() !== undefined;
  const found = present.get(reference);
  if (found !== undefined && !packs) return officialPart(found, 'found');

  part.wait('npm packages');
  let recipe;
  let noRecipe = cannotBuild() ?? 'this clone has no stand-in at test/standins/mas/main.ts';
  try {
    recipe = await recipeOf();
  } catch (error) {
    if (!(error instanceof BundleFailed)) throw error;
    noRecipe = error.message;
  }
  const kept = recipe && (present.get(recipe.tag) ?? (await inspectImages([recipe.tag])).get(recipe.tag));
  if (kept !== undefined && kept.labels[recipeLabel] === recipe.digest) {
    part.done(`found, ${recipe.says}, built here earlier`);
    return localPart(recipe, kept, 'found');
  }

  let refused = 'MAS_CLI is set';
  if (!packs) {
    part.step(`docker pull ${reference}`);
    const pulled = await pull(reference);
    if (pulled.image !== undefined) return officialPart(pulled.image, 'pulled');
    refused = pulled.refused;
  }
  if (recipe === undefined) {
    part.fail(`missing: ${refused}, and ${noRecipe}`);
    return { reference, id: '', version: '', route: 'missing', kind: 'standin', standin: false };
  }
  part.wait('the base image');
  const versions = await ensureBase();
  const version = recipe.version ?? versions[recipe.software];
  checkVersion(recipe, version);
  const image = await withLock(machineLocks(), `image-${name}`, async () => {
    const meanwhile = (await inspectImages([recipe.tag])).get(recipe.tag);
    if (meanwhile?.labels[recipeLabel] === recipe.digest) return meanwhile;
    part.step('docker build');
    mkdirSync(join(context.state.directory, 'build'), { recursive: true });
    await buildImage(recipe, version, join(context.state.directory, 'build', name));
    return (await inspectImages([recipe.tag])).get(recipe.tag);
  }, (owner) => part.step(`waiting for the build of process ${owner}`));
  part.done(`${recipe.says}${recipe.software === undefined ? '' : ` ${version}`} (${refused})`);
  return localPart(recipe, image, 'built');
}

function localPart(recipe, image, route) {
  const version = image.labels['org.opencontainers.image.version'] ?? '';
  return { reference: recipe.tag, id: image.id, version, route, kind: recipe.kind, standin: true };
}

function official({ image, digest }) {
  return digest === null ? image : `${image}@${digest}`;
}

function masDirectory() {
  return process.env.MAS_CLI || undefined;
}

/** @returns {Promise<import('../images/recipes.mjs').Recipe | undefined>} undefined where the clone lacks the stand-in, or Node for containers */
async function recipeWithPackages({ root, state }, base, name, service) {
  if (process.platform !== 'linux') return undefined;
  if (name === 'runner') return runner(base, root);
  const directory = masDirectory();
  if (directory !== undefined) return await ownMas(base, directory);
  const bundle = await bundleStandinMas(root, state.directory);
  return bundle === undefined ? undefined : standinMas(base, service.version, root, bundle);
}

/** @returns {Promise<{image?: import('../images/inspect.mjs').LocalImage, refused: string}>} `refused`: a clause such as `ghcr.io refused in 0.1 s` */
async function pull(reference) {
  const since = Date.now();
  const host = reference.split('/')[0];
  try {
    // The first line comes when the registry has answered; the download after it may take as long as it takes.
    await run('docker', ['pull', reference], { firstLine: patience * 1000 });
  } catch (error) {
    if (!(error instanceof CommandFailed)) throw error;
    const answered = /manifest unknown|not found|denied|unauthorized|toomanyrequests/.exec(error.output);
    const verb = answered ? `answered "${answered[0]}"` : error.reason.startsWith('gave no answer') ? 'gave no answer' : 'refused';
    return { refused: `${host} ${verb} in ${seconds(since)}` };
  }
  return { image: (await inspectImages([reference])).get(reference), refused: '' };
}

/** Makes the base image unless Docker has it; one bootstrap at a time. @returns {Promise<Record<string, string>>} versions inside */
async function ensureBase({ progress }, base) {
  const look = async () => (await inspectImages([base.tag])).get(base.tag);
  const found = await look();
  if (found !== undefined) return baseVersions(found);
  const part = progress.part('base image');
  try {
    return await withLock(machineLocks(), 'base-image', async () => {
      const meanwhile = await look();
      if (meanwhile === undefined) {
        const obstacle = cannotBuild();
        if (obstacle !== undefined) throw new Error(`No registry serves the images, and ${obstacle}; pull the images of versions.json on another machine, and bring them here with docker save and docker load.`);
        await buildBase(base, part.step);
      }
      const image = meanwhile ?? (await look());
      part.done(meanwhile === undefined ? 'made from Debian trixie and PyPI' : 'found, made by another bootstrap');
      return baseVersions(image);
    }, (owner) => part.step(`waiting for the build of process ${owner}`));
  } catch (error) {
    part.fail('could not be made');
    throw error;
  }
}

/** A tag names a version; Debian's package must not have moved on from it unseen. */
function checkVersion({ tag }, version) {
  const promised = tag.slice(tag.lastIndexOf(':') + 1).split('-')[0];
  if (version !== promised && !version?.startsWith(`${promised}.`) && !version?.startsWith(`${promised}-`)) {
    throw new Error(`${tag} would hold version ${version}; give it a tag that says so in versions.json.`);
  }
}
