/** What a files volume is filled with: the input of `steps/fill-volume.ts` and the archive made of it. */
import { posix } from 'node:path';
import type { RenderedFile } from '../templates/file.ts';
import type { TarEntry } from './tar.ts';

export interface FillInput {
  readonly stack: string;
  readonly volume: string;
  /** Any image that is on the host; nothing of it runs. */
  readonly image: string;
  readonly files: readonly RenderedFile[];
  /** True: directories 0500 and files 0400. False: 0755 and 0444. */
  readonly secret: boolean;
  readonly uid: number;
  readonly gid: number;
}

/** Where the volume lies in the container that carries the files. */
export const root = 'volume';
/** Name of the last file. Hidden, so that no `*.conf` or key directory takes it for its own. */
export const full = '.full';

/** Entries of the archive: every directory on the way, the files, and the mark. */
export function entriesOf(input: FillInput): TarEntry[] {
  const { uid, gid } = input;
  const directories = new Set<string>();
  for (const file of input.files) {
    for (let parent = posix.dirname(file.path); parent !== '.'; parent = posix.dirname(parent)) directories.add(parent);
  }
  const directory = (path: string): TarEntry => ({ path: `${path}/`, content: '', mode: input.secret ? 0o500 : 0o755, uid, gid });
  const file = (path: string, content: string): TarEntry => ({ path: `${root}/${path}`, content, mode: input.secret ? 0o400 : 0o444, uid, gid });
  return [directory(root), ...[...directories].sort().map((path) => directory(`${root}/${path}`)),
    ...input.files.map(({ path, content }) => file(path, content)), file(full, '')];
}
