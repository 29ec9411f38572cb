import type { Daemon } from "./daemon.ts";

/** What a container writes, standard output and error together, until it ends. */
export async function logsOf(daemon: Daemon, id: string, tty: boolean): Promise<string> {
  const raw = await daemon.bytes("POST", `/containers/${id}/attach?logs=1&stream=1&stdout=1&stderr=1`);
  if (tty) return raw.toString();
  // Without a terminal each piece has an 8-byte head: stream, 0, 0, 0, length (Docker Engine API, "Attach to a container").
  const pieces: Buffer[] = [];
  for (let at = 0; at + 8 <= raw.length; ) {
    const length = raw.readUInt32BE(at + 4);
    pieces.push(raw.subarray(at + 8, at + 8 + length));
    at += 8 + length;
  }
  return Buffer.concat(pieces).toString();
}
