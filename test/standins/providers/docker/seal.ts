import { InitFailed, type Live, type Resource } from "../lib/resource.ts";
import { text, type Props } from "../lib/values.ts";

// The bridge keeps its own facts there, the schema version among them, and reads it as a number before anything else
// (br/pkg/tfbridge, __meta): with a sentence in its place the real plug-in refuses the resource and prints the sentence.
const SEAL = JSON.stringify({ schema_version: "written by the stand-in docker provider: keep to it, or destroy the stack with it first" });

/**
 * Keeps the two kinds of docker provider apart: what this resource writes into the state the real plug-in refuses, and
 * what the real plug-in wrote is refused here. Their states look alike and mean different things.
 */
export function sealed(resource: Resource): Resource {
  return {
    computed: resource.computed,
    check: (call) => resource.check(call),
    diff: (call) => resource.diff(opened(call)),
    previewUpdate: (call) => seal(resource.previewUpdate(opened(call))),
    delete: (call) => resource.delete(opened(call)),
    create: async (call) => {
      const { id, outputs } = await sealingFailure(resource.create(call));
      return { id, outputs: seal(outputs) };
    },
    update: async (call) => seal(await sealingFailure(resource.update(opened(call)))),
    read: async (call) => {
      const live = await resource.read(opened(call));
      return live === undefined ? undefined : sealLive(live);
    },
  };
}

function seal(outputs: Props): Props {
  return { ...outputs, __meta: SEAL };
}

function sealLive(live: Live): Live {
  return { ...live, outputs: seal(live.outputs) };
}

async function sealingFailure<Result>(work: Promise<Result>): Promise<Result> {
  try {
    return await work;
  } catch (error) {
    throw error instanceof InitFailed ? new InitFailed(error.message, sealLive(error)) : error;
  }
}

function opened<Call extends { readonly state: Props }>(call: Call): Call {
  const { __meta: _, ...state } = call.state;
  const meta = text(call.state, "__meta");
  if (meta !== undefined && meta !== SEAL) {
    throw new Error("This resource was made by the real docker plug-in, whose state the stand-in cannot go on with: put the plug-in back into PULUMI_HOME, or destroy the stack with it first.");
  }
  return { ...call, state };
}
