/** A client that asks all the time, to measure for how long people are shut out. */
import type { ProbeFetch } from '../probes/contract.ts';

export interface Observation {
  /** Milliseconds from the first refused request to the first one served after the last refusal; 0 when none was refused. */
  readonly shutOut: number;
  readonly asked: number;
  readonly refused: number;
  /** Answers that were neither the expected one nor the closed one, as `status` or the error's words, with how many. */
  readonly strange: ReadonlyMap<string, number>;
}

interface Seen {
  readonly at: number;
  readonly kind: 'served' | 'refused' | 'strange';
  readonly said: string;
}

/** Milliseconds between requests. */
const pace = 50;

/**
 * Asks `url` with an old session's token until stopped, a request every 50 ms however long answers take.
 * @returns a function that stops, waits for the last answers and says what was seen.
 */
export function observe(fetch: ProbeFetch, url: string, token: string): () => Promise<Observation> {
  const begin = performance.now();
  const seen: Seen[] = [];
  const pending = new Set<Promise<void>>();
  const ask = async (): Promise<void> => {
    const at = performance.now() - begin;
    try {
      const { status } = await fetch(url, { public: true, headers: { Authorization: `Bearer ${token}` }, timeout: 30_000 });
      seen.push({ at, kind: status === 200 ? 'served' : status === 503 ? 'refused' : 'strange', said: String(status) });
    } catch (error) {
      seen.push({ at, kind: 'strange', said: error instanceof Error ? error.message : String(error) });
    }
  };
  const timer = setInterval(() => {
    const one = ask().finally(() => pending.delete(one));
    pending.add(one);
  }, pace);
  return async () => {
    clearInterval(timer);
    await Promise.all(pending);
    return observationOf(seen);
  };
}

/** @param seen answers in any order. */
export function observationOf(seen: readonly Seen[]): Observation {
  const inOrder = [...seen].sort((a, b) => a.at - b.at);
  const refused = inOrder.filter((one) => one.kind === 'refused');
  const [first] = refused;
  const last = refused.at(-1);
  const served = last === undefined ? undefined : inOrder.find((one) => one.kind === 'served' && one.at > last.at);
  const strange = Map.groupBy(inOrder.filter((one) => one.kind === 'strange'), (one) => one.said);
  return {
    shutOut: first === undefined || served === undefined ? 0 : Math.round(served.at - first.at),
    asked: inOrder.length,
    refused: refused.length,
    strange: new Map([...strange].map(([said, ones]) => [said, ones.length])),
  };
}
