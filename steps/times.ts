/** Milliseconds of each part of a switch, for the ledger, outputs and the bench. */
export type Times = { [part: string]: number };

/** Runs `work` and notes how long it took, also when it fails. */
export async function timed<T>(times: Times, part: string, work: () => Promise<T>): Promise<T> {
  const begin = performance.now();
  try {
    return await work();
  } finally {
    times[part] = Math.round(performance.now() - begin);
  }
}
