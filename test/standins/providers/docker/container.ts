import { setTimeout as pause } from "node:timers/promises";
import { compare } from "../lib/diff.ts";
import { autoname } from "../lib/names.ts";
import { InitFailed, type CheckCall, type Checked, type CheckFailure, type CreateCall, type DeleteCall, type Diffed, type Live, type ReadCall, type Resource, type UpdateCall } from "../lib/resource.ts";
import { count, flag, isProps, list, props, text, type Props } from "../lib/values.ts";
import { connectBody, createBody, limits } from "./container-spec.ts";
import { COMPUTED, PROPERTIES, SETS } from "./container-properties.ts";
import { drifted, outputsOf } from "./container-state.ts";
import { DaemonError, type Daemon } from "./daemon.ts";
import { ensureImage } from "./images.ts";
import { uploadTar } from "./uploads.ts";

/** docker:index/container:Container. */
export class Container implements Resource {
  readonly computed = COMPUTED;
  readonly #daemon: () => Daemon;

  constructor(daemon: () => Daemon) {
    this.#daemon = daemon;
  }

  check({ urn, olds, news, seed }: CheckCall): Checked {
    const failures: CheckFailure[] = [];
    if (news["image"] === undefined) failures.push({ property: "image", reason: "Missing required property 'image'" });
    for (const property of Object.keys(news)) {
      if (!property.startsWith("__") && PROPERTIES[property] === undefined) {
        failures.push({ property, reason: `This stand-in does not serve ${property} of a container: install the real docker plug-in.` });
      }
    }
    const inputs = { ...news };
    for (const [property, { fallback }] of Object.entries(PROPERTIES)) if (fallback !== undefined) inputs[property] ??= fallback;
    return { inputs: autoname(logicalName(urn), olds, inputs, seed), failures };
  }

  /** A replaced container is deleted first: DeleteBeforeReplace in dk/provider/resources.go. */
  diff(oldInputs: Props, news: Props): Diffed {
    const replaces = (property: string): boolean => PROPERTIES[property]?.effect === "replace";
    return { changes: compare(oldInputs, news, { replaces, sets: SETS }), deleteBeforeReplace: true };
  }

  async create({ inputs }: CreateCall): Promise<{ id: string; outputs: Props }> {
    const daemon = this.#daemon();
    await ensureImage(daemon, text(inputs, "image") ?? "");
    const platform = text(inputs, "platform");
    const query = new URLSearchParams({ name: text(inputs, "name") ?? "", ...(platform === undefined ? {} : { platform }) });
    const created = await explained("Unable to create container", daemon.call("POST", `/containers/create?${query}`, createBody(inputs)));
    const id = isProps(created) ? (text(created, "Id") ?? "") : "";
    try {
      await this.#prepare(daemon, id, inputs);
      if (flag(inputs, "start") !== false) await this.#start(daemon, id, inputs);
    } catch (error) {
      throw new InitFailed(error instanceof Error ? error.message : String(error), await this.#live(id, inputs));
    }
    const live = await this.#live(id, inputs);
    return { id, outputs: live.outputs };
  }

  /** Networks and files, before the first start: on the default bridge it was made, and leaves it for those it names. */
  async #prepare(daemon: Daemon, id: string, inputs: Props): Promise<void> {
    const networks = list(inputs, "networksAdvanced");
    if (networks.length > 0) await explained("Unable to disconnect the default network", leave(daemon, "bridge", id));
    for (const network of networks) {
      const name = encodeURIComponent(text(network, "name") ?? "");
      await explained("Unable to connect to network", daemon.call("POST", `/networks/${name}/connect`, connectBody(id, network)));
    }
    for (const upload of list(inputs, "uploads")) {
      await explained("Unable to upload volume content", daemon.putArchive(id, "/", uploadTar(upload)));
    }
  }

