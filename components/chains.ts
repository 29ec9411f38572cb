/** Which jobs each phase runs, in order. */
import type { Model, Phase } from '../model/model.ts';
import type { JobName } from '../steps/contract.ts';

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
