/**
 * Checks until it holds or the time is over.
 * @param limit milliseconds in all. @param every milliseconds between checks.
 * @returns false when the time was over first.
 */
export async function until(limit: number, every: number, check: () => Promise<boolean> | boolean): Promise<boolean> {
  const end = performance.now() + limit;
  for (;;) {
    if (await check()) return true;
    if (performance.now() >= end) return false;
    await new Promise((resolve) => setTimeout(resolve, every));
  }
}
