/** What a bench finds: values of several runs, their median, and the goal that they are held to. */

export interface Measure {
  readonly name: string;
  readonly unit: 'ms' | 's' | 'MiB' | 'x' | '';
  readonly values: readonly number[];
  readonly median: number;
  readonly min: number;
  readonly max: number;
  /** The median should be at most this, in the same unit; null where nothing is promised. */
  readonly goal: number | null;
  readonly met: boolean | null;
}

/** Of one part of the bench. */
export interface Found {
  readonly measures: readonly Measure[];
  /** How it was measured, where the names do not say it. */
  readonly notes: readonly string[];
  /** What the values were made from. */
  readonly samples?: readonly unknown[];
}

export interface PartResult extends Found {
  /** ISO time at which the part began, by this machine's clock. */
  readonly at: string;
  /** Load averages over 1, 5 and 15 minutes before the part began. */
  readonly loadBefore: readonly number[];
}

/** @throws Error without values. */
export function medianOf(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const upper = sorted[Math.floor(sorted.length / 2)];
  const lower = sorted[Math.floor((sorted.length - 1) / 2)];
  if (upper === undefined || lower === undefined) throw new Error('A median needs at least one value.');
  return (lower + upper) / 2;
}

const rounded = (value: number): number => Math.round(value * 100) / 100;

/** @param goal what the median should be at most. */
export function measure(name: string, unit: Measure['unit'], values: readonly number[], goal: number | null = null): Measure {
  const median = rounded(medianOf(values));
  return { name, unit, values: values.map(rounded), median, min: rounded(Math.min(...values)), max: rounded(Math.max(...values)), goal, met: goal === null ? null : median <= goal };
}

/** Milliseconds that `work` takes. */
export async function millisecondsOf(work: () => unknown): Promise<number> {
  const begin = performance.now();
  await work();
  return performance.now() - begin;
}

/** One line for each measure. */
export function tableOf(parts: { readonly [part: string]: Found }): string {
  const head = ['part', 'measure', 'median', 'min', 'max', 'unit', 'runs', 'goal', 'met'];
  const rows = Object.entries(parts).flatMap(([part, { measures }]) => measures.map(({ name, median, min, max, unit, values, goal, met }) =>
    [part, name, String(median), String(min), String(max), unit, String(values.length), goal === null ? '' : `<= ${goal}`, met === null ? '' : met ? 'yes' : 'NO']));
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)));
  return [head, ...rows].map((row) => row.map((cell, column) => (column >= 2 && column <= 4 ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0))).join('  ').trimEnd()).join('\n');
}
