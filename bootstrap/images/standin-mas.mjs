import { createHash } from 'node:crypto';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { pathToFileURL } from 'node:url';

/** The stand-in's code does not bundle. `message` is a clause that names the first reason. */
export class BundleFailed extends Error {}

/**
 * Bundles the MAS stand-in into one module. The bundle is kept with the size and time of every file that went into
 * it, so that an unchanged clone does not bundle again.
 *
 * @param {string} root the clone
 * @param {string} stateDirectory
 * @returns {Promise<Uint8Array | undefined>} undefined where the clone has no stand-in
 * @throws {BundleFailed}
 */
export async function bundleStandinMas(root, stateDirectory) {
  const entry = join(root, 'test', 'standins', 'mas', 'main.ts');
  if (!existsSync(entry)) return undefined;
  const bundleFile = join(stateDirectory, 'mas-standin.mjs');
  const recordFile = join(stateDirectory, 'mas-standin.json');
  const kept = keptBundle(root, bundleFile, recordFile);
  if (kept !== undefined) return kept;

  const { build } = await import(pathToFileURL(join(root, 'node_modules', 'esbuild', 'lib', 'main.js')).href);
  const { outputFiles, metafile } = await build({
    absWorkingDir: root,
    entryPoints: [relative(root, entry)],
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node22',
    write: false,
    metafile: true,
    logLevel: 'silent',
    outfile: 'mas-cli.mjs',
    // pg asks for this native module only when it is installed.
    external: ['pg-native'],
    // Packages in CommonJS call require for Node's own modules.
    banner: { js: "import { createRequire as bundledRequire } from 'node:module'; const require = bundledRequire(import.meta.url);" },
  }).catch(({ errors, message }) => {
    const first = errors?.[0];
    throw new BundleFailed(`the stand-in does not bundle: ${first === undefined ? message : `${first.location?.file ?? entry}: ${first.text}`}`);
  });
  const bundle = outputFiles[0].contents;
  writeFileSync(bundleFile, bundle);
  writeFileSync(recordFile, JSON.stringify({ inputs: Object.keys(metafile.inputs).map((path) => [path, stamp(root, path)]), sha256: digest(bundle) }));
  return bundle;
}

function keptBundle(root, bundleFile, recordFile) {
  try {
    const { inputs, sha256 } = JSON.parse(readFileSync(recordFile, 'utf8'));
    const bundle = readFileSync(bundleFile);
    const same = digest(bundle) === sha256 && inputs.every(([path, seen]) => stamp(root, path) === seen);
    return same ? bundle : undefined;
  } catch {
    return undefined;
  }
}

function stamp(root, path) {
  const { size, mtimeMs } = statSync(join(root, path));
  return `${size} ${mtimeMs}`;
}

function digest(content) {
  return createHash('sha256').update(content).digest('hex');
}
