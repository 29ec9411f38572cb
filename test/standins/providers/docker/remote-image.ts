import { compare } from "../lib/diff.ts";
import type { CheckCall, Checked, CreateCall, DeleteCall, DiffCall, Diffed, Live, ReadCall, Resource, UpdateCall } from "../lib/resource.ts";
import { flag, text, texts, type Props } from "../lib/values.ts";
import { DaemonError, type Daemon } from "./daemon.ts";
import { ensureImage, inspectImage } from "./images.ts";
import { unserved } from "./inputs.ts";

const INPUTS = ["forceRemove", "keepLocally", "name", "platform", "pullTriggers", "triggers"];
const REPLACING: ReadonlySet<string> = new Set(["name", "pullTriggers", "triggers", "platform"]);

/** docker:index/remoteImage:RemoteImage, without `build`. Replaced create-before-delete. */
export class RemoteImage implements Resource {
  readonly computed = ["imageId", "repoDigest"];
  readonly #daemon: () => Daemon;

  constructor(daemon: () => Daemon) {
    this.#daemon = daemon;
  }

  check({ news }: CheckCall): Checked {
    return { inputs: news, failures: unserved("a remote image", INPUTS, news) };
  }

  diff({ oldInputs, news }: DiffCall): Diffed {
    const replaces = (property: string): boolean => REPLACING.has(property);
    return { changes: compare(oldInputs, news, { replaces, sets: new Set(["pullTriggers"]), zeroIsNothing: true }), deleteBeforeReplace: false };
  }

  async create({ inputs }: CreateCall): Promise<{ id: string; outputs: Props }> {
    const name = text(inputs, "name") ?? "";
    const image = await ensureImage(this.#daemon(), name);
    // The image's id and the name it was asked for, joined: two resources may share an image (resource_docker_image_funcs.go).
    return { id: `${text(image, "Id") ?? ""}${name}`, outputs: outputsOf(inputs, image) };
  }

  async update({ inputs }: UpdateCall): Promise<Props> {
    return outputsOf(inputs, await ensureImage(this.#daemon(), text(inputs, "name") ?? ""));
  }

  previewUpdate({ state, inputs }: Pick<UpdateCall, "state" | "inputs">): Props {
    return { ...inputs, imageId: state["imageId"] ?? "", repoDigest: state["repoDigest"] ?? "" };
  }

  /** Removes the image by name, unless `keepLocally`; an image in use by a container needs `forceRemove`. */
  async delete({ state }: DeleteCall): Promise<void> {
    if (flag(state, "keepLocally") === true) return;
    const name = text(state, "name") ?? "";
    try {
      await this.#daemon().call("DELETE", `/images/${name.split("/").map(encodeURIComponent).join("/")}?force=${flag(state, "forceRemove") === true}`);
    } catch (error) {
      if (!(error instanceof DaemonError && error.status === 404)) throw error;
    }
  }

  async read({ id, state, inputs }: ReadCall): Promise<Live | undefined> {
    const image = await inspectImage(this.#daemon(), text(state, "name") ?? "");
    return image === undefined ? undefined : { id, inputs, outputs: outputsOf(state, image) };
  }
}

function outputsOf(inputs: Props, image: Props): Props {
  return { ...inputs, imageId: text(image, "Id") ?? "", repoDigest: texts(image, "RepoDigests")[0] ?? "" };
}
