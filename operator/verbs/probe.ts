import { formatOutcomes, outcomesJson, runProbes } from '../../probes/index.ts';
import { exitCodes, VerbError } from '../exit-codes.ts';
import { ledgerOf, loadStack } from '../loaded-stack.ts';
import { probeContextOf, stackClient } from '../stack-client.ts';
import type { Verb } from '../verb.ts';

export const probe: Verb = {
  name: 'probe',
  summary: 'asks the running stack as its clients do and shows what passed',
  usage: '<stack> [--json]',
  arguments: ['<stack>'],
  async run({ positionals: [name = ''], json }) {
    const stack = await loadStack(name);
    const { phase } = await ledgerOf(stack);
    if (phase === 'empty') throw new VerbError(exitCodes.refused, `Stack ${name} has no live server yet; expected one. Type matrix-stack up ${name}`);
    const client = stackClient(stack);
    try {
      const outcomes = await runProbes(probeContextOf(stack, client, phase === 'legacy' ? 'legacy' : 'delegated'), 'steady');
      console.log(json ? outcomesJson(outcomes) : formatOutcomes(outcomes));
      return outcomes.every((outcome) => outcome.passed) ? exitCodes.ok : exitCodes.failed;
    } finally {
      await client.close();
    }
  },
};
