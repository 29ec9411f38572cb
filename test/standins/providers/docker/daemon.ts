import { readFileSync } from "node:fs";
import type { ClientRequest, OutgoingHttpHeaders, RequestOptions } from "node:http";
import https from "node:https";
import { join } from "node:path";
import { http } from "../lib/modules.ts";
import { valueOf, type Props, type Value } from "../lib/values.ts";
import { sshAgent } from "./dial-stdio.ts";

/** How to reach a daemon: the provider's configuration. */
export interface DaemonAddress {
  /** unix://, tcp:// or ssh://. */
  readonly host: string;
  /** Further arguments of ssh. */
  readonly sshOpts: readonly string[];
  /** Directory with ca.pem, cert.pem and key.pem, or their contents; absent = plain HTTP over tcp. */
  readonly tls: { readonly ca: string; readonly cert: string; readonly key: string } | undefined;
}

/** A refusal of the daemon; `message` is what it said, headed as the docker CLI heads it. */
export class DaemonError extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(`Error response from daemon: ${message}`);
    this.status = status;
  }
}

/** The Docker Engine API of one daemon. Values travel in request bodies, never in an argument list. */
export class Daemon {
  readonly host: string;
  readonly #request: (options: RequestOptions) => ClientRequest;

  constructor(address: DaemonAddress) {
    this.host = address.host;
    this.#request = transport(address);
  }

  /** Fails as the real provider does when no daemon answers (configureDockerClient, dk/provider/image.go). */
  async ping(): Promise<void> {
    try {
      await this.call("GET", "/_ping");
    } catch (error) {
      throw new Error(`failed to connect to any docker daemon: ${this.host}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  /** A call with a JSON body and a JSON answer (null when it is empty). Throws DaemonError on any status from 400. */
  async call(method: string, path: string, body?: Props): Promise<Value> {
    const { status, text } = await this.#send(method, path, body === undefined ? undefined : Buffer.from(JSON.stringify(body)), "application/json");
    if (status >= 400) throw new DaemonError(status, complaint(text));
    return parsed(text);
  }

  /** Like `call`, but `undefined` for 404. */
  async find(path: string): Promise<Value | undefined> {
    try {
      return await this.call("GET", path);
    } catch (error) {
      if (error instanceof DaemonError && error.status === 404) return undefined;
      throw error;
    }
  }

  /** Puts a tar archive into a container below the path. */
  async putArchive(container: string, path: string, tar: Buffer): Promise<void> {
    const { status, text } = await this.#send("PUT", `/containers/${container}/archive?path=${encodeURIComponent(path)}`, tar, "application/x-tar");
    if (status >= 400) throw new DaemonError(status, complaint(text));
  }

  /** A call whose answer is not JSON (logs); its bytes. */
  async bytes(method: string, path: string): Promise<Buffer> {
    const { status, raw } = await this.#send(method, path, undefined, undefined);
    if (status >= 400) throw new DaemonError(status, complaint(raw.toString()));
    return raw;
  }

  /** A call that reports progress as JSON lines (pull); throws the first error line. */
  async stream(path: string, headers: OutgoingHttpHeaders): Promise<void> {
    const { status, text } = await this.#send("POST", path, undefined, undefined, headers);
    if (status >= 400) throw new DaemonError(status, complaint(text));
    for (const line of text.split("\n").filter((candidate) => candidate.trim() !== "")) {
      const event = parsed(line);
      if (typeof event === "object" && event !== null && !Array.isArray(event) && typeof event["error"] === "string") {
        throw new DaemonError(500, event["error"]);
      }
    }
  }

  #send(method: string, path: string, body: Buffer | undefined, type: string | undefined, more: OutgoingHttpHeaders = {}): Promise<{ status: number; raw: Buffer; text: string }> {
    const headers: OutgoingHttpHeaders = { host: "docker", "content-length": body?.length ?? 0, ...more };
    if (type !== undefined) headers["content-type"] = type;
    return new Promise((resolve, reject) => {
      const request = this.#request({ method, path, headers });
      request.once("error", reject);
      request.once("response", (response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.once("error", reject);
        response.once("end", () => {
          const raw = Buffer.concat(chunks);
          resolve({ status: response.statusCode ?? 0, raw, text: raw.toString() });
        });
      });
      request.end(body);
    });
  }
}

/** Adds what was attempted to a failure. */
export async function explained<Answer>(what: string, work: Promise<Answer>): Promise<Answer> {
  try {
    return await work;
  } catch (error) {
    throw new Error(`${what}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function parsed(text: string): Value {
  try {
    return text.trim() === "" ? null : valueOf(JSON.parse(text));
  } catch {
    return text;
  }
}

function complaint(text: string): string {
  const answer = parsed(text);
  if (typeof answer === "object" && answer !== null && !Array.isArray(answer) && typeof answer["message"] === "string") return answer["message"];
  return text.trim();
}

function transport({ host, sshOpts, tls }: DaemonAddress): (options: RequestOptions) => ClientRequest {
  const url = new URL(host);
  switch (url.protocol) {
    case "unix:": {
      const agent = new http.Agent({ keepAlive: true });
      return (options) => http.request({ ...options, agent, socketPath: decodeURIComponent(url.pathname) });
    }
    case "ssh:": {
      const agent = sshAgent(url, sshOpts);
      return (options) => http.request({ ...options, agent });
    }
    case "tcp:":
    case "http:":
    case "https:": {
      const port = url.port === "" ? (tls === undefined ? 2375 : 2376) : Number(url.port);
      if (tls === undefined && url.protocol !== "https:") {
        const agent = new http.Agent({ keepAlive: true });
        return (options) => http.request({ ...options, agent, hostname: url.hostname, port });
      }
      const agent = new https.Agent({ keepAlive: true, ...tls });
      return (options) => https.request({ ...options, agent, hostname: url.hostname, port });
    }
    default:
      throw new Error(`The docker provider's host is ${host}; expected unix://, tcp:// or ssh://.`);
  }
}

/** Reads the three TLS files of a directory, as `certPath` names it. */
export function tlsFrom(directory: string): { ca: string; cert: string; key: string } {
  const read = (name: string): string => readFileSync(join(directory, name), "utf8");
  return { ca: read("ca.pem"), cert: read("cert.pem"), key: read("key.pem") };
}
