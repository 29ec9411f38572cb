import { existsSync, readFileSync, statSync } from 'node:fs';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import { parse } from 'yaml';
import { ConfigError, ConfigValue, type Yaml } from './value.ts';

function isMap(value: Yaml | undefined): value is { [key: string]: Yaml } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * Where a configuration file is looked for: a relative path is tried in the working directory and in each of its
 * parents; a file that is nowhere counts as an empty document (figment 0.10 src/providers/data.rs).
 */
function locate(path: string): string | undefined {
  if (isAbsolute(path)) return existsSync(path) && statSync(path).isFile() ? path : undefined;
  for (let folder = process.cwd(); ; folder = dirname(folder)) {
    const candidate = join(folder, path);
    if (existsSync(candidate) && statSync(candidate).isFile()) return candidate;
    if (folder === dirname(folder)) return undefined;
  }
}

/** How two files combine: `concatenate` is figment's `admerge` (MAS), `replace` its `merge` (syn2mas on Synapse files). */
export type ListRule = 'concatenate' | 'replace';

function mergeInto(target: { [key: string]: Yaml }, source: { [key: string]: Yaml }, file: string | undefined, lists: ListRule,
  path: readonly string[], origins: Map<string, string>): void {
  for (const [key, value] of Object.entries(source)) {
    const here = [...path, key];
    const before = target[key];
    if (isMap(before) && isMap(value)) {
      mergeInto(before, value, file, lists, here, origins);
    } else if (Array.isArray(before) && Array.isArray(value) && lists === 'concatenate') {
      target[key] = [...before, ...value];
    } else {
      const fresh: { [key: string]: Yaml } = {};
      target[key] = isMap(value) ? fresh : value;
      if (isMap(value)) mergeInto(fresh, value, file, lists, here, origins);
    }
    if (file !== undefined) origins.set(here.join('.'), file);
  }
}

function readDocument(path: string): { [key: string]: Yaml } {
  let document: Yaml;
  try {
    // YAML 1.2 as libyaml-based parsers read it, with `<<` merge keys.
    document = parse(readFileSync(path, 'utf8'), { merge: true }) as Yaml;
  } catch (error) {
    throw new ConfigError(`${error instanceof Error ? error.message.split('\n')[0] : String(error)} in ${path} YAML file`);
  }
  if (document === null || document === undefined) return {};
  if (!isMap(document)) throw new ConfigError(`invalid type: expected map in ${path} YAML file`);
  return document;
}

/** Loads and merges YAML files over a base document. Later files win key by key. */
export function loadYaml(files: readonly string[], lists: ListRule, base: { [key: string]: Yaml } = {}): ConfigValue {
  const merged: { [key: string]: Yaml } = {};
  const origins = new Map<string, string>();
  mergeInto(merged, base, undefined, lists, [], origins);
  for (const file of files) {
    const found = locate(file);
    if (found !== undefined) mergeInto(merged, readDocument(found), isAbsolute(file) ? file : found, lists, [], origins);
  }
  return new ConfigValue(merged, [], origins);
}

/** `MAS_A_B=x` becomes `a: {b: x}`: every underscore splits, so a key with an underscore cannot be set this way (crates/cli/src/commands/mod.rs `figment`). */
function fromEnvironment(environment: NodeJS.ProcessEnv): { [key: string]: Yaml } {
  const document: { [key: string]: Yaml } = {};
  for (const [name, text] of Object.entries(environment)) {
    if (!name.startsWith('MAS_') || text === undefined) continue;
    const path = name.slice(4).toLowerCase().split('_');
    let at = document;
    for (const key of path.slice(0, -1)) {
      const next = at[key];
      at = isMap(next) ? next : (at[key] = {});
    }
    const last = path.at(-1);
    if (last !== undefined && last !== '') at[last] = environmentScalar(text);
  }
  return document;
}

function environmentScalar(text: string): Yaml {
  if (/^(true|false)$/i.test(text)) return text.toLowerCase() === 'true';
  return /^-?\d+(\.\d+)?$/.test(text) ? Number(text) : text;
}

/**
 * MAS's own configuration: environment below files, files in order, lists of several files added up.
 * Files are those of `-c`, else of `MAS_CONFIG` (split on `:`), else `config.yaml` (crates/cli/src/commands/mod.rs).
 */
export function loadMasConfig(files: readonly string[], environment: NodeJS.ProcessEnv = process.env): ConfigValue {
  const chosen = files.length > 0 ? files : (environment['MAS_CONFIG'] ?? 'config.yaml').split(':');
  return loadYaml(chosen, 'concatenate', fromEnvironment(environment));
}

/** A path written in the configuration is relative to the working directory of the process, not to the file. */
export function fromWorkingDirectory(path: string): string {
  return resolve(process.cwd(), path);
}
