import { isProps, type Props } from "../lib/values.ts";
import { DaemonError, type Daemon } from "./daemon.ts";

/**
 * Finds an image on the daemon, and pulls it only when it is not there; its inspection.
 * A local image is never refreshed, whatever the registry has under its tag. Pulls are anonymous.
 */
export async function ensureImage(daemon: Daemon, reference: string): Promise<Props> {
  const found = await inspectImage(daemon, reference);
  if (found !== undefined) return found;
  try {
    await daemon.stream(`/images/create?${pullQuery(reference).toString()}`, {});
  } catch (error) {
    if (!(error instanceof DaemonError)) throw error;
    throw new Error(`unable to pull image ${reference}: ${error.message}`);
  }
  const pulled = await inspectImage(daemon, reference);
  if (pulled === undefined) throw new Error(`unable to find image ${reference} after it was pulled.`);
  return pulled;
}

/** `GET /images/{reference}/json`; `undefined` when it is not on the daemon. */
export async function inspectImage(daemon: Daemon, reference: string): Promise<Props | undefined> {
  const image = await daemon.find(`/images/${reference.split("/").map(encodeURIComponent).join("/")}/json`);
  return isProps(image) ? image : undefined;
}

function pullQuery(reference: string): URLSearchParams {
  if (reference.includes("@")) return new URLSearchParams({ fromImage: reference });
  const colon = reference.lastIndexOf(":");
  if (colon <= reference.lastIndexOf("/")) return new URLSearchParams({ fromImage: reference, tag: "latest" });
  return new URLSearchParams({ fromImage: reference.slice(0, colon), tag: reference.slice(colon + 1) });
}
