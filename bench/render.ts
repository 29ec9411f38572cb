/** Rendering every file of a stack. */
import { command } from '../test/e2e/support/stack.ts';
import { measure } from './measure.ts';
import type { Found } from './measure.ts';
import type { Options } from './subject.ts';

interface Rendered {
  readonly first: number;
  readonly later: number;
  readonly files: number;
}

export async function benchRender({ runs }: Options): Promise<Found> {
  const samples: Rendered[] = [];
  for (let run = 0; run < runs; run += 1) {
    const ran = await command(process.execPath, ['bench/render-once.ts']);
    if (ran.code !== 0) throw new Error(`Rendering ended with ${ran.code}:\n${ran.output}`);
    samples.push(JSON.parse(ran.output) as Rendered);
  }
  return {
    measures: [measure('every file, first time in a process', 'ms', samples.map(({ first }) => first), 50), measure('every file, warm', 'ms', samples.map(({ later }) => later), 50)],
    notes: [`${samples[0]?.files ?? 0} files of the shipped production stack; each run is a fresh process. A preview renders once, so the first time counts.`],
  };
}
