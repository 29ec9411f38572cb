import { setTimeout as pause } from "node:timers/promises";
import { compare, type DiffRules } from "../lib/diff.ts";
import { autoname, isAutonamed, withDefaults } from "../lib/names.ts";
import type { CheckCall, Checked, CreateCall, DeleteCall, DiffCall, Diffed, Live, ReadCall, Resource, UpdateCall } from "../lib/resource.ts";
import { compact, flag, isProps, list, props, text, type Props, type Value } from "../lib/values.ts";
import { labelMap } from "./container-spec.ts";
import { DaemonError, explained, type Daemon } from "./daemon.ts";
import { logicalName, unserved } from "./inputs.ts";

const INPUTS = ["attachable", "driver", "ingress", "internal", "ipamConfigs", "ipamDriver", "ipamOptions", "ipv6", "labels", "name", "options"];
const RULES: DiffRules = {
  replaces: () => true,
  sets: new Set(["labels", "ipamConfigs"]),
  computed: new Set(["driver", "internal", "ipamConfigs", "options"]),
  zeroIsNothing: true,
};

/** docker:index/network:Network: every change, a label's too, is a new network (tf/internal/provider/resource_docker_network.go). */
export class Network implements Resource {
  readonly computed = ["driver", "internal", "ipamConfigs", "options", "scope"];
  readonly #daemon: () => Daemon;

  constructor(daemon: () => Daemon) {
    this.#daemon = daemon;
  }

  check({ urn, olds, news, seed }: CheckCall): Checked {
    return { inputs: autoname(logicalName(urn), olds, withDefaults(news, { ipamDriver: "default" }), seed), failures: unserved("a network", INPUTS, news) };
  }

  diff({ oldInputs, news, state }: DiffCall): Diffed {
    return { changes: compare(oldInputs, news, RULES, state), deleteBeforeReplace: !isAutonamed(news) };
  }

  async create({ inputs }: CreateCall): Promise<{ id: string; outputs: Props }> {
    const daemon = this.#daemon();
    const body = compact({
      Name: inputs["name"],
      CheckDuplicate: true,
      Driver: inputs["driver"],
      Internal: inputs["internal"],
      Attachable: inputs["attachable"],
      Ingress: inputs["ingress"],
      EnableIPv6: inputs["ipv6"],
      Labels: labelMap(inputs),
      Options: inputs["options"],
      IPAM: compact({ Driver: inputs["ipamDriver"], Options: inputs["ipamOptions"], Config: ipamBody(inputs) }),
    });
    const created = await explained("Unable to create network", daemon.call("POST", "/networks/create", body));
    const id = isProps(created) ? (text(created, "Id") ?? "") : "";
    const inspect = await daemon.call("GET", `/networks/${id}`);
    return { id, outputs: outputsOf(inputs, isProps(inspect) ? inspect : {}) };
  }

  previewUpdate({ state, inputs }: Pick<UpdateCall, "state" | "inputs">): Props {
    return { ...state, ...inputs };
  }

  update({ id }: UpdateCall): Promise<Props> {
    return Promise.reject(new Error(`The network ${id} cannot be updated in place.`));
  }

  /** Waits up to 30 s while containers are still leaving, as upstream does. */
  async delete({ id }: DeleteCall): Promise<void> {
    const daemon = this.#daemon();
    const deadline = Date.now() + 30_000;
    for (;;) {
      try {
        await daemon.call("DELETE", `/networks/${id}`);
        return;
      } catch (error) {
        if (error instanceof DaemonError && error.status === 404) return;
        const busy = error instanceof DaemonError && error.message.includes("has active endpoints");
        if (!busy || Date.now() > deadline) throw error;
      }
      await pause(250);
    }
  }

  async read({ id, state, inputs }: ReadCall): Promise<Live | undefined> {
    const inspect = await this.#daemon().find(`/networks/${id}`);
    if (!isProps(inspect)) return undefined;
    const known = Object.keys(inputs).length > 0 ? inputs : state;
    const live = readBack(inspect);
    const found = { ...known };
    for (const [property, value] of Object.entries(live)) if (found[property] !== undefined && property !== "ipamConfigs") found[property] = value;
    return { id, outputs: outputsOf({ ...state, ...found }, inspect), inputs: found };
  }
}

function readBack(inspect: Props): Props {
  return compact({
    name: text(inspect, "Name"),
    driver: text(inspect, "Driver"),
    internal: flag(inspect, "Internal"),
    attachable: flag(inspect, "Attachable"),
    ingress: flag(inspect, "Ingress"),
    ipv6: flag(inspect, "EnableIPv6"),
  });
}

function outputsOf(inputs: Props, inspect: Props): Props {
  return {
    ...inputs,
    ...readBack(inspect),
    scope: text(inspect, "Scope") ?? "",
    options: props(inspect, "Options"),
    ipamConfigs: list(props(inspect, "IPAM"), "Config").map((config) =>
      compact({ subnet: config["Subnet"], gateway: config["Gateway"], ipRange: config["IPRange"], auxAddress: config["AuxiliaryAddresses"] }),
    ),
  };
}

function ipamBody(inputs: Props): Value[] | undefined {
  const configs = list(inputs, "ipamConfigs");
  if (configs.length === 0) return undefined;
  return configs.map((config) =>
    compact({ Subnet: config["subnet"], Gateway: config["gateway"], IPRange: config["ipRange"], AuxiliaryAddresses: config["auxAddress"] }),
  );
}
