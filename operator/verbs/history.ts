import { exitCodes } from '../exit-codes.ts';
import { updatesOf } from '../history.ts';
import type { Update } from '../history.ts';
import { columns } from '../plan-text.ts';
import type { Verb } from '../verb.ts';

export const history: Verb = {
  name: 'history',
  summary: 'lists the updates of the stack with the phase that each wanted, newest first',
  usage: '<stack> [--json]',
  arguments: ['<stack>'],
  async run({ positionals: [stack = ''], json }) {
    const updates = await updatesOf(stack);
    if (json) console.log(JSON.stringify(updates, null, 2));
    else console.log(updates.length === 0 ? `Stack ${stack} has no update yet.` : columns(updates.map(rowOf)).join('\n'));
    return exitCodes.ok;
  },
};

function rowOf({ at, kind, result, phase, changes, message }: Update): readonly string[] {
  const counts = Object.entries(changes).filter(([operation]) => operation !== 'same').map(([operation, count]) => `${count} ${operation}`).join(', ');
  return [at.replace(/\.\d+Z$/, 'Z'), kind, result, phase, counts === '' ? 'no change' : counts, message];
}
