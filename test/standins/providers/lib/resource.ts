import type { Changes } from "./diff.ts";
import type { Props } from "./values.ts";

/** What the engine asks a resource to check. */
export interface CheckCall {
  readonly urn: string;
  readonly olds: Props;
  readonly news: Props;
  readonly seed: Uint8Array;
}

/** One input that cannot be used, and why. */
export interface CheckFailure {
  readonly property: string;
  readonly reason: string;
}

/** The inputs to go on with, or what is wrong with them. */
export interface Checked {
  readonly inputs: Props;
  readonly failures: readonly CheckFailure[];
}

/** What the engine asks a resource to compare. */
export interface DiffCall {
  readonly oldInputs: Props;
  /** Outputs in state. */
  readonly state: Props;
  readonly news: Props;
}

/** The difference between state and program. */
export interface Diffed {
  readonly changes: Changes;
  readonly deleteBeforeReplace: boolean;
}

/** What every changing call carries. */
export interface Work {
  readonly urn: string;
  /** Seconds from customTimeouts; 0 = none. */
  readonly timeout: number;
}

/** A create in earnest. */
export interface CreateCall extends Work {
  readonly inputs: Props;
}

/** An update in earnest. */
export interface UpdateCall extends Work {
  readonly id: string;
  /** Outputs in state. */
  readonly state: Props;
  readonly oldInputs: Props;
  readonly inputs: Props;
}

/** A delete in earnest. */
export interface DeleteCall extends Work {
  readonly id: string;
  readonly state: Props;
}

/** A refresh. */
export interface ReadCall {
  readonly id: string;
  readonly state: Props;
  readonly inputs: Props;
}

/** A resource as it stands on the host. */
export interface Live {
  readonly id: string;
  readonly outputs: Props;
  readonly inputs: Props;
}

/** One resource type of a provider. Every failure is an Error whose message the operator reads. */
export interface Resource {
  check(call: CheckCall): Checked;
  diff(call: DiffCall): Diffed;
  /** Outputs that only a real create knows. */
  readonly computed: readonly string[];
  create(call: CreateCall): Promise<{ id: string; outputs: Props }>;
  update(call: UpdateCall): Promise<Props>;
  /** What a preview expects an update to give; runs nothing. */
  previewUpdate(call: Pick<UpdateCall, "state" | "oldInputs" | "inputs">): Props;
  delete(call: DeleteCall): Promise<void>;
  /** `undefined` = gone. */
  read(call: ReadCall): Promise<Live | undefined>;
}

/** The resource exists but did not become what was asked; the engine keeps it in state with the reason. */
export class InitFailed extends Error {
  readonly id: string;
  readonly outputs: Props;
  readonly inputs: Props;

  constructor(message: string, live: Live) {
    super(message);
    this.id = live.id;
    this.outputs = live.outputs;
    this.inputs = live.inputs;
  }
}
