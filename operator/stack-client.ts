/** Reaches a stack from the operator's machine as a client does: at its published address, by its public names. */
import type { ProbeContext } from '../probes/contract.ts';
import { edgeFetch } from '../probes/fetch.ts';
import type { EdgeFetch } from '../probes/fetch.ts';
import type { LoadedStack } from './loaded-stack.ts';

/** The caller closes it. */
export function stackClient({ model, facts, runnerSecrets }: LoadedStack): EdgeFetch {
  const offloaded = model.tls.mode === 'offloaded';
  return edgeFetch({ address: { host: publishedHost(model), port: offloaded ? model.ports.http : model.ports.https }, tls: !offloaded, ca: facts.edge.ca, probeKey: runnerSecrets.probeKey });
}

/** An address that a published one answers on: of this machine, or of the Docker host that is reached by SSH. */
function publishedHost({ ports, dockerHost }: LoadedStack['model']): string {
  const [bind = '0.0.0.0'] = ports.bind;
  if (bind !== '0.0.0.0' && bind !== '::') return bind;
  return dockerHost.startsWith('unix:') ? '127.0.0.1' : new URL(dockerHost).hostname;
}

/** Without SQL and inner addresses, which only jobs have; probes that need them say so. */
export function probeContextOf(stack: LoadedStack, client: EdgeFetch, phase: 'legacy' | 'delegated'): ProbeContext {
  return { fetch: client.fetch, phase, wanted: stack.model.phase, facts: stack.facts, secrets: stack.runnerSecrets };
}
