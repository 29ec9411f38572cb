import { createHash, createHmac } from 'node:crypto';
import { stringify } from 'yaml';

/** One rendered file, before it reaches a volume. */
export interface RenderedFile {
  /** Relative to the volume's root, `/`-separated. */
  readonly path: string;
  readonly content: string;
}

/** Files of one immutable volume: what one container reads at one mount point. */
export interface RenderedVolume {
  /** Short owner name, e.g. `synapse-legacy`, `mas-secrets`; part of the volume's name. */
  readonly owner: string;
  readonly files: readonly RenderedFile[];
  /** True when any file holds a secret: mode 0400, owned by `uid`, keyed digest. Else 0444. */
  readonly secret: boolean;
  readonly uid: number;
  readonly gid: number;
}

/** Looks a secret up by its name under `matrix:secrets`. Golden files use `(name) => <name>`. */
export type SecretLookup = (name: string) => string;

/**
 * Digest that names a volume: content, paths, owner and mode.
 * @param key keyed digest for secret files, so that the name tells nothing about the content.
 * @returns 64 hex characters.
 */
export function digestOf(volume: RenderedVolume, key: string): string {
  const canonical = JSON.stringify({ uid: volume.uid, gid: volume.gid, secret: volume.secret,
    files: [...volume.files].sort((a, b) => (a.path < b.path ? -1 : 1)).map((f) => [f.path, f.content]) });
  return volume.secret ? createHmac('sha256', key).update(canonical).digest('hex') : createHash('sha256').update(canonical).digest('hex');
}

/** YAML by serialiser: keys in the order given, long lines not folded, no anchors. */
export function toYaml(value: unknown): string {
  return stringify(value, { lineWidth: 0, aliasDuplicateObjects: false });
}

/** JSON with a trailing newline. */
export function toJson(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
