import { hasUnknown, isProps, plain, UNKNOWN, type Props, type Value } from "./values.ts";

/** How one property path differs. */
export interface PathDiff {
  readonly kind: "add" | "delete" | "update";
  readonly replace: boolean;
}

/** What separates old inputs from new ones, by property path as the engine prints it (`envs[0]`, `labels.a`). */
export type Changes = Map<string, PathDiff>;

/** How a resource's properties are compared. */
export interface DiffRules {
  /** True when a change of this top-level property needs a new resource. */
  readonly replaces: (property: string) => boolean;
  /** Top-level list properties whose order means nothing. */
  readonly sets: ReadonlySet<string>;
}

/**
 * Compares inputs. Secret marks are no difference; an unknown is always one.
 * Keys that begin with `__` are bookkeeping and are skipped.
 */
export function compare(olds: Props, news: Props, rules: DiffRules): Changes {
  const changes: Changes = new Map();
  for (const property of new Set([...Object.keys(olds), ...Object.keys(news)])) {
    if (property.startsWith("__")) continue;
    const replace = rules.replaces(property);
    let before = olds[property];
    let after = news[property];
    if (rules.sets.has(property)) {
      before = sorted(before);
      after = sorted(after);
    }
    walk(property, before, after, replace, changes);
  }
  return changes;
}

function walk(path: string, oldValue: Value | undefined, newValue: Value | undefined, replace: boolean, changes: Changes): void {
  const before = present(oldValue);
  const after = present(newValue);
  if (before === undefined && after === undefined) return;
  if (before === undefined) changes.set(path, { kind: "add", replace });
  else if (after === undefined) changes.set(path, { kind: "delete", replace });
  else if (after === UNKNOWN) changes.set(path, { kind: "update", replace });
  else if (Array.isArray(before) && Array.isArray(after)) {
    for (let i = 0; i < Math.max(before.length, after.length); i++) walk(`${path}[${i}]`, before[i], after[i], replace, changes);
  } else if (isProps(before) && isProps(after)) {
    for (const key of new Set([...Object.keys(before), ...Object.keys(after)])) {
      walk(path + step(key), before[key], after[key], replace, changes);
    }
  } else if (before !== after) changes.set(path, { kind: "update", replace });
}

function present(value: Value | undefined): Value | undefined {
  return value === undefined || value === null ? undefined : plain(value);
}

// A key that is no identifier is quoted, as sdk/go/common/resource/property_path.go parses it.
function step(key: string): string {
  return /^[A-Za-z_$][\w$]*$/.test(key) ? `.${key}` : `[${JSON.stringify(key)}]`;
}

// An unknown member makes the order of a set unknowable, so such a set stays as it came.
function sorted(value: Value | undefined): Value | undefined {
  const list = present(value);
  if (!Array.isArray(list) || hasUnknown(list)) return list;
  return [...list].sort((a, b) => (canonical(a) < canonical(b) ? -1 : 1));
}

/** The value as JSON with sorted keys, so that equal values give equal text. */
export function canonical(value: Value): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (isProps(value)) return `{${Object.keys(value).sort().map((key) => `${JSON.stringify(key)}:${canonical(value[key] ?? null)}`).join(",")}}`;
  return JSON.stringify(value);
}
