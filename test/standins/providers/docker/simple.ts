import type { CheckFailure } from "../lib/resource.ts";
import type { Props } from "../lib/values.ts";

/** A failure for each input that this stand-in does not know. */
export function unserved(what: string, served: readonly string[], news: Props): CheckFailure[] {
  return Object.keys(news)
    .filter((property) => !property.startsWith("__") && !served.includes(property))
    .map((property) => ({ property, reason: `This stand-in does not serve ${property} of ${what}: install the real docker plug-in.` }));
}

/** A replaced resource whose name the program chose is deleted first: two cannot have it (nameRequiresDeleteBeforeReplace, br/pkg/tfbridge/schema.go). */
export function deletedFirst(news: Props): boolean {
  const defaults = news["__defaults"];
  return !(Array.isArray(defaults) && defaults.includes("name"));
}
