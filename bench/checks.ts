/** What a change costs before anything runs: types and unit tests. */
import { join } from 'node:path';
import { root } from '../operator/project.ts';
import { command } from '../test/e2e/support/stack.ts';
import { measure } from './measure.ts';
import type { Found, Measure } from './measure.ts';

export async function benchChecks(): Promise<Found> {
  const measures: Measure[] = [];
  const notes = ['One run each.'];
  for (const script of ['types', 'test:unit']) {
    const ran = await command('npm', ['run', script], { env: { ...process.env, PATH: `${join(root, 'node_modules', '.bin')}:${process.env['PATH'] ?? ''}` } });
    measures.push(measure(`npm run ${script}`, 's', [ran.milliseconds / 1000], 15));
    if (ran.code !== 0) notes.push(`npm run ${script} ended with ${ran.code}, so its time is not that of a green run. It ended: ${ran.output.trim().slice(-500)}`);
  }
  return { measures, notes };
}