  async #start(daemon: Daemon, id: string, inputs: Props): Promise<void> {
    await explained("Unable to start container", daemon.call("POST", `/containers/${id}/start`));
    if (flag(inputs, "wait") === true) await healthy(daemon, id, count(inputs, "waitTimeout") ?? 60);
    if (flag(inputs, "attach") === true) await daemon.call("POST", `/containers/${id}/wait`);
    else if (flag(inputs, "mustRun") !== false) await stillRuns(daemon, id);
  }

  async update({ id, state, oldInputs, inputs }: UpdateCall): Promise<Props> {
    const daemon = this.#daemon();
    const { changes } = this.diff(oldInputs, inputs);
    const changed = (property: string): boolean => [...changes.keys()].some((path) => path === property || path.startsWith(`${property}[`) || path.startsWith(`${property}.`));
    const applied = Object.keys(PROPERTIES).filter((property) => PROPERTIES[property]?.effect === "apply" && property !== "mustRun");
    if (applied.some(changed)) await explained("Unable to update a container", daemon.call("POST", `/containers/${id}/update`, limits(inputs)));
    if (flag(inputs, "mustRun") !== false && flag(state, "mustRun") === false) {
      await explained("Unable to start container", daemon.call("POST", `/containers/${id}/start`));
    }
    return (await this.#live(id, inputs)).outputs;
  }

  /** Stop with `destroyGraceSeconds` (default 0: SIGKILL at once; stopTimeout has no say), then a forced remove. */
  async delete({ id, state }: DeleteCall): Promise<void> {
    const daemon = this.#daemon();
    const grace = count(state, "destroyGraceSeconds") ?? 0;
    const volumes = flag(state, "removeVolumes") !== false;
    await gone(daemon.call("POST", `/containers/${id}/stop?t=${grace}`));
    await gone(daemon.call("DELETE", `/containers/${id}?force=true&v=${volumes}`));
    await removed(daemon, id);
  }

  async read({ id, state, inputs }: ReadCall): Promise<Live | undefined> {
    const inspect = await this.#daemon().find(`/containers/${id}/json`);
    if (!isProps(inspect)) return undefined;
    const found = drifted(Object.keys(inputs).length > 0 ? inputs : state, inspect);
    return { id, outputs: outputsOf({ ...state, ...found }, inspect), inputs: found };
  }

  async #live(id: string, inputs: Props): Promise<Live> {
    const daemon = this.#daemon();
    const inspect = await daemon.find(`/containers/${id}/json`);
    if (!isProps(inspect)) {
      if (flag(inputs, "rm") === true) return { id, inputs, outputs: inputs };
      throw new Error(`The container ${id} is gone right after it was made.`);
    }
    const outputs = outputsOf(inputs, inspect);
    if (flag(inputs, "logs") === true) outputs["containerLogs"] = await logsOf(daemon, id, flag(inputs, "tty") === true);
    return { id, inputs, outputs };
  }
}

/** The last part of a URN: the name the program gave. */
export function logicalName(urn: string): string {
  return urn.split("::").at(-1) ?? urn;
}

/** Adds what was attempted to a failure. */
export async function explained<Answer>(what: string, work: Promise<Answer>): Promise<Answer> {
  try {
    return await work;
  } catch (error) {
    throw new Error(`${what}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

async function leave(daemon: Daemon, network: string, container: string): Promise<void> {
  try {
    await daemon.call("POST", `/networks/${network}/disconnect`, { Container: container, Force: false });
  } catch (error) {
    if (!(error instanceof DaemonError && error.message.includes("is not connected to"))) throw error;
  }
}

async function healthy(daemon: Daemon, id: string, seconds: number): Promise<void> {
  const deadline = Date.now() + seconds * 1000;
  let status = "unknown";
  while (Date.now() < deadline) {
    const inspect = await daemon.call("GET", `/containers/${id}/json`);
    status = isProps(inspect) ? (text(props(props(inspect, "State"), "Health"), "Status") ?? "none") : "gone";
    if (status === "healthy") return;
    await pause(200);
  }
  throw new Error(`The container ${id} was not healthy after ${seconds} s (waitTimeout): its health is ${status}.`);
}

async function stillRuns(daemon: Daemon, id: string): Promise<void> {
  const inspect = await daemon.find(`/containers/${id}/json`);
  const state = isProps(inspect) ? props(inspect, "State") : {};
  if (flag(state, "Running") === true || flag(state, "Restarting") === true || inspect === undefined) return;
  throw new Error(`The container ${id} ended with ${count(state, "ExitCode")} right after its start: ${text(state, "Error") ?? ""}`);
}

// 404 = already deleted; 409 = being removed by somebody else; 304 = already stopped, which is no error.
async function gone(work: Promise<unknown>): Promise<void> {
  try {
    await work;
  } catch (error) {
    if (!(error instanceof DaemonError && (error.status === 404 || (error.status === 409 && error.message.includes("already in progress"))))) throw error;
  }
}

async function removed(daemon: Daemon, id: string): Promise<void> {
  const deadline = Date.now() + 60_000;
  while ((await daemon.find(`/containers/${id}/json`)) !== undefined) {
    if (Date.now() > deadline) throw new Error(`The container ${id} is still there 60 s after its removal.`);
    await pause(100);
  }
}

async function logsOf(daemon: Daemon, id: string, tty: boolean): Promise<string> {
  const raw = await daemon.bytes(`/containers/${id}/logs?stdout=1&stderr=1`);
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
