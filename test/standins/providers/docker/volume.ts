import { setTimeout as pause } from "node:timers/promises";
import { compare, type DiffRules } from "../lib/diff.ts";
import { autoname, isAutonamed } from "../lib/names.ts";
import type { CheckCall, Checked, CreateCall, DeleteCall, DiffCall, Diffed, Live, ReadCall, Resource, UpdateCall } from "../lib/resource.ts";
import { compact, isProps, text, type Props } from "../lib/values.ts";
import { labelMap } from "./container-spec.ts";
import { DaemonError, explained, type Daemon } from "./daemon.ts";
import { logicalName, unserved } from "./inputs.ts";

const RULES: DiffRules = { replaces: () => true, sets: new Set(["labels"]), computed: new Set(["driver"]), zeroIsNothing: true };

/** docker:index/volume:Volume: every change, a label's too, deletes the volume with its data (tf/internal/provider/resource_docker_volume.go). */
export class Volume implements Resource {
  readonly computed = ["driver", "mountpoint"];
  readonly #daemon: () => Daemon;

  constructor(daemon: () => Daemon) {
    this.#daemon = daemon;
  }

  check({ urn, olds, news, seed }: CheckCall): Checked {
    return { inputs: autoname(logicalName(urn), olds, news, seed), failures: unserved("a volume", ["driver", "driverOpts", "labels", "name"], news) };
  }

  diff({ oldInputs, news, state }: DiffCall): Diffed {
    return { changes: compare(oldInputs, news, RULES, state), deleteBeforeReplace: !isAutonamed(news) };
  }

  /** The daemon's create is idempotent: a volume of that name is adopted as it is, labels and data included. */
  async create({ inputs }: CreateCall): Promise<{ id: string; outputs: Props }> {
    const body = compact({ Name: inputs["name"], Driver: inputs["driver"], DriverOpts: inputs["driverOpts"], Labels: labelMap(inputs) });
    const created = await explained("Unable to create volume", this.#daemon().call("POST", "/volumes/create", body));
    const inspect = isProps(created) ? created : {};
    return { id: text(inspect, "Name") ?? "", outputs: outputsOf(inputs, inspect) };
  }

  previewUpdate({ state, inputs }: Pick<UpdateCall, "state" | "inputs">): Props {
    return { ...state, ...inputs };
  }

  update({ id }: UpdateCall): Promise<Props> {
    return Promise.reject(new Error(`The volume ${id} cannot be updated in place.`));
  }

  /** Waits up to 30 s while a container still holds the volume. */
  async delete({ id }: DeleteCall): Promise<void> {
    const daemon = this.#daemon();
    const deadline = Date.now() + 30_000;
    for (;;) {
      try {
        await daemon.call("DELETE", `/volumes/${encodeURIComponent(id)}?force=true`);
        return;
      } catch (error) {
        if (error instanceof DaemonError && error.status === 404) return;
        const busy = error instanceof DaemonError && error.message.includes("volume is in use");
        if (!busy || Date.now() > deadline) throw error;
      }
      await pause(250);
    }
  }

  async read({ id, state, inputs }: ReadCall): Promise<Live | undefined> {
    const inspect = await this.#daemon().find(`/volumes/${encodeURIComponent(id)}`);
    if (!isProps(inspect)) return undefined;
    return { id, outputs: outputsOf(state, inspect), inputs };
  }
}

function outputsOf(inputs: Props, inspect: Props): Props {
  return { ...inputs, name: text(inspect, "Name") ?? "", driver: text(inspect, "Driver") ?? "", mountpoint: text(inspect, "Mountpoint") ?? "" };
}
