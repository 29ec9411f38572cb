import { setTimeout as pause } from "node:timers/promises";
import { compare, type Changes } from "../lib/diff.ts";
import { autoname, withDefaults, withNestedDefaults } from "../lib/names.ts";
import { InitFailed, type CheckCall, type Checked, type CheckFailure, type CreateCall, type DeleteCall, type DiffCall, type Diffed, type Live, type ReadCall, type Resource, type UpdateCall } from "../lib/resource.ts";
import { count, flag, isProps, list, props, text, type Props } from "../lib/values.ts";
import { connectBody, createBody, limits } from "./container-spec.ts";
import { COMPUTED, FALLBACKS, PROPERTIES, RULES } from "./container-properties.ts";
import { drifted, outputsOf } from "./container-state.ts";
import { DaemonError, explained, type Daemon } from "./daemon.ts";
import { ensureImage } from "./images.ts";
import { logsOf } from "./logs.ts";
import { logicalName, unserved } from "./inputs.ts";
import { uploadTar } from "./uploads.ts";

/** docker:index/container:Container. */
export class Container implements Resource {
  readonly computed = COMPUTED;
  readonly #daemon: () => Daemon;

  constructor(daemon: () => Daemon) {
    this.#daemon = daemon;
  }

  check({ urn, olds, news, seed }: CheckCall): Checked {
    const failures: CheckFailure[] = unserved("a container", Object.keys(PROPERTIES), news);
    if (news["image"] === undefined) failures.push({ property: "image", reason: "Missing required property 'image'" });
    let inputs = withDefaults(news, FALLBACKS);
    inputs = withNestedDefaults(inputs, "ports", { ip: "0.0.0.0", protocol: "tcp" });
    inputs = withNestedDefaults(inputs, "healthcheck", { interval: "0s", startInterval: "0s", startPeriod: "0s", timeout: "0s" });
    return { inputs: autoname(logicalName(urn), olds, inputs, seed), failures };
  }

  /** A replaced container is deleted first: DeleteBeforeReplace in dk/provider/resources.go. */
  diff({ oldInputs, state, news }: DiffCall): Diffed {
    return { changes: containerChanges(oldInputs, state, news), deleteBeforeReplace: true };
  }

  /** Any failure after the daemon made it leaves the container in state as not initialised. */
  async create({ urn, inputs }: CreateCall): Promise<{ id: string; outputs: Props }> {
    const daemon = this.#daemon();
    const image = text(inputs, "image") ?? "";
    await explained(`Unable to create container with image ${image}`, ensureImage(daemon, image));
    const platform = text(inputs, "platform");
    const query = new URLSearchParams({ name: text(inputs, "name") ?? "", ...(platform === undefined ? {} : { platform }) });
    const created = await explained("Unable to create container", daemon.call("POST", `/containers/create?${query.toString()}`, createBody(inputs)));
    const id = isProps(created) ? (text(created, "Id") ?? "") : "";
    let logs: string | undefined;
    try {
      await prepare(daemon, id, inputs);
      if (flag(inputs, "start") === true) logs = await start(daemon, id, inputs);
    } catch (error) {
      // Nothing is read back then: the state holds the inputs alone (br/pkg/tfbridge/provider.go, Create).
      throw new InitFailed(`creating ${urn}: ${error instanceof Error ? error.message : String(error)}`, { id, inputs, outputs: inputs });
    }
    const inspect = await daemon.find(`/containers/${id}/json`);
    const outputs = isProps(inspect) ? outputsOf(inputs, inspect) : { ...inputs, mustRun: false };
    return { id, outputs: logs === undefined ? outputs : { ...outputs, containerLogs: logs } };
  }

  /**
   * Applies limits and the restart policy, and starts a stopped container that must run (not one made with `start: false`).
   * Does not look at the container again: a health that `wait` missed at the create is not waited for here.
   */
  async update({ id, state, oldInputs, inputs }: UpdateCall): Promise<Props> {
    const daemon = this.#daemon();
    const changes = containerChanges(oldInputs, state, inputs);
    if ([...changes.keys()].some((path) => path !== "mustRun" && PROPERTIES[path]?.effect === "apply")) {
      await explained("Unable to update a container", daemon.call("POST", `/containers/${id}/update`, limits(inputs)));
    }
    if (changes.has("mustRun") && flag(inputs, "mustRun") === true && flag(inputs, "start") === true) {
      await explained("Unable to start container", daemon.call("POST", `/containers/${id}/start`));
    }
    return this.previewUpdate({ state, inputs });
  }

  previewUpdate({ state, inputs }: Pick<UpdateCall, "state" | "inputs">): Props {
    const kept = Object.entries(state).filter(([property]) => PROPERTIES[property] === undefined || PROPERTIES[property].computed === true);
    return { ...Object.fromEntries(kept), ...inputs };
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
}

/**
 * The real provider compares with what it last read: a container that had ended by then shows `mustRun`, and one that
 * failed before it was read shows `networkDatas` as new and, where the program leaves them to the image, command and
 * entry point as a replacement.
 */
function containerChanges(oldInputs: Props, state: Props, news: Props): Changes {
  const ran = flag(state, "mustRun");
  const olds = ran === undefined ? oldInputs : { ...oldInputs, mustRun: ran };
  const changes = compare(olds, news, RULES, state);
  if (state["networkDatas"] === undefined) {
    changes.set("networkDatas", { kind: "add", replace: false });
    for (const property of ["command", "entrypoints"]) {
      if (news[property] === undefined && state[property] === undefined) changes.set(property, { kind: "add", replace: true });
    }
  }
  return changes;
}

// Networks and files, before the first start: on the default bridge it was made, and leaves it for those it names.
async function prepare(daemon: Daemon, id: string, inputs: Props): Promise<void> {
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

async function leave(daemon: Daemon, network: string, container: string): Promise<void> {
  try {
    await daemon.call("POST", `/networks/${network}/disconnect`, { Container: container, Force: false });
  } catch (error) {
    if (!(error instanceof DaemonError && error.message.includes("is not connected to"))) throw error;
  }
}

// The log, when it was asked for together with waiting for the end.
async function start(daemon: Daemon, id: string, inputs: Props): Promise<string | undefined> {
  // Asked before the start: a container with `rm` is gone once it has ended.
  const attached = flag(inputs, "attach") === true;
  const ended = attached ? daemon.call("POST", `/containers/${id}/wait?condition=next-exit`) : undefined;
  const logs = attached && flag(inputs, "logs") === true ? logsOf(daemon, id, flag(inputs, "tty") === true) : undefined;
  const started = explained("Unable to start container", daemon.call("POST", `/containers/${id}/start`));
  await Promise.race([started, ended]);
  await started;
  if (flag(inputs, "wait") === true) await healthy(daemon, id, count(inputs, "waitTimeout") ?? 60);
  await ended;
  // A command that cannot work ends within this time, which the state should show.
  if (!attached) await pause(50);
  return logs;
}

async function healthy(daemon: Daemon, id: string, seconds: number): Promise<void> {
  const deadline = Date.now() + seconds * 1000;
  let status = "unknown";
  while (Date.now() < deadline) {
    const inspect = await daemon.find(`/containers/${id}/json`);
    const health = isProps(inspect) ? text(props(props(inspect, "State"), "Health"), "Status") : "gone";
    if (health === undefined) throw new Error("The container has no healthcheck, so `wait` can never end: give it one or leave `wait` out.");
    if (health === "healthy") return;
    status = health;
    await pause(200);
  }
  throw new Error(`The container was not healthy within waitTimeout (${seconds} s): its health is "${status}".`);
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
