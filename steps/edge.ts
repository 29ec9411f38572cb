/** Opens and closes the edge by its markers, and proves each by asking as a client does. */
import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { markers, paths } from '../model/names.ts';
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

/** Removes the marker and waits until a client is refused. @returns the moment (performance.now) of the first refusal. */
export async function closeEdge(facts: StackFacts, fetch: ProbeFetch): Promise<number> {
  await rm(join(paths.markers, markers.open), { force: true });
  let at = 0;
  const closed = await until(5000, 5, async () => {
    const answer = await fetch(publicRequest(facts), { public: true, timeout: 2000 }).catch((error: unknown) => error);
    at = performance.now();
    return answer instanceof Error ? false : (answer as { status: number }).status === 503;
  });
  if (!closed) throw new StepError(`The edge still served a client 5 s after it was closed; expected 503. Look at docker logs ${facts.containers.edge ?? ''}`);
  return at;
}

/** Sets the marker and waits until a client is served. @returns the moment of the first served request. */
export async function openEdge(facts: StackFacts, fetch: ProbeFetch): Promise<number> {
  await mark(markers.open, 'open\n');
  let found = 'no answer';
  let at = 0;
  const open = await until(10_000, 10, async () => {
    try {
      const answer = await fetch(publicRequest(facts), { public: true, timeout: 5000 });
      found = String(answer.status);
      at = performance.now();
      return answer.status === 200;
    } catch (error) {
      found = error instanceof Error ? error.message : String(error);
      return false;
    }
  });
  if (!open) throw new StepError(`The edge is open but a client's request got ${found}; expected 200. Look at docker logs ${facts.containers.edge ?? ''}`);
  return at;
}
