/**
 * The one way probes reach the stack: to the edge's address whatever DNS says, with the URL's host name and SNI, the
 * stack's CA and the probe key. `*.localhost` does not resolve in Node on Debian, and in a job the public name leads nowhere.
 */
import { Agent, buildConnector, fetch as undiciFetch } from 'undici';
import type { Response as UndiciResponse } from 'undici';
import { probeHeader } from '../model/names.ts';
import type { ProbeFetch, ProbeRequest, ProbeResponse } from './contract.ts';

export interface EdgeAddress {
  /** Where the edge listens: published address and port, or its alias and container port in a job. */
  readonly address: { readonly host: string; readonly port: number };
  /** False where a proxy in front ends TLS: https URLs then go as plain HTTP, as that proxy sends them. */
  readonly tls: boolean;
  /** PEM of the stack's own CA; null trusts the public ones. */
  readonly ca: string | null;
  readonly probeKey: string;
}

/** What `fetch` of the platform looks like to a library. */
export type FetchLike = (input: string | URL | Request, init?: RequestInit) => Promise<Response>;

export interface EdgeFetch {
  readonly fetch: ProbeFetch;
  /** The same rules for libraries. Bodies are read whole, 60 s at most. */
  asFetch(): FetchLike;
  /** Ends open connections. */
  close(): Promise<void>;
}

/** Milliseconds: to connect, for a probe's request, for a library's request (a `/sync` waits up to 30 s). */
const limits = { connect: 5_000, request: 10_000, library: 60_000 } as const;

/** Opens no connection before the first request. */
export function edgeFetch(edge: EdgeAddress): EdgeFetch {
  const connector = buildConnector({ timeout: limits.connect, ...(edge.ca === null ? {} : { ca: edge.ca }) });
  const agent = new Agent({
    connect: (options, callback) => {
      // `host` and `servername` stay those of the URL: SNI and the check of the certificate's name follow them.
      connector({ ...options, hostname: edge.address.host, port: String(edge.address.port), protocol: edge.tls ? options.protocol : 'http:',
        servername: options.servername ?? options.hostname }, callback);
    },
  });
  const offloaded = edge.tls ? {} : { 'X-Forwarded-Proto': 'https' };
  return {
    fetch: (url, init = {}) => ask(url, init, async (signal) => undiciFetch(url, { ...requestOf(init), signal, dispatcher: agent,
      headers: { ...offloaded, ...(init.public === true ? {} : { [probeHeader]: edge.probeKey }), ...init.headers } })),
    asFetch: () => async (input, init) => {
      const request = new Request(input, init);
      const signal = AbortSignal.any([request.signal, AbortSignal.timeout(limits.library)]);
      const body = request.body === null ? null : await request.arrayBuffer();
      const answer = await undiciFetch(request.url, { method: request.method, body, redirect: request.redirect, signal, dispatcher: agent,
        headers: { ...offloaded, ...Object.fromEntries(request.headers), [probeHeader]: edge.probeKey } });
      const empty = answer.status === 204 || answer.status === 304;
      return new Response(empty ? null : await answer.arrayBuffer(), { status: answer.status, statusText: answer.statusText, headers: [...answer.headers] });
    },
    close: () => agent.destroy(),
  };
}

/** For addresses inside the stack (`ProbeContext.direct`): plain, without the key, by the job's own DNS. */
export const directFetch: ProbeFetch = (url, init = {}) => ask(url, init, (signal) => undiciFetch(url, { ...requestOf(init), signal, headers: { ...init.headers } }));

function requestOf(init: ProbeRequest): { method: string; body: string | null; redirect: 'manual' } {
  return { method: init.method ?? 'GET', body: init.body ?? null, redirect: 'manual' };
}

async function ask(url: string, init: ProbeRequest, send: (signal: AbortSignal) => Promise<UndiciResponse>): Promise<ProbeResponse> {
  const limit = init.timeout ?? limits.request;
  try {
    const answer = await send(AbortSignal.timeout(limit));
    const text = await answer.text();
    return { status: answer.status, headers: headersOf(answer), text, json: () => parsed(url, text) };
  } catch (error) {
    throw new Error(`${init.method ?? 'GET'} ${shown(url)}: ${reasonOf(error, limit)}`, { cause: error });
  }
}

/** Header names are lower case. Several `set-cookie` are joined by newlines, because a cookie may hold a comma. */
function headersOf(answer: UndiciResponse): { [name: string]: string } {
  const cookies = answer.headers.getSetCookie();
  return { ...Object.fromEntries(answer.headers), ...(cookies.length === 0 ? {} : { 'set-cookie': cookies.join('\n') }) };
}

function parsed(url: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new Error(`${shown(url)} answered ${text.length} characters that are no JSON`);
  }
}

/** Without the query, which may hold a code or a token. */
function shown(url: string): string {
  return url.split(/[?#]/, 1)[0] ?? url;
}

/** The innermost reason: fetch only says "fetch failed". */
function reasonOf(error: unknown, limit: number): string {
  if (!(error instanceof Error)) return String(error);
  if (error.name === 'TimeoutError') return `no answer within ${limit} ms`;
  return error.cause instanceof Error ? reasonOf(error.cause, limit) : error.message;
}
