import { exitCodes, VerbError } from '../exit-codes.ts';
import type { Verb } from '../verb.ts';

export const backup: Verb = {
  name: 'backup', summary: 'not there yet', usage: '', arguments: [],
  run() {
    throw new VerbError(exitCodes.failed, 'not there yet');
  },
};
