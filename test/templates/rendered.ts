/** Rendered files for tests, by owner and path. */
import assert from 'node:assert/strict';
import { parse } from 'yaml';
import type { Model } from '../../model/model.ts';
import type { RenderedVolume } from '../../templates/file.ts';
import { renderAll } from '../../templates/all.ts';

/** A placeholder that every file format takes, and that names the secret. */
export const placeholder = (name: string): string => `value-of-${name}`;

/** @returns the volume of an owner; fails when there is none. */
export function volumeOf(model: Model, owner: string, secret = placeholder): RenderedVolume {
  return renderAll(model, (name) => (name === 'probeKey' ? placeholder(name) : secret(name))).find((volume) => volume.owner === owner) ?? assert.fail(`no volume of ${owner}`);
}

/** @returns the text of one file; fails when there is none. */
export function textOf(model: Model, owner: string, path: string, secret = placeholder): string {
  const volume = volumeOf(model, owner, secret);
  return volume.files.find((file) => file.path === path)?.content ?? assert.fail(`no ${path} in ${owner}, only ${volume.files.map((file) => file.path).join(', ')}`);
}

export interface Parsed { readonly [key: string]: unknown }

/** @returns a YAML or JSON file as data. */
export function dataOf(model: Model, owner: string, path: string, secret = placeholder): Parsed {
  return parse(textOf(model, owner, path, secret)) as Parsed;
}

/** @returns homeserver.yaml and secrets.yaml together, as Synapse reads them: later files replace whole sections. */
export function homeserverOf(model: Model, side: 'legacy' | 'delegated'): Parsed {
  return { ...dataOf(model, `synapse-${side}`, 'homeserver.yaml'), ...dataOf(model, `synapse-${side}-secrets`, 'secrets.yaml') };
}
