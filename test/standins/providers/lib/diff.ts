import { hasUnknown, isProps, isSecret, UNKNOWN, type Props, type Value } from "./values.ts";

/** How one property path differs. */
export interface PathDiff {
  readonly kind: "add" | "delete" | "update";
  readonly replace: boolean;
}

/** What separates old inputs from new ones, by property path as the engine prints it (`envs[0]`, `labels.a`). */
export type Changes = Map<string, PathDiff>;

/** How a resource's properties are compared; each names top-level properties. */
export interface DiffRules {
  /** True when a change needs a new resource. */
  readonly replaces: (property: string) => boolean;
  /** Lists whose order means nothing. */
  readonly sets?: ReadonlySet<string>;
  /** Inputs that are outputs too: one that is left out keeps the value in state. */
  readonly computed?: ReadonlySet<string>;
  /** True when "", 0, false and empty lists mean the same as nothing. */
  readonly zeroIsNothing?: boolean;
}

/**
 * Compares inputs. Gaining or losing a secret mark is a difference; an unknown is always one.
 * Keys that begin with `__` are bookkeeping and are skipped. `state` holds the outputs.
 */
export function compare(olds: Props, news: Props, rules: DiffRules, state: Props = {}): Changes {
  const changes: Changes = new Map();
  for (const property of new Set([...Object.keys(olds), ...Object.keys(news)])) {
    if (property.startsWith("__")) continue;
    const computed = rules.computed?.has(property) === true;
    const after = present(news[property]);
    if (computed && after === undefined) continue;
    const before = present(olds[property] ?? (computed ? state[property] : undefined));
    const found = new Walk(rules.replaces(property), rules.zeroIsNothing === true, changes);
    if (rules.sets?.has(property) === true) found.set(property, before, after);
    else found.walk(property, before, after);
  }
  return changes;
}

class Walk {
  readonly #replace: boolean;
  readonly #zeroIsNothing: boolean;
  readonly #changes: Changes;

  constructor(replace: boolean, zeroIsNothing: boolean, changes: Changes) {
    this.#replace = replace;
    this.#zeroIsNothing = zeroIsNothing;
    this.#changes = changes;
  }

  walk(path: string, before: Value | undefined, after: Value | undefined): void {
    if (before === undefined && after === undefined) return;
    if (this.#zeroIsNothing && isNothing(before) && isNothing(after)) return;
    if (before === undefined) this.#add(path, "add");
    else if (after === undefined) this.#add(path, "delete");
    else if (isSecret(before) && isSecret(after)) this.walk(path, before["value"], after["value"]);
    else if (after === UNKNOWN || isSecret(before) || isSecret(after)) this.#add(path, "update");
    else if (Array.isArray(before) && Array.isArray(after)) {
      for (let i = 0; i < Math.max(before.length, after.length); i++) this.walk(`${path}[${i}]`, before[i], after[i]);
    } else if (isProps(before) && isProps(after)) {
      for (const key of new Set([...Object.keys(before), ...Object.keys(after)])) {
        if (!key.startsWith("__")) this.walk(path + step(key), present(before[key]), present(after[key]));
      }
    } else if (before !== after) this.#add(path, "update");
  }

  // A member is matched by its value; only where one left and one came at the same place is it shown as changed.
  set(path: string, before: Value | undefined, after: Value | undefined): void {
    if (!Array.isArray(before) || !Array.isArray(after)) return this.walk(path, before, after);
    if (hasUnknown(after)) return this.#add(path, "update");
    const had = before.map(canonical);
    const has = after.map(canonical);
    for (let i = 0; i < Math.max(had.length, has.length); i++) {
      const left = had[i] !== undefined && !has.includes(had[i] ?? "");
      const came = has[i] !== undefined && !had.includes(has[i] ?? "");
      if (left && came) this.walk(`${path}[${i}]`, before[i], after[i]);
      else if (left) this.#add(`${path}[${i}]`, "delete");
      else if (came) this.#add(`${path}[${i}]`, "add");
    }
  }

  #add(path: string, kind: PathDiff["kind"]): void {
    this.#changes.set(path, { kind, replace: this.#replace });
  }
}

function present(value: Value | undefined): Value | undefined {
  return value ?? undefined;
}

function isNothing(value: Value | undefined): boolean {
  if (value === undefined || value === "" || value === 0 || value === false) return true;
  return Array.isArray(value) ? value.length === 0 : isProps(value) && Object.keys(value).every((key) => key.startsWith("__"));
}

// A key that is no identifier is quoted, as sdk/go/common/resource/property_path.go parses it.
function step(key: string): string {
  return /^[A-Za-z_$][\w$]*$/.test(key) ? `.${key}` : `[${JSON.stringify(key)}]`;
}

/** The value as JSON with sorted keys and without bookkeeping, so that equal values give equal text. */
export function canonical(value: Value): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (isProps(value)) {
    const keys = Object.keys(value).filter((key) => !key.startsWith("__") && value[key] !== null);
    return `{${keys.sort().map((key) => `${JSON.stringify(key)}:${canonical(value[key] ?? null)}`).join(",")}}`;
  }
  return JSON.stringify(value);
}
