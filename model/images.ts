/** Which image each service runs: versions.json, or the operator's reference. */
import { shown, type Issue } from './issues.ts';
import type { Image, Model, Phase, Service } from './model.ts';
import type { Versions } from './schema.ts';

export const services: readonly Service[] = ['postgres', 'synapse', 'mas', 'edge', 'elementWeb', 'runner', 'restic'];

/** First Synapse with `matrix_authentication_service` (Synapse docs/upgrade.md, v1.136.0). */
const firstDelegating = '1.136.0';

/** @returns the image of a service; `override` is what the operator wrote under matrix:images. */
function imageOf(service: Service, versions: Versions, override: string | undefined): Image {
  const known = versions.images[service];
  const reference = override ?? (known.digest === null ? known.image : `${known.image}@${known.digest}`);
  return {
    reference,
    version: override === undefined ? known.version : (versionIn(override) ?? known.version),
    pinned: /(^|@)sha256:[0-9a-f]{64}$/.test(reference),
    standin: reference.startsWith(versions.counterpartPrefix),
    uid: known.uid,
    gid: known.gid,
  };
}

/** @returns the version that a tag names, e.g. `1.163.2` of `repo:v1.163.2-local@sha256:…`. */
function versionIn(reference: string): string | undefined {
  return /:v?(\d+(?:\.\d+)*)[^:/]*$/.exec(reference.replace(/@sha256:.*$/, ''))?.[1];
}

/** @returns the images of all services. */
export function imagesOf(versions: Versions, overrides: { readonly [S in Service]?: string | undefined }): { readonly [S in Service]: Image } {
  const of = (service: Service): Image => imageOf(service, versions, overrides[service]);
  return { postgres: of('postgres'), synapse: of('synapse'), mas: of('mas'), edge: of('edge'), elementWeb: of('elementWeb'), runner: of('runner'), restic: of('restic') };
}

/** @returns what forbids these images together or in this stack. */
export function imageIssues(images: { readonly [S in Service]: Image }, overrides: { readonly [S in Service]?: string | undefined }, versions: Versions, phase: Phase, demo: boolean): Issue[] {
  const issues: Issue[] = [];
  for (const service of services) {
    const image = images[service];
    const path = `images.${service}`;
    if (/:latest(@|$)/.test(image.reference)) {
      issues.push({ path, problem: 'latest names another image every week', got: shown(path, image.reference), fix: 'write a version, like repository:1.2.3@sha256:…' });
    }
    if (image.standin && !demo) {
      issues.push({ path, problem: 'a stand-in image serves throw-away stacks only', got: shown(path, image.reference), fix: 'remove the key: versions.json names the official image' });
    }
    if (overrides[service] !== undefined && (service === 'synapse' || service === 'mas') && !/^\d+\.\d+\.\d+$/.test(versionIn(image.reference) ?? '')) {
      issues.push({ path, problem: 'the tag does not tell the version', got: shown(path, image.reference), fix: 'write it like repository:1.2.3 or repository:1.2.3@sha256:…' });
    }
  }
  if (phase === 'legacy') return issues;
  const synapse = images.synapse.version;
  const mas = images.mas.version;
  if (older(synapse, firstDelegating)) {
    issues.push({ path: 'images.synapse', problem: `Synapse before ${firstDelegating} cannot delegate to MAS`, got: synapse, fix: `upgrade it in phase legacy first; tested: ${versions.tested.map((pair) => pair.synapse).join(', ')}` });
  } else if (!versions.tested.some((pair) => pair.synapse === synapse && pair.mas === mas)) {
    issues.push({ path: 'images', problem: 'this pair of Synapse and MAS was not tested together', got: `Synapse ${synapse} with MAS ${mas}`,
      fix: `use a pair of versions.json (${versions.tested.map((pair) => `${pair.synapse} with ${pair.mas}`).join(', ')}), or rehearse this one and add it there` });
  }
  return issues;
}

function older(version: string, than: string): boolean {
  const [a, b] = [version, than].map((text) => text.split('.').map(Number));
  for (let index = 0; index < 3; index++) {
    const difference = (a?.[index] ?? 0) - (b?.[index] ?? 0);
    if (difference !== 0) return difference < 0;
  }
  return false;
}

/** @returns one sentence for each image that a registry could change under this stack; none for throw-away stacks. */
export function unpinnedWarnings({ demo, images }: Pick<Model, 'demo' | 'images'>): string[] {
  if (demo) return [];
  return Object.entries(images).filter(([, { pinned }]) => !pinned).map(([service, { reference }]) =>
    `images.${service}: ${reference} is not pinned; the registry may give another image under that name tomorrow. Type matrix-stack pin`);
}
