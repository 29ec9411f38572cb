/** Runs a zod shape over one value and tells what does not fit in our words. */
import type { z } from 'zod';
import { isSecretPath, nearestKey, shown, unknownKey, type Issue } from './issues.ts';

type Fit<T> = { readonly value: T; readonly issues: readonly Issue[] } | { readonly value?: undefined; readonly issues: readonly Issue[] };

/** @returns the parsed value, or every issue with its path below `path`. */
export function fit<S extends z.ZodType>(schema: S, path: string, value: unknown): Fit<z.output<S>> {
  const result = schema.safeParse(value);
  if (result.success) return { value: result.data, issues: [] };
  return { issues: result.error.issues.flatMap((issue) => told(schema, path, value, issue)) };
}

/** @returns `clients[0].name` */
export function joined(path: string, keys: readonly PropertyKey[]): string {
  return keys.reduce<string>((text, key) => (typeof key === 'number' ? `${text}[${key}]` : text === '' ? String(key) : `${text}.${String(key)}`), path);
}

function told(schema: z.ZodType, path: string, value: unknown, issue: z.core.$ZodIssue): Issue[] {
  const at = joined(path, issue.path);
  const found = valueAt(value, issue.path);
  const got = found === undefined ? {} : { got: shown(at, found) };
  const keys = knownKeys(schema, issue.path, value);
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map((key) => unknownKey(at, key, keys));
    case 'invalid_value':
    case 'invalid_union': {
      const options = issue.code === 'invalid_value' ? issue.values.map(String) : 'options' in issue && Array.isArray(issue.options) ? issue.options.map(String) : [];
      if (options.length === 0) break;
      if (found === undefined) return [{ path: at, problem: 'missing', fix: `write one of ${options.join(', ')}` }];
      const near = typeof found === 'string' ? nearestKey(found, options) : undefined;
      return [{ path: at, problem: `not one of ${options.join(', ')}`, ...got, fix: near === undefined ? `write one of ${options.join(', ')}` : `did you mean ${near}?` }];
    }
    case 'invalid_type': {
      if (keys.length === 1 && keys[0] === 'secret') return [secretWanted(at, found)];
      const kind = kinds[issue.expected] ?? issue.expected;
      if (found === undefined) return [{ path: at, problem: 'missing', fix: `write ${kind}${keys.length === 0 ? '' : ` with ${keys.join(', ')}`}` }];
      return [{ path: at, problem: `${kind} is expected here`, ...got, fix: `write ${kind}` }];
    }
    case 'invalid_key': {
      const key = String(issue.path.at(-1));
      return [unknownKey(joined(path, issue.path.slice(0, -1)), key, keys)];
    }
    default:
  }
  const [noun, example] = issue.message.split('|');
  if (example === undefined) {
    return [{ path: at, problem: issue.code === 'too_small' ? 'an empty value' : issue.message, ...(issue.code === 'too_small' ? {} : got), fix: 'write a value or remove the key' }];
  }
  return [{ path: at, problem: `not ${noun ?? ''}`, ...got, fix: `write it like ${example}` }];
}

const kinds: { readonly [expected: string]: string } = {
  string: 'text', number: 'a number', int: 'a whole number', boolean: 'true or false', object: 'a map', record: 'a map', array: 'a list',
};

/** The sentence for a place that takes `{secret: NAME}` only. */
export function secretWanted(path: string, found: unknown): Issue {
  const problem = found === undefined ? 'missing' : 'a secret in clear or in a wrong form';
  return { path, problem, ...(found === undefined ? {} : { got: shown(isSecretPath(path) ? path : `${path}.secret`, found) }),
    fix: 'write {secret: NAME} and set the value with `pulumi config set --secret --path matrix:secrets.NAME`' };
}

function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>((at, key) => (typeof at === 'object' && at !== null ? (at as Record<PropertyKey, unknown>)[key] : undefined), value);
}

/** Keys that a shape knows at a path, for suggestions. */
function knownKeys(schema: z.ZodType, path: readonly PropertyKey[], value: unknown): readonly string[] {
  let at: z.core.$ZodType | undefined = schema;
  let here = value;
  for (const key of [...path, undefined]) {
    at = unwrapped(at, here);
    if (key === undefined || at === undefined) break;
    const definition: z.core.$ZodTypeDef = at._zod.def;
    at = definition.type === 'object' ? (definition as z.core.$ZodObjectDef).shape[String(key)]
      : definition.type === 'array' ? (definition as z.core.$ZodArrayDef).element : undefined;
    here = valueAt(here, [key]);
  }
  if (at === undefined) return [];
  if (at._zod.def.type === 'object') return Object.keys((at._zod.def as z.core.$ZodObjectDef).shape);
  if (at._zod.def.type === 'record') return [...((at._zod.def as z.core.$ZodRecordDef).keyType._zod.values ?? [])].map(String);
  return [];
}

/** What lies under defaults and optional marks; of a union, the option that the value names. */
function unwrapped(schema: z.core.$ZodType | undefined, value: unknown): z.core.$ZodType | undefined {
  let at = schema;
  for (;;) {
    if (at === undefined) return undefined;
    const definition: z.core.$ZodTypeDef = at._zod.def;
    if (definition.type === 'default' || definition.type === 'optional' || definition.type === 'nullable') {
      at = (definition as z.core.$ZodOptionalDef).innerType;
    } else if (definition.type === 'pipe') {
      // Preprocessing is a pipe out of a transformation into the shape proper.
      at = (definition as z.core.$ZodPipeDef).out;
    } else if (definition.type === 'union') {
      const { options, discriminator } = definition as z.core.$ZodDiscriminatedUnionDef;
      const named = valueAt(value, [discriminator]);
      return options.find((option) => option._zod.propValues?.[discriminator]?.has(named as z.core.util.Primitive));
    } else {
      return at;
    }
  }
}
