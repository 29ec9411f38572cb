import { exitCodes, VerbError } from '../exit-codes.ts';
import type { Verb } from '../verb.ts';

export const rollback: Verb = {
  name: 'rollback', summary: 'not there yet', usage: '', arguments: [],
  run() {
    throw new VerbError(exitCodes.failed, 'not there yet');
  },
};
