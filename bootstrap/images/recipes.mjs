import { createHash } from 'node:crypto';
import { chmodSync, copyFileSync, mkdirSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { run } from '../lib/run.mjs';
import { recipeLabel } from './base.mjs';

/**
 * What one local image is made of.
 *
 * @typedef {object} Recipe
 * @property {string} tag what it will be called
 * @property {string} from tag of the image below it
 * @property {string} title one line for people who inspect it
 * @property {string} says how the bootstrap's line names it
 * @property {string} [software] its name among the versions in the base image
 * @property {string} [version] true version, where the base does not hold the software
 * @property {'counterpart' | 'own' | 'standin'} kind
 * @property {ContextFile[]} files
 * @property {string} digest over all that makes it
 *
 * @typedef {object} ContextFile
 * @property {string} to path in the build context
 * @property {string} identity stands for the content in the digest
 * @property {string} [from] file to copy
 * @property {Uint8Array} [content] where there is no file
 * @property {number} [mode]
 *
 * @typedef {ReturnType<typeof import('./base.mjs').baseRecipe>} Base
 */

const rooms = fileURLToPath(new URL('.', import.meta.url));

/**
 * Images whose software lies in the base, by service. A tag names the true version as far as its digits go.
 *
 * @param {Base} base
 * @returns {Record<string, Recipe>}
 */
export function counterparts(base) {
  const of = (name, room, rest) => complete(base, { tag: base.prefix + name, kind: 'counterpart', files: roomFiles(room), ...rest });
  return {
    postgres: of('postgres:17-trixie', 'postgres', { software: 'postgresql-17', title: 'PostgreSQL', says: 'PostgreSQL of Debian trixie' }),
    edge: of('nginx:1.26-trixie', 'edge', { software: 'nginx', title: 'nginx with njs', says: 'nginx of Debian trixie' }),
    synapse: of(`synapse:${base.synapseVersion}-trixie`, 'synapse', { software: 'synapse', title: 'Synapse', says: 'Synapse from PyPI on Debian trixie' }),
    restic: of('restic:0.18-trixie', 'restic', { software: 'restic', title: 'restic', says: 'restic of Debian trixie' }),
    elementWeb: of('element-web:standin', 'element-web', { version: 'standin', kind: 'standin', title: 'Page in place of Element Web', says: 'a page in its place' }),
  };
}

/**
 * The runner: Node from the installed npm packages on the base.
 *
 * @param {Base} base
 * @param {string} root the clone
 * @returns {Recipe}
 */
export function runner(base, root) {
  const node = nodeBinary(root);
  return complete(base, { tag: `${base.prefix}node:${node.version}-trixie`, kind: 'counterpart', version: node.version, title: 'Node.js', says: 'Node from npm on Debian trixie', files: [...roomFiles('runner'), node.file] });
}

/**
 * MAS from a directory laid out as its release archive: `bin/mas-cli` or `mas-cli`, and `share/mas-cli` or `share`.
 * The version is what the program says of itself.
 *
 * @param {Base} base
 * @param {string} directory
 * @returns {Promise<Recipe>}
 * @throws {Error} naming what is missing
 */
export async function ownMas(base, directory) {
  const first = (...names) => names.map((name) => join(directory, name)).find((path) => statSync(path, { throwIfNoEntry: false }) !== undefined);
  const binary = first('bin/mas-cli', 'mas-cli');
  const share = first('share/mas-cli', 'share');
  if (binary === undefined || share === undefined) {
    throw new Error(`MAS_CLI names ${directory}, which holds no ${binary === undefined ? 'bin/mas-cli' : 'share/mas-cli'}; point it at an unpacked release of MAS.`);
  }
  const { stdout } = await run(binary, ['--version'], { timeout: 10_000 });
  const version = /(\d+\.\d+\.\d+\S*)/.exec(stdout)?.[1];
  if (version === undefined) throw new Error(`${binary} --version says "${stdout.trim()}", which names no version; MAS_CLI needs a release build of MAS.`);
  const stamped = (to, from, mode) => ({ to, from, mode, identity: `${statSync(from).size} ${statSync(from).mtimeMs}` });
  const files = [...roomFiles('mas'), stamped('mas-cli', binary, 0o755), ...filesBelow(share).map((entry) => stamped(`share/${entry}`, join(share, entry)))];
  return complete(base, { tag: `${base.prefix}mas:${version}-own`, kind: 'own', version, title: 'Matrix Authentication Service', says: `MAS ${version} packed from ${directory}`, files });
}

/**
 * The MAS stand-in: one bundle served by Node, with the interface of a release of MAS. Its tag holds the bundle's digest, so that changed code is another image.
 *
 * @param {Base} base
 * @param {string} version of MAS
 * @param {string} root the clone
 * @param {Uint8Array} bundle
 * @returns {Recipe}
 */
export function standinMas(base, version, root, bundle) {
  const digest = sha256(bundle);
  // The server refuses to start without these, as MAS does; the stand-in reads nothing in them.
  const placeholder = 'Placeholder of the MAS stand-in.\n';
  const share = { 'policy.wasm': placeholder, 'manifest.json': '{}\n', 'templates/PLACEHOLDER': placeholder, 'translations/PLACEHOLDER': placeholder };
  const files = [...roomFiles('mas-standin'), nodeBinary(root).file, { to: 'share/mas-cli.mjs', content: bundle, identity: digest },
    ...Object.entries(share).map(([path, content]) => ({ to: `share/${path}`, content, identity: content }))];
  return complete(base, { tag: `${base.prefix}mas:${version}-standin-${digest.slice(0, 8)}`, kind: 'standin', version: `${version}-standin`, title: 'Stand-in for Matrix Authentication Service', says: 'the MAS stand-in', files });
}

/**
 * Builds one image; needs no network.
 *
 * @param {Recipe} recipe
 * @param {string} version true version of the software
 * @param {string} directory scratch, made and removed
 */
export async function buildImage(recipe, version, directory) {
  rmSync(directory, { recursive: true, force: true });
  try {
    for (const { to, from, content, mode } of recipe.files) {
      const target = join(directory, to);
      mkdirSync(dirname(target), { recursive: true });
      if (from === undefined) writeFileSync(target, content);
      else copyFileSync(from, target);
      chmodSync(target, mode ?? (from === undefined ? 0o644 : statSync(from).mode & 0o755 | 0o644));
    }
    const labels = { [recipeLabel]: recipe.digest, 'org.opencontainers.image.version': version, 'org.opencontainers.image.title': recipe.title };
    const flags = Object.entries(labels).flatMap(([name, value]) => ['--label', `${name}=${value}`]);
    await run('docker', ['build', '--quiet', '--network', 'none', '--build-arg', `BASE=${recipe.from}`, ...flags, '--tag', recipe.tag, directory], {
      // A builder of its own container would not see the engine's images.
      env: { ...process.env, BUILDX_BUILDER: 'default' },
    });
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Adds what lies below and the digest. */
function complete(base, parts) {
  const identities = parts.files.map(({ to, identity, mode }) => [to, identity, mode ?? null]);
  return { ...parts, from: base.tag, digest: sha256(JSON.stringify([base.recipe, parts.tag, identities])) };
}

function roomFiles(room) {
  const directory = join(rooms, room);
  return filesBelow(directory).map((entry) => ({ to: entry, from: join(directory, entry), identity: sha256(readFileSync(join(directory, entry))) }));
}

function filesBelow(directory) {
  return readdirSync(directory, { recursive: true })
    .map(String)
    .filter((entry) => statSync(join(directory, entry)).isFile())
    .sort();
}

function nodeBinary(root) {
  const directory = join(root, 'node_modules', `node-linux-${process.arch}`);
  const { version } = JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8'));
  return { version, file: { to: 'node', from: join(directory, 'bin', 'node'), identity: `node ${version} ${process.arch}`, mode: 0o755 } };
}

function sha256(content) {
  return createHash('sha256').update(content).digest('hex');
}
