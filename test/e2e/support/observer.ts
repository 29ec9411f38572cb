/** A client that asks every 50 ms and remembers every answer: what people see during a move. */
import { edgeHeader } from '../../../model/names.ts';
import type { TestStack } from './stack.ts';

export interface Seen {
  /** Milliseconds since the observer began. */
  readonly at: number;
  /** HTTP status; 0 when no answer came. */
  readonly status: number;
  /** The edge's own word for a refusal; empty when somebody else answered. */
  readonly edge: string;
  readonly body: string;
}

export interface Observation {
  readonly answers: readonly Seen[];
  /** Milliseconds from the first refused to the first served request after it; 0 when none was refused. */
  readonly shutOut: number;
  /** Answers that were neither 200 nor the closed one, in words. */
  readonly strange: readonly string[];
}

/** Starts asking `path` with a user's token. @returns how to stop and what was seen. */
export async function observe(stack: TestStack, path: string, token: string): Promise<() => Promise<Observation>> {
  const client = await stack.client();
  const answers: Seen[] = [];
  const begin = performance.now();
  const pending = new Set<Promise<void>>();
  const ask = async (): Promise<void> => {
    const sent = performance.now() - begin;
    try {
      const answer = await client.fetch(stack.url(path), { public: true, headers: { authorization: `Bearer ${token}` }, timeout: 40_000 });
      answers.push({ at: sent, status: answer.status, edge: answer.headers[edgeHeader.toLowerCase()] ?? '', body: answer.status === 200 ? '' : answer.text.slice(0, 200) });
    } catch (error) {
      answers.push({ at: sent, status: 0, edge: '', body: error instanceof Error ? error.message : String(error) });
    }
  };
  const timer = setInterval(() => {
    const one = ask().finally(() => pending.delete(one));
    pending.add(one);
  }, 50);
  return async () => {
    clearInterval(timer);
    await Promise.all(pending);
    await client.close();
    answers.sort((a, b) => a.at - b.at);
    const refused = answers.find((seen) => seen.status === 503);
    const last = answers.findLast((seen) => seen.status === 503);
    const served = last === undefined ? undefined : answers.find((seen) => seen.at > last.at && seen.status === 200);
    return { answers, shutOut: refused === undefined || served === undefined ? 0 : Math.round(served.at - refused.at),
      strange: answers.filter((seen) => seen.status !== 200 && !(seen.status === 503 && seen.edge === 'closed')).map((seen) => `${Math.round(seen.at)} ms: ${seen.status} ${seen.body}`) };
  };
}
