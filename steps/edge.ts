/** Opens and closes the edge by its markers, and proves each by asking as a client does. */
import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { edgeHeader, markers, paths } from '../model/names.ts';
import type { ProbeFetch } from '../probes/contract.ts';
import { edgeFetch } from '../probes/fetch.ts';
import type { RunnerSecrets, StackFacts } from './contract.ts';
import { StepError } from './contract.ts';
import { until } from './until.ts';

export type Side = 'legacy' | 'delegated';

/** A job's way to the edge: by its alias, with the probe key. The caller closes it. */
export function edgeOf({ facts, secrets }: { readonly facts: StackFacts; readonly secrets: RunnerSecrets }): ReturnType<typeof edgeFetch> {
  return edgeFetch({ address: { host: facts.edge.host, port: facts.edge.port }, tls: facts.edge.tls, ca: facts.edge.ca, probeKey: secrets.probeKey });
}

/** Written beside and renamed, so that nginx never reads half a marker. */
async function mark(marker: string, content: string): Promise<void> {
  const target = join(paths.markers, marker);
  await writeFile(`${target}.new`, content, { mode: 0o644 });
  await rename(`${target}.new`, target);
}

/** Whose routes are live; null before the first move. */
export async function liveSide(): Promise<Side | null> {
  try {
    const text = (await readFile(join(paths.markers, markers.live), 'utf8')).trim();
    return text === 'legacy' || text === 'delegated' ? text : null;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

export async function setLiveSide(side: Side): Promise<void> {
  await mark(markers.live, `${side}\n`);
}

/** The cheapest request that a client makes, asked without the probe key. */
const publicRequest = (facts: StackFacts): string => `${facts.urls.homeserver}_matrix/client/versions`;

/** What a client without the key gets now. A mirror's allow-list may refuse this job; the edge's own word then stands for it. */
async function asked(facts: StackFacts, fetch: ProbeFetch): Promise<{ readonly outcome: 'served' | 'closed' | 'other'; readonly found: string }> {
  try {
    const answer = await fetch(publicRequest(facts), { public: true, timeout: 5000 });
    // A bare 503 may be Synapse's own: the edge names its refusals.
    if (answer.status === 503 && answer.headers[edgeHeader.toLowerCase()] === 'closed') return { outcome: 'closed', found: 'the closed answer' };
    if (answer.status === 200) return { outcome: 'served', found: '200' };
    if (answer.status === 403) {
      const state = (await fetch(`${facts.urls.homeserver}.edge/state`)).json() as { readonly open?: unknown };
      return { outcome: state.open === true ? 'served' : 'closed', found: `403, and the edge calls itself ${state.open === true ? 'open' : 'closed'}` };
    }
    return { outcome: 'other', found: String(answer.status) };
  } catch (error) {
    return { outcome: 'other', found: error instanceof Error ? error.message : String(error) };
  }
}

/** Waits until a client gets `wanted`. @returns the moment (performance.now) of that answer. @throws StepError with the last one otherwise. */
async function awaitAnswer(facts: StackFacts, fetch: ProbeFetch, wanted: 'served' | 'closed', limit: number): Promise<number> {
  let at = 0;
  let last = 'no answer';
  const came = await until(limit, 10, async () => {
    const { outcome, found } = await asked(facts, fetch);
    at = performance.now();
    last = found;
    return outcome === wanted;
  });
  if (came) return at;
  throw new StepError(`The edge was told to ${wanted === 'served' ? 'open' : 'close'}, but a client's request got ${last} even ${limit / 1000} s later; expected ${wanted === 'served' ? '200' : 'the closed answer'}. Look at docker logs ${facts.containers.edge ?? ''}`);
}

/** Removes the marker and waits until a client is refused. @returns the moment (performance.now) of the first refusal. */
export async function closeEdge(facts: StackFacts, fetch: ProbeFetch): Promise<number> {
  await rm(join(paths.markers, markers.open), { force: true });
  return awaitAnswer(facts, fetch, 'closed', 5000);
}

/** Sets the marker and waits until a client is served. @returns the moment of the first served request. */
export async function openEdge(facts: StackFacts, fetch: ProbeFetch): Promise<number> {
  await mark(markers.open, 'open\n');
  return awaitAnswer(facts, fetch, 'served', 10_000);
}
