import { exitCodes } from '../exit-codes.ts';
import { loadStack } from '../loaded-stack.ts';
import { planText } from '../plan-text.ts';
import { planOf } from '../plan.ts';
import type { Verb } from '../verb.ts';

export const plan: Verb = {
  name: 'plan',
  summary: "shows what up would do in the operator's terms: move, expected losses, files, routes, containers, steps",
  usage: '<stack> [--all] [--json]\n\n--all  every changed line of every file',
  arguments: ['<stack>'],
  options: { all: { type: 'boolean' } },
  async run({ positionals: [name = ''], options, json }) {
    const planned = await planOf(await loadStack(name));
    console.log(json ? JSON.stringify(planned, null, 2) : planText(planned, options['all'] === true));
    return planned.decision.kind === 'refused' ? exitCodes.refused : exitCodes.ok;
  },
};
