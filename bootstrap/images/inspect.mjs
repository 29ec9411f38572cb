import { CommandFailed, run } from '../lib/run.mjs';

/**
 * @typedef {object} LocalImage
 * @property {string} id
 * @property {Record<string, string>} labels
 */

/** Docker's own short form: `docker.io/library/postgres:17` is listed as `postgres:17`. */
function short(reference) {
  const [name, digest] = reference.replace(/^docker\.io\/(library\/)?/, '').split('@');
  return digest === undefined ? name : `${name.replace(/:[^/]*$/, '')}@${digest}`;
}

/**
 * Which of these images Docker has.
 *
 * @param {string[]} references
 * @returns {Promise<Map<string, LocalImage>>} by reference, as asked; absent ones are missing
 */
export async function inspectImages(references) {
  let output;
  try {
    output = (await run('docker', ['image', 'inspect', ...references])).stdout;
  } catch (error) {
    // Those that are there are printed all the same.
    if (!(error instanceof CommandFailed)) throw error;
    output = error.stdout;
  }
  const found = new Map();
  for (const image of JSON.parse(output || '[]')) {
    const names = new Set([...(image.RepoTags ?? []), ...(image.RepoDigests ?? [])].map(short));
    for (const reference of references) {
      if (names.has(short(reference))) found.set(reference, { id: image.Id, labels: image.Config?.Labels ?? {} });
    }
  }
  return found;
}
