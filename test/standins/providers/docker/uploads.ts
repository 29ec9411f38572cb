import { flag, text, type Props } from "../lib/values.ts";
import { readFileSync } from "node:fs";

const BLOCK = 512;

/**
 * A tar archive, relative to `/`, that holds one of `uploads`: root:root unless owner and group are numbers,
 * mode 0644, 0744 when executable, else `permissions`. Throws when it has no content.
 */
export function uploadTar(upload: Props): Buffer {
  const file = text(upload, "file") ?? "";
  const content = contentOf(upload);
  const mode = text(upload, "permissions") ?? (flag(upload, "executable") === true ? "0744" : "0644");
  return Buffer.concat([
    header(file.replace(/^\/+/, ""), content.length, mode, numeric(upload, "owner"), numeric(upload, "group")),
    content,
    Buffer.alloc(padding(content.length)),
    Buffer.alloc(2 * BLOCK),
  ]);
}

function contentOf(upload: Props): Buffer {
  const content = text(upload, "content");
  if (content !== undefined && content !== "") return Buffer.from(content);
  const encoded = text(upload, "contentBase64");
  if (encoded !== undefined && encoded !== "") return Buffer.from(encoded, "base64");
  const source = text(upload, "source");
  if (source !== undefined && source !== "") return readFileSync(source);
  throw new Error(`The upload ${text(upload, "file") ?? ""} has no content: one of content, contentBase64 or source must be set and not empty.`);
}

function numeric(upload: Props, key: string): number {
  const value = text(upload, key);
  if (value === undefined) return 0;
  if (!/^\d+$/.test(value)) throw new Error(`The upload's ${key} is ${JSON.stringify(value)}; expected a number.`);
  return Number(value);
}

function padding(length: number): number {
  return (BLOCK - (length % BLOCK)) % BLOCK;
}

// POSIX ustar: a name of up to 255 bytes is split at a slash into prefix (155) and name (100).
function header(path: string, size: number, mode: string, uid: number, gid: number): Buffer {
  const head = Buffer.alloc(BLOCK);
  const cut = path.length <= 100 ? -1 : path.indexOf("/", path.length - 101);
  if (path.length > 100 && (cut === -1 || cut > 155)) throw new Error(`The upload path ${path} is too long for a tar archive.`);
  const octal = (value: number, at: number, width: number): void => void head.write(value.toString(8).padStart(width - 1, "0"), at);
  head.write(path.slice(cut + 1), 0);
  octal(parseInt(mode, 8), 100, 8);
  octal(uid, 108, 8);
  octal(gid, 116, 8);
  octal(size, 124, 12);
  octal(0, 136, 12);
  head.write("        0", 148);
  head.write("ustar\u000000", 257);
  if (cut > 0) head.write(path.slice(0, cut), 345);
  octal(head.reduce((sum, byte) => sum + byte, 0), 148, 7);
  head.write("\u0000 ", 154);
  return head;
}
