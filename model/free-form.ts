/** Free-form settings: reading at a path, and laying one map over another. */
import { isSecretRef } from './secret-names.ts';
import type { FreeForm, FreeFormMap } from './model.ts';

/** @returns true for a map that is no `{secret: NAME}`. */
export function isMap(value: unknown): value is FreeFormMap {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !isSecretRef(value);
}

/** @param path dotted keys. @returns the value there, undefined where there is none. */
export function at(map: FreeFormMap, path: string): FreeForm | undefined {
  return path.split('.').reduce<FreeForm | undefined>((value, key) => (isMap(value) ? value[key] : undefined), map);
}

/** Lays `over` on `base`: maps are merged at every depth, everything else (lists too) is replaced. Order: base, then new keys. */
export function layered(base: FreeFormMap, over: FreeFormMap): FreeFormMap {
  const result: { [key: string]: FreeForm } = { ...base };
  for (const [key, value] of Object.entries(over)) {
    const below = result[key];
    result[key] = isMap(below) && isMap(value) ? layered(below, value) : value;
  }
  return result;
}

/** @returns the map without the keys at these dotted paths; a map that becomes empty goes too. */
export function without(map: FreeFormMap, paths: readonly string[]): FreeFormMap {
  const result: { [key: string]: FreeForm } = {};
  for (const [key, value] of Object.entries(map)) {
    if (paths.includes(key)) continue;
    const below = paths.filter((path) => path.startsWith(`${key}.`)).map((path) => path.slice(key.length + 1));
    const rest = below.length > 0 && isMap(value) ? without(value, below) : value;
    if (isMap(rest) && Object.keys(rest).length === 0 && rest !== value) continue;
    result[key] = rest;
  }
  return result;
}

/** Sorts keys at every depth: Pulumi gives nested maps in alphabetical order, and no other order may give other files. */
export function sorted(value: FreeForm): FreeForm {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, entry]: [string, FreeForm]) => [key, sorted(entry)]));
}
