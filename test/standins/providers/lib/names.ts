import { createHash } from "node:crypto";
import { isProps, text, type Props, type Value } from "./values.ts";

/**
 * Gives an unnamed resource the name `<logical>-<7 hex>`: the one it had, else one from the engine's seed
 * (SetAutonaming(255, "-"), dk/provider/resources.go; pkg/tfbridge/names.go of pulumi-terraform-bridge).
 */
export function autoname(logical: string, olds: Props, news: Props, seed: Uint8Array): Props {
  if (news["name"] !== undefined) return news;
  const name = text(olds, "name") ?? `${logical}-${createHash("sha256").update(seed).digest("hex").slice(0, 7)}`;
  return withDefaults(news, { name });
}

/** Adds values for absent inputs and lists them in `__defaults`, as bridged providers do, so that they are told from the program's own. */
export function withDefaults(inputs: Props, fallbacks: { readonly [property: string]: Value }): Props {
  const missing = Object.keys(fallbacks).filter((property) => inputs[property] === undefined);
  const listed = inputs["__defaults"];
  const known = Array.isArray(listed) ? listed : [];
  const filled: Props = { ...inputs, __defaults: [...known, ...missing].sort() };
  for (const property of missing) filled[property] = fallbacks[property] ?? null;
  return filled;
}

/** Like `withDefaults`, for the object or each object of the list at a property; anything else stays. */
export function withNestedDefaults(inputs: Props, property: string, fallbacks: { readonly [key: string]: Value }): Props {
  const value = inputs[property];
  const fill = (item: Value): Value => (isProps(item) ? withDefaults(item, fallbacks) : item);
  if (Array.isArray(value)) return { ...inputs, [property]: value.map(fill) };
  return value === undefined ? inputs : { ...inputs, [property]: fill(value) };
}

/** True when the resource's name is generated, so that two of it may stand side by side. */
export function isAutonamed(inputs: Props): boolean {
  const defaults = inputs["__defaults"];
  return Array.isArray(defaults) && defaults.includes("name");
}
