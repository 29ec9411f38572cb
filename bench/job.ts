/** What any host job costs, whatever it does: bundle, container, start, result, removal. */
import { runJob } from '../operator/run-job.ts';
import { measure, millisecondsOf } from './measure.ts';
import type { Found } from './measure.ts';
import type { Options, Subject } from './subject.ts';

export async function benchJob({ runs }: Options, subject: Subject): Promise<Found> {
  const stack = await subject.running();
  const loaded = await stack.load();
  const values: number[] = [];
  for (let run = 0; run < runs; run += 1) values.push(await millisecondsOf(() => runJob(loaded, 'prepare', {})));
  return { measures: [measure('prepare in a converged stack', 'ms', values)], notes: ['The whole way from the operator\'s machine: Node, one bundle, one container made, run and removed, about 20 statements that find everything there.'] };
}
