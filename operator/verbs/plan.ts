import { exitCodes, VerbError } from '../exit-codes.ts';
import type { Verb } from '../verb.ts';

export const plan: Verb = {
  name: 'plan', summary: 'not there yet', usage: '', arguments: [],
  run() {
    throw new VerbError(exitCodes.failed, 'not there yet');
  },
};
