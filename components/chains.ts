/** Which jobs each phase runs, in order. */
import type { Model, Phase } from '../model/model.ts';
import { namesOf } from '../model/names.ts';
import type { JobInput, JobName } from '../steps/contract.ts';

/** Jobs that need no service container: they run before one is replaced. */
export function jobsBefore(phase: Phase, model: Pick<Model, 'adopt' | 'mirror'>): readonly JobName[] {
  switch (phase) {
    case 'legacy':
      return ['prepare', ...(model.mirror === undefined ? model.adopt === undefined ? [] : ['adopt' as const] : ['mirror' as const]), 'check-configs', 'backup'];
    case 'delegated':
      return ['prepare', 'preflight', 'backup', 'check-configs', 'mas-schema', 'syn2mas-check', 'dry-run'];
    case 'committed':
      return ['prepare', 'backup', 'check-configs'];
  }
}

/** Jobs that act on the service containers of the phase. */
export const jobsAfter: readonly JobName[] = ['switch', 'start', 'probe', 'record'];

/** What a job is told besides the facts of the stack. */
export function jobOptions(job: JobName, model: Pick<Model, 'adopt' | 'mirror' | 'backup'>): JobInput['options'] {
  const { adopt, mirror, backup } = model;
  switch (job) {
    case 'adopt':
      return { adopt };
    case 'mirror':
      return mirror === undefined ? {} : { mirror: { of: mirror.of, volume: namesOf(mirror.of).volume('backups') } };
    case 'backup':
      return { keep: backup.keep };
    case 'switch':
      return adopt === undefined && mirror === undefined ? {} : { adopt: true };
    default:
      return {};
  }
}
