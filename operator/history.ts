/** The updates of a stack as Pulumi remembers them. */
import type { Phase } from '../model/model.ts';
import { pulumiOk } from './pulumi.ts';

export interface Update {
  readonly kind: string;
  /** ISO 8601. */
  readonly at: string;
  readonly result: string;
  readonly message: string;
  readonly phase: Phase;
  /** Plain keys of namespace `matrix` at that time, without prefix, as text. */
  readonly settings: { readonly [key: string]: string };
  readonly changes: { readonly [operation: string]: number };
}

interface Recorded {
  readonly kind: string;
  readonly startTime: string;
  readonly result: string;
  readonly message?: string;
  readonly config?: { readonly [key: string]: { readonly value?: string; readonly secret: boolean } };
  readonly resourceChanges?: { readonly [operation: string]: number };
}

/** Newest first; at most 100. Secrets stay encrypted and are left out. */
export async function updatesOf(stack: string): Promise<readonly Update[]> {
  const recorded = JSON.parse(await pulumiOk(['stack', 'history', '--stack', stack, '--json', '--page-size', '100'])) as readonly Recorded[];
  return recorded.map(({ kind, startTime, result, message = '', config = {}, resourceChanges = {} }) => {
    const settings = Object.fromEntries(Object.entries(config).flatMap(([key, { value, secret }]) => (
      secret || value === undefined || !key.startsWith('matrix:') ? [] : [[key.slice('matrix:'.length), value] as const])));
    return { kind, at: startTime, result, message, phase: (settings['phase'] ?? 'legacy') as Phase, settings, changes: resourceChanges };
  });
}

/** Keys that a rollback changes by itself. */
const ofTheMove = ['phase', 'acceptLoss'];

/** @returns keys whose values differ, but for those of the move itself. */
export function changedKeys(before: Update['settings'], now: Update['settings']): readonly string[] {
  return [...new Set([...Object.keys(before), ...Object.keys(now)])].filter((key) => !ofTheMove.includes(key) && before[key] !== now[key]).sort();
}
