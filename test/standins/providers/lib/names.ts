import { createHash } from "node:crypto";
import { text, type Props } from "./values.ts";

/**
 * Gives an unnamed resource the name `<logical>-<7 hex>`: the one it had, else one from the engine's seed.
 * A generated name is listed in `__defaults`, so that it is told from a name the program set
 * (SetAutonaming(255, "-"), dk/provider/resources.go; pkg/tfbridge/names.go of pulumi-terraform-bridge).
 */
export function autoname(logical: string, olds: Props, news: Props, seed: Uint8Array): Props {
  if (news["name"] !== undefined) return news;
  const defaults = olds["__defaults"];
  const kept = Array.isArray(defaults) && defaults.includes("name") ? text(olds, "name") : undefined;
  const name = kept ?? `${logical}-${createHash("sha256").update(seed).digest("hex").slice(0, 7)}`;
  return { ...news, name, __defaults: ["name"] };
}
