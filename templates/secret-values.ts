/** Puts secret values where free-form settings name them, and finds the sections that hold any. */
import type { FreeForm, FreeFormMap } from '../model/model.ts';
import { holdsSecret, isSecretRef } from '../model/secret-names.ts';
import { isMap } from '../model/free-form.ts';
import type { SecretLookup } from './file.ts';

/** Plain data for a serialiser. */
export type Plain = string | number | boolean | null | readonly Plain[] | { readonly [key: string]: Plain };

/** @returns the value with every `{secret: NAME}` replaced. */
export function resolved(value: FreeForm, secret: SecretLookup): Plain {
  if (isSecretRef(value)) return secret(value.secret);
  if (Array.isArray(value)) return value.map((entry: FreeForm) => resolved(entry, secret));
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(Object.entries(value as FreeFormMap).map(([key, entry]) => [key, resolved(entry, secret)]));
  }
  return value;
}

/** Splits a map by top-level section: a section that holds any secret moves whole, because Synapse merges files by section. */
export function bySection(settings: FreeFormMap): { readonly open: FreeFormMap; readonly secret: FreeFormMap } {
  const part = (wanted: boolean): FreeFormMap => Object.fromEntries(Object.entries(settings).filter(([, value]) => holdsSecret(value) === wanted));
  return { open: part(false), secret: part(true) };
}

/** Splits a map by leaf: only the secrets move, because MAS merges files at every depth. Lists move whole. */
export function byLeaf(settings: FreeFormMap): { readonly open: FreeFormMap; readonly secret: FreeFormMap } {
  const open: { [key: string]: FreeForm } = {};
  const secret: { [key: string]: FreeForm } = {};
  for (const [key, value] of Object.entries(settings)) {
    if (isMap(value) && holdsSecret(value)) {
      const below = byLeaf(value);
      if (Object.keys(below.open).length > 0) open[key] = below.open;
      secret[key] = below.secret;
    } else if (holdsSecret(value)) {
      secret[key] = value;
    } else {
      open[key] = value;
    }
  }
  return { open, secret };
}
