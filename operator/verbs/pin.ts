import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { exitCodes, VerbError } from '../exit-codes.ts';
import { columns } from '../plan-text.ts';
import { root } from '../project.ts';
import type { Verb } from '../verb.ts';

const run = promisify(execFile);

interface VersionsFile {
  readonly images: { readonly [service: string]: { readonly image: string; digest: string | null } };
}

export const pin: Verb = {
  name: 'pin',
  summary: 'asks the registries for the digests of the images in versions.json and writes them there',
  usage: '[--json]',
  arguments: [],
  async run({ json }) {
    const file = join(root, 'versions.json');
    const text = await readFile(file, 'utf8');
    const versions = JSON.parse(text) as VersionsFile;
    let pinned = text;
    const rows: [string, string, string][] = [];
    for (const [service, { image, digest }] of Object.entries(versions.images)) {
      const found = await digestOf(image);
      pinned = withDigest(pinned, service, found);
      rows.push([service, image, found === digest ? 'as before' : found]);
    }
    await writeFile(file, pinned);
    console.log(json ? JSON.stringify(Object.fromEntries(rows.map(([service, , digest]) => [service, digest]))) : columns(rows).join('\n'));
    return exitCodes.ok;
  },
};

/** @returns the text of versions.json with one digest set. By text, so that the file keeps its form. */
export function withDigest(text: string, service: string, digest: string): string {
  return text.replace(new RegExp(`("${service}"\\s*:\\s*\\{[^}]*"digest"\\s*:\\s*)(?:null|"[^"]*")`), `$1"${digest}"`);
}

/** @returns the digest that the registry gives for a tag, of the list of all platforms where there is one. */
async function digestOf(image: string): Promise<string> {
  try {
    const { stdout } = await run('docker', ['buildx', 'imagetools', 'inspect', image, '--format', '{{.Manifest.Digest}}']);
    const digest = stdout.trim();
    if (/^sha256:[0-9a-f]{64}$/.test(digest)) return digest;
    throw new Error(`the answer was "${digest.slice(0, 80)}"`);
  } catch (error) {
    const { stderr } = error as { stderr?: string };
    throw new VerbError(exitCodes.failed, `The digest of ${image} could not be read (${(stderr ?? String(error)).trim().split('\n')[0] ?? ''}); expected its registry to answer docker buildx imagetools inspect. Nothing was written.`);
  }
}
