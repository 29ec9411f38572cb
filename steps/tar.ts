/** Writes tar archives in memory (POSIX.1-1988 ustar: 512-byte blocks, octal numbers), for `docker cp -`. */

export interface TarEntry {
  /** `/`-separated, at most 100 bytes; ends with `/` for a directory. */
  readonly path: string;
  readonly content: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
}

const block = 512;

/** Octal digits filled up with zeros, ended by NUL: the form of every number in a header. */
const octal = (value: number, width: number): string => `${value.toString(8).padStart(width - 1, '0')}\0`;

function header(entry: TarEntry, size: number): Buffer {
  if (Buffer.byteLength(entry.path) > 100) throw new Error(`The file name "${entry.path}" is longer than the 100 bytes of a tar header; expected a shorter one.`);
  const head = Buffer.alloc(block);
  head.write(entry.path, 0);
  head.write(octal(entry.mode, 8), 100);
  head.write(octal(entry.uid, 8), 108);
  head.write(octal(entry.gid, 8), 116);
  head.write(octal(size, 12), 124);
  // No time: the same files give the same archive.
  head.write(octal(0, 12), 136);
  // The checksum counts its own field as blanks.
  head.write('        ', 148);
  head.write(entry.path.endsWith('/') ? '5' : '0', 156);
  head.write('ustar\x0000', 257);
  head.write(`${octal(head.reduce((sum, byte) => sum + byte, 0), 7)} `, 148);
  return head;
}

/** @returns one archive with the entries in the order given. @throws Error when a path does not fit. */
export function tar(entries: readonly TarEntry[]): Buffer {
  const parts: Buffer[] = [];
  for (const entry of entries) {
    const content = Buffer.from(entry.content);
    parts.push(header(entry, content.length), content, Buffer.alloc((block - (content.length % block)) % block));
  }
  return Buffer.concat([...parts, Buffer.alloc(2 * block)]);
}
