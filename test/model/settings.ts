/** Settings for tests: the least that a stack needs, and what the parser says of variations. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { SettingsError, type Issue } from '../../model/issues.ts';
import type { Model } from '../../model/model.ts';
import { ownSecrets } from '../../model/names.ts';
import { parseSettings } from '../../model/parse.ts';

export type Settings = { readonly [key: string]: unknown };

export const root = new URL('../../', import.meta.url);

export const versions: unknown = JSON.parse(readFileSync(new URL('versions.json', root), 'utf8'));

/** Secrets of the operator that tests may name. */
export const otherSecrets = ['pepper', 'web', 'google', 'bridgeAs', 'bridgeHs', 'smtp', 'turn'] as const;

export const secretNames: ReadonlySet<string> = new Set([...ownSecrets, ...otherSecrets]);

export const least: Settings = {
  serverName: 'example.com',
  hosts: { homeserver: 'matrix.example.com', auth: 'auth.example.com', element: 'element.example.com' },
  tls: { mode: 'selfSigned' },
};

/** @returns the model of the least settings with these over them. */
export function parsed(over: Settings = {}, stack = 'prod'): Model {
  return parseSettings({ stack, settings: { ...least, ...over }, secretNames, versions });
}

/** @returns what the parser finds wrong; fails when it finds nothing. */
export function issuesOf(over: Settings, options: { readonly stack?: string; readonly secretNames?: ReadonlySet<string>; readonly versions?: unknown; readonly bare?: boolean } = {}): readonly Issue[] {
  try {
    parseSettings({ stack: options.stack ?? 'prod', settings: options.bare === true ? over : { ...least, ...over }, secretNames: options.secretNames ?? secretNames, versions: options.versions ?? versions });
  } catch (error) {
    if (error instanceof SettingsError) return error.issues;
    throw error;
  }
  return assert.fail('the settings were accepted');
}

/** @returns the lines of the error, without its heading. */
export function linesOf(over: Settings, options: Parameters<typeof issuesOf>[1] = {}): readonly string[] {
  return new SettingsError(options.stack ?? 'prod', issuesOf(over, options)).message.split('\n').slice(1);
}

/** @returns settings of a shipped stack file, as the program reads them. */
export function settingsOf(stack: string): Settings {
  const { config } = parse(readFileSync(new URL(`Pulumi.${stack}.yaml`, root), 'utf8')) as { config: Settings };
  return Object.fromEntries(Object.entries(config).filter(([key]) => key.startsWith('matrix:')).map(([key, value]) => [key.slice('matrix:'.length), value]));
}

/** @returns the model of a shipped stack file with these settings over it. */
export function shipped(stack: 'prod' | 'staging', over: Settings = {}): Model {
  return parseSettings({ stack, settings: { ...settingsOf(stack), ...over }, secretNames: new Set(ownSecrets), versions });
}
