import { exitCodes, VerbError } from '../exit-codes.ts';
import { ledgerOf, loadStack } from '../loaded-stack.ts';
import { runJob } from '../run-job.ts';
import type { Verb } from '../verb.ts';

export const backup: Verb = {
  name: 'backup',
  summary: 'makes a backup now and proves it by a restore with equal counts',
  usage: '<stack> [--json]',
  arguments: ['<stack>'],
  async run({ positionals: [name = ''], json }) {
    const stack = await loadStack(name);
    const { phase } = await ledgerOf(stack);
    if (phase === 'empty') throw new VerbError(exitCodes.refused, `Stack ${name} holds no data yet; expected a server to back up. Type matrix-stack up ${name}`);
    if (phase !== stack.model.phase) throw new VerbError(exitCodes.refused, `Stack ${name} is in phase ${phase} and its settings want ${stack.model.phase}; a backup made now would belong to neither. Type matrix-stack up ${name}, which makes one before the move.`);
    const result = await runJob(stack, 'backup', { always: true, keep: stack.model.backup.keep });
    if (json) console.log(JSON.stringify(result));
    return exitCodes.ok;
  },
};
