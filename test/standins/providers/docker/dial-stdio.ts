import { spawn, type ChildProcessWithoutNullStreams } from "node:child_process";
import type { Agent } from "node:http";
import { Duplex } from "node:stream";
import { http } from "../lib/modules.ts";

/**
 * An HTTP agent whose connections are `ssh HOST docker system dial-stdio`, the helper that the docker CLI and the
 * real provider use (tf/internal/provider/config.go); each is kept for the next request.
 */
export function sshAgent(url: URL, options: readonly string[]): Agent {
  const args = [...options];
  if (url.username !== "") args.push("-l", decodeURIComponent(url.username));
  if (url.port !== "") args.push("-p", url.port);
  return new StreamAgent(() => new ProcessStream("ssh", [...args, "--", url.hostname, "docker", "system", "dial-stdio"]));
}

// Keeps connections that are no sockets: the inherited methods call setKeepAlive and ref, which a pipe has not.
class StreamAgent extends http.Agent {
  readonly #connect: () => Duplex;

  constructor(connect: () => Duplex) {
    // Well below sshd's default MaxStartups of 10 unauthenticated connections.
    super({ keepAlive: true, maxSockets: 4 });
    this.#connect = connect;
  }

  override createConnection(): Duplex {
    return this.#connect();
  }

  override keepSocketAlive(): boolean {
    return true;
  }

  override reuseSocket(): void {
    // nothing to restore
  }
}

// A process's input and output as one stream; it fails with what the process said when that ends badly.
class ProcessStream extends Duplex {
  readonly #child: ChildProcessWithoutNullStreams;

  constructor(program: string, args: readonly string[]) {
    super();
    const child = spawn(program, args, { stdio: "pipe" });
    this.#child = child;
    let said = "";
    child.stderr.on("data", (chunk: Buffer) => (said += chunk.toString()));
    child.stdout.on("data", (chunk: Buffer) => {
      if (!this.push(chunk)) child.stdout.pause();
    });
    // Its end explains a broken pipe better than the pipe does.
    child.stdin.on("error", () => undefined);
    child.once("error", (error) => this.destroy(error));
    child.once("close", (code) => {
      if (code === 0) this.push(null);
      else this.destroy(new Error(`${program} ${args.join(" ")} ended with ${code}: ${said.trim()}`));
    });
  }

  override _read(): void {
    this.#child.stdout.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#child.stdin.write(chunk, () => done());
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#child.stdin.end(() => done());
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#child.kill();
    done(error);
  }
}
