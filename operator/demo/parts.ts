/** What `npm start` brought, and what of it replaces a download. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { exitCodes, VerbError } from '../exit-codes.ts';
import { stateDirectory } from '../project.ts';

/** The part of `.state/parts.json` that the demo reads. */
export interface Parts {
  readonly pulumi: { readonly version: string; readonly route: string; readonly hasLanguageHost: boolean };
  readonly plugins: { readonly [name: string]: { readonly version: string; readonly standin: boolean } };
  readonly images: { readonly [service: string]: { readonly reference: string; readonly version: string; readonly kind: string; readonly standin: boolean } };
}

/** @throws VerbError when there is no such file yet. */
export async function readParts(): Promise<Parts> {
  try {
    return JSON.parse(await readFile(join(stateDirectory, 'parts.json'), 'utf8')) as Parts;
  } catch (error) {
    throw new VerbError(exitCodes.refused, `The parts of the demo are not here (${error instanceof Error ? error.message : String(error)}); expected .state/parts.json. Type npm start`);
  }
}

/** One line for each kind of part that is not what a user would download; empty when all are. */
export function replacements(parts: Parts): readonly string[] {
  const images = (kind: string): string[] => Object.entries(parts.images).filter(([, image]) => image.kind === kind).map(([service, { version }]) => `${service} ${version}`);
  const plugins = Object.entries(parts.plugins).filter(([, { standin }]) => standin).map(([name, { version }]) => `${name} ${version}`);
  return [
    ...list('real programs in locally built images', images('counterpart')),
    ...list('stand-ins that only act like the real thing', images('standin')),
    ...list('providers served by stand-ins', plugins),
    ...(parts.pulumi.hasLanguageHost ? [] : ['Pulumi without a language host: the program is attached to its engine']),
  ];
}

const list = (what: string, names: readonly string[]): string[] => (names.length === 0 ? [] : [`${what}: ${names.join(', ')}`]);
