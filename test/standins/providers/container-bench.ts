import { after, before } from "node:test";
import { Plugin, type Stored, type Subject } from "./harness.ts";
import type { Props } from "./lib/values.ts";
import { docker, Scratch } from "./tiny-image.ts";

/** The type token of the resource on the bench. */
export const CONTAINER = "docker:index/container:Container";

/** A plug-in, an image and names for the container tests of one suite; call it inside `describe`. */
export function containerBench(subject: Subject) {
  const scratch = new Scratch();
  let started: Plugin | undefined;
  before(async () => {
    started = await Plugin.start(subject);
    await started.configure({ host: process.env["DOCKER_HOST"] ?? "unix:///var/run/docker.sock" });
  });
  after(async () => {
    await started?.stop();
    scratch.clean();
  });
  const plugin = (): Plugin => {
    if (started === undefined) throw new Error("The bench is used outside of a test.");
    return started;
  };
  // No network unless the test is about one: faster, and independent of the host's bridges.
  const inputs = (name: string, more: object = {}): Props => ({ image: scratch.image(), name: scratch.name(name), networkMode: "none", ...more });
  const inspect = (name: string, format: string): string => docker("inspect", scratch.name(name), "--format", format);
  return {
    scratch,
    plugin,
    inputs,
    inspect,
    create: (name: string, more?: object): Promise<Stored> => plugin().create(CONTAINER, name, inputs(name, more)),
    status: (name: string): string => inspect(name, "{{.State.Status}}"),
    json: (name: string, path: string): unknown => JSON.parse(inspect(name, `{{json ${path}}}`)),
  };
}
