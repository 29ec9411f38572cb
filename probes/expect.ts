/** Reading answers: narrow JSON without trusting it, and say in a few words what was found. Never shows a body. */
import { ProbeFailure } from './contract.ts';
import type { ProbeResponse } from './contract.ts';

/** @returns the value at a path of a JSON document, undefined where there is none. */
export function at(value: unknown, ...path: readonly string[]): unknown {
  return path.reduce<unknown>((here, key) => (typeof here === 'object' && here !== null ? Object.entries(here).find(([name]) => name === key)?.[1] : undefined), value);
}

/** @throws ProbeFailure where there is no text. */
export function textAt(value: unknown, ...path: readonly string[]): string {
  const found = at(value, ...path);
  if (typeof found !== 'string') throw new ProbeFailure(`the answer has no text at ${path.join('.')}`);
  return found;
}

/** @returns e.g. `404 M_UNRECOGNIZED "Unrecognized request"`. Only fields meant for people are shown. */
export function told(answer: ProbeResponse): string {
  let body: unknown;
  try {
    body = answer.json();
  } catch {
    return String(answer.status);
  }
  const code = at(body, 'errcode');
  const error = at(body, 'error');
  const description = at(body, 'error_description');
  return [answer.status, typeof code === 'string' ? code : '', ...[error, description].map((text) => (typeof text === 'string' ? JSON.stringify(text.slice(0, 120)) : ''))].filter((part) => part !== '').join(' ');
}

/** @throws ProbeFailure `<what> answered <found>; expected <status>` */
export function expectStatus(answer: ProbeResponse, status: number, what: string): void {
  if (answer.status !== status) throw new ProbeFailure(`${what} answered ${told(answer)}; expected ${status}`);
}

export function expectCode(answer: ProbeResponse, status: number, errcode: string, what: string): void {
  let found: unknown;
  try {
    found = at(answer.json(), 'errcode');
  } catch {
    found = undefined;
  }
  if (answer.status !== status || found !== errcode) throw new ProbeFailure(`${what} answered ${told(answer)}; expected ${status} ${errcode}`);
}

/** @throws ProbeFailure naming both values. Not for secrets. */
export function expectEqual(found: unknown, expected: unknown, what: string): void {
  if (found !== expected) throw new ProbeFailure(`${what} is ${JSON.stringify(found) ?? 'missing'}; expected ${JSON.stringify(expected)}`);
}

/** Evidence of a probe that needs what only jobs have. */
export function onlyInJobs(what: string): string {
  return `not checked: ${what} is reached from a job of the stack only`;
}
