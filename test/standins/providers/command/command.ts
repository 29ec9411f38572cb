import { randomBytes } from "node:crypto";
import { compare } from "../lib/diff.ts";
import type { Engine } from "../lib/engine.ts";
import type { CheckCall, Checked, CheckFailure, CreateCall, DeleteCall, DiffCall, Diffed, Live, ReadCall, Resource, UpdateCall, Work } from "../lib/resource.ts";
import { flag, isProps, plain, plainProps, props, text, texts, UNKNOWN, type Props, type Value } from "../lib/values.ts";
import { run, type Output, type Stream } from "./shell.ts";

// Inputs and their types (cmd/provider/pkg/provider/local/command.go, schema of 1.2.1).
const INPUTS: { readonly [name: string]: "string" | "boolean" | "list" | "map" | "any" } = {
  addPreviousOutputInEnv: "boolean",
  create: "string",
  delete: "string",
  dir: "string",
  environment: "map",
  interpreter: "list",
  logging: "string",
  stdin: "string",
  triggers: "any",
  update: "string",
};

const STREAMS: { readonly [logging: string]: readonly Stream[] } = { stdout: ["stdout"], stderr: ["stderr"], stdoutAndStderr: ["stdout", "stderr"] };

/** command:local:Command of pulumi-command 1.2.1. */
export class Command implements Resource {
  readonly computed = ["stdout", "stderr"];
  readonly #engine: Engine;
  readonly #cancelled: AbortSignal;

  constructor(engine: Engine, cancelled: AbortSignal) {
    this.#engine = engine;
    this.#cancelled = cancelled;
  }

  check({ news }: CheckCall): Checked {
    const failures: CheckFailure[] = [];
    for (const [property, value] of Object.entries(news)) {
      const reason = wrongInput(property, plain(value));
      if (reason !== undefined) failures.push({ property, reason });
    }
    return { inputs: news, failures };
  }

  /**
   * The provider asks for a replacement only where `triggers` appears, disappears or is unknown as a whole; a changed
   * item is replaced because the SDK adds replaceOnChanges: ["triggers[*]"] to every Command (@pulumi/command local/command.js).
   * Never deleteBeforeReplace: the new `create` runs before the old `delete`.
   */
  diff({ oldInputs, news }: DiffCall): Diffed {
    const changes = compare(oldInputs, news, { replaces: () => false });
    const triggers = changes.get("triggers");
    if (triggers !== undefined) changes.set("triggers", { ...triggers, replace: true });
    return { changes, deleteBeforeReplace: false };
  }

  async create({ urn, timeout, inputs }: CreateCall): Promise<{ id: string; outputs: Props }> {
    const output = await this.#run({ urn, timeout }, text(plainProps(inputs), "create"), inputs, undefined);
    return { id: identity(urn), outputs: { ...inputs, ...output } };
  }

  /** Any changed input runs `update`, else `create` again (local/commandController.go, Update). */
  async update({ urn, timeout, state, inputs }: UpdateCall): Promise<Props> {
    const known = plainProps(inputs);
    const output = await this.#run({ urn, timeout }, text(known, "update") ?? text(known, "create"), inputs, state);
    return { ...inputs, ...(output ?? previous(state)) };
  }

  /**
   * The outputs are unknown when an input that was there changes or goes; one that is only added leaves them as they
   * are, although the command runs again (observed with 1.2.1 on pulumi-go-provider v1.3.0).
   */
  previewUpdate({ state, oldInputs, inputs }: Pick<UpdateCall, "state" | "oldInputs" | "inputs">): Props {
    const changed = [...this.diff({ oldInputs, state, news: inputs }).changes].some(([path, { kind }]) => kind !== "add" || /[.[]/.test(path));
    return { ...inputs, ...(changed ? { stdout: UNKNOWN, stderr: UNKNOWN } : previous(state)) };
  }

  /** Runs the `delete` that is in state, with the environment that is in state. */
  async delete({ urn, timeout, state }: DeleteCall): Promise<void> {
    await this.#run({ urn, timeout }, text(plainProps(state), "delete"), state, state);
  }

  /** A refresh runs nothing: the state stands as it is. */
  read({ id, state, inputs }: ReadCall): Promise<Live> {
    return Promise.resolve({ id, outputs: state, inputs });
  }

  async #run({ urn, timeout }: Work, command: string | undefined, marked: Props, state: Props | undefined): Promise<{ stdout: string; stderr: string } | undefined> {
    if (this.#cancelled.aborted) throw new Error(`context canceled: running ${JSON.stringify(command ?? "")}:\n`);
    if (command === undefined) return state === undefined ? { stdout: "", stderr: "" } : undefined;
    const inputs = plainProps(marked);
    const logging = text(inputs, "logging") ?? "stdoutAndStderr";
    const limit = timeout > 0 ? AbortSignal.any([this.#cancelled, AbortSignal.timeout(timeout * 1000)]) : this.#cancelled;
    const interpreter = texts(inputs, "interpreter");
    let output: Output;
    try {
      output = await run({
        command,
        interpreter: interpreter.length > 0 ? interpreter : ["/bin/sh", "-c"],
        dir: text(inputs, "dir"),
        environment: { ...previousOutput(inputs, state), ...strings(props(inputs, "environment")) },
        stdin: text(inputs, "stdin"),
        logged: STREAMS[logging] ?? [],
        onLine: (line) => this.#engine.status(urn, line),
        signal: limit,
      });
    } finally {
      await this.#engine.flush();
    }
    return { stdout: output.stdout, stderr: output.stderr };
  }
}

function previous(state: Props): Props {
  return { stdout: state["stdout"] ?? "", stderr: state["stderr"] ?? "" };
}

// PULUMI_COMMAND_STDOUT and _STDERR of the former run, unless switched off (local/commandOutputs.go).
function previousOutput(inputs: Props, state: Props | undefined): { [name: string]: string } {
  if (state === undefined || flag(inputs, "addPreviousOutputInEnv") === false) return {};
  const last = plainProps(state);
  return { PULUMI_COMMAND_STDOUT: text(last, "stdout") ?? "", PULUMI_COMMAND_STDERR: text(last, "stderr") ?? "" };
}

function strings(environment: Props): { [name: string]: string } {
  const kept: { [name: string]: string } = {};
  for (const [name, value] of Object.entries(environment)) if (typeof value === "string") kept[name] = value;
  return kept;
}

// As the real one names it: the logical name and eight random hex digits.
function identity(urn: string): string {
  return (urn.split("::").at(-1) ?? "") + randomBytes(4).toString("hex");
}

function wrongInput(property: string, value: Value): string | undefined {
  if (property.startsWith("__") || value === UNKNOWN || value === null) return undefined;
  const type = INPUTS[property];
  if (property === "assetPaths" || property === "archivePaths") return `This stand-in does not serve ${property}: install the real command plug-in.`;
  if (type === undefined) return `Unrecognized field '${property}' on 'local.CommandInputs'`;
  const found = Array.isArray(value) ? "list" : isProps(value) ? "map" : typeof value;
  if (type !== "any" && type !== found) return `Field '${property}' on 'local.CommandInputs' must be a ${type}; got a ${found} instead`;
  return undefined;
}
