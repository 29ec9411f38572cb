import type { CheckFailure } from "../lib/resource.ts";
import type { Props } from "../lib/values.ts";

/** A failure for each input that this stand-in does not know. */
export function unserved(what: string, served: readonly string[], news: Props): CheckFailure[] {
  return Object.keys(news)
    .filter((property) => !property.startsWith("__") && !served.includes(property))
    .map((property) => ({ property, reason: `This stand-in does not serve ${property} of ${what}: install the real docker plug-in.` }));
}

/** The last part of a URN: the name the program gave. */
export function logicalName(urn: string): string {
  return urn.split("::").at(-1) ?? urn;
}
