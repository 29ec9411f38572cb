/** What a probe gets inside a job. */
import type { ProbeContext, ProbeFetch } from '../probes/contract.ts';
import { databases } from '../model/names.ts';
import type { JobContext } from './context.ts';
import { withDatabase } from './databases.ts';
import type { Side } from './edge.ts';
import { direct } from './sides.ts';

export function probeContext({ facts, secrets, wanted }: JobContext, fetch: ProbeFetch, phase: Side): ProbeContext {
  return { fetch, phase, wanted, facts, secrets, direct: direct(facts, phase),
    sql: { synapse: (text, values) => withDatabase(facts, secrets, databases.synapse, (query) => query(text, values)),
      mas: (text, values) => withDatabase(facts, secrets, databases.mas, (query) => query(text, values)) } };
}
