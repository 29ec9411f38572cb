/** How long people are shut out by a move, and how much of that cannot be saved. */
import { measure } from './measure.ts';
import type { Found, Measure } from './measure.ts';
import type { MoveSample } from './moves.ts';
import type { Options, Subject } from './subject.ts';

const goal = 1.5;

function measuresOf(move: MoveSample['move'], samples: readonly MoveSample[]): Measure[] {
  const found = samples.filter((sample) => sample.move === move);
  const parts = [...new Set(found.flatMap((sample) => Object.keys(sample.times)))].sort();
  return [
    measure(`${move}: shut out, seen by a client`, 'ms', found.map((sample) => sample.shutOut)),
    measure(`${move}: shut out, by the ledger`, 'ms', found.map((sample) => sample.measured)),
    measure(`${move}: floor`, 'ms', found.map((sample) => sample.floor)),
    measure(`${move}: seen / floor`, 'x', found.map((sample) => sample.shutOut / sample.floor), move === 'cut-over' ? goal : null),
    measure(`${move}: answers neither 200 nor closed, all runs`, '', [found.reduce((sum, sample) => sum + sample.strange.length, 0)], 0),
    ...parts.map((part) => measure(`${move}: ${part}`, 'ms', found.flatMap((sample) => sample.times[part] ?? []))),
    measure(`${move}: the whole up`, 's', found.map((sample) => sample.up / 1000)),
  ];
}

export async function benchShutOut({ runs, users }: Options, subject: Subject): Promise<Found> {
  const samples = await subject.movesWith(users, runs);
  return { measures: [...measuresOf('cut-over', samples), ...measuresOf('rollback', samples)], samples,
    notes: [`${users} people with 1.5 devices and tokens and 0.5 e-mail addresses each. Each run cuts over and goes back, all on one stack.`,
      'A client asks who it is with an old token every 50 ms; shut out is from its first refused to its first served request.',
      'Floor, by the ledger\'s measured row of the same run: stop of what was live, data (syn2mas migrate and its checks), the longer boot of those that start side by side, gate.'] };
}
