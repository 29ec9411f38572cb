/** Whether the job that moves people holds them in memory: its peak with few and with many of them. */
import { measure } from './measure.ts';
import type { Found, Measure } from './measure.ts';
import { migrateTool, switchJob } from './moves.ts';
import type { MoveSample } from './moves.ts';
import type { Options, Subject } from './subject.ts';

/** A peak with many people over one with few: what counts as flat. */
const flat = 1.25;

/** Fewer than the few of a full run only where it is tried out with a handful. */
export const fewOf = (users: number): number => Math.min(200, Math.ceil(users / 4));

const peaks = (samples: readonly MoveSample[], move: MoveSample['move'], container: string, kind: 'shown' | 'marked'): number[] =>
  samples.filter((sample) => sample.move === move).flatMap((sample) => sample.memory[container]?.[kind] ?? []);

export async function benchMemory({ runs, users }: Options, subject: Subject): Promise<Found> {
  const few = await subject.movesWith(fewOf(users), 1);
  const many = await subject.movesWith(users, runs);
  const measures: Measure[] = [];
  const notes = [`${fewOf(users)} people in one run, ${users} people in ${runs}. "docker stats" is the highest of what it shows, asked again 100 ms after each answer; "kernel" is the cgroup's own mark, with file cache, where the host gives one.`];
  for (const [move, container, name] of [['cut-over', switchJob, 'switch'], ['rollback', switchJob, 'switch'], ['cut-over', migrateTool, 'syn2mas']] as const) {
    for (const [kind, by] of [['shown', 'docker stats'], ['marked', 'kernel']] as const) {
      const [small, large] = [peaks(few, move, container, kind), peaks(many, move, container, kind)];
      if (small.length === 0 || large.length === 0) {
        notes.push(`${name} of the ${move} was not seen by ${by}: ${small.length} times with few people, ${large.length} times with many.`);
        continue;
      }
      const [a, b] = [measure(`${name}, ${move}, ${by}: few`, 'MiB', small), measure(`${name}, ${move}, ${by}: many`, 'MiB', large)];
      measures.push(a, b, measure(`${name}, ${move}, ${by}: many / few`, 'x', [b.median / a.median], container === switchJob && kind === 'shown' ? flat : null));
    }
  }
  return { measures, notes };
}
