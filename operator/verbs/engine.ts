/** The engine's own operations, with this program attached where they run it. */
import { RunError } from '@pulumi/pulumi';
import { exitCodes } from '../exit-codes.ts';
import type { ExitCode } from '../exit-codes.ts';
import { ledgerOf, loadStack } from '../loaded-stack.ts';
import { pulumi, pulumiAttached } from '../pulumi.ts';
import type { RanAttached } from '../pulumi.ts';
import type { Verb } from '../verb.ts';

/** What the exit code of an operation means. A refusal of the program has changed nothing. */
export async function exitCodeOf(stack: string, ran: Pick<RanAttached, 'code' | 'failure'>): Promise<ExitCode> {
  if (ran.code === 0) return exitCodes.ok;
  if (RunError.isInstance(ran.failure)) return exitCodes.refused;
  try {
    if ((await ledgerOf(await loadStack(stack))).unfinished !== null) return exitCodes.unfinished;
  } catch {
    // The stack cannot be read either; what failed has been shown.
  }
  return exitCodes.failed;
}

function attached(operation: 'preview' | 'up', summary: string): Verb {
  return {
    name: operation,
    summary,
    usage: `<stack> [options of pulumi ${operation}]`,
    arguments: ['<stack>'],
    passesOn: true,
    async run({ positionals: [stack = ''], rest }) {
      return exitCodeOf(stack, await pulumiAttached([operation, '--stack', stack, ...rest], { output: 'shown' }));
    },
  };
}

export const refresh: Verb = {
  name: 'refresh',
  summary: 'compares the state with what is on the Docker host',
  usage: '<stack> [options of pulumi refresh]',
  arguments: ['<stack>'],
  passesOn: true,
  async run({ positionals: [stack = ''], rest }) {
    return (await pulumi(['refresh', '--stack', stack, ...rest], { output: 'shown' })).code === 0 ? exitCodes.ok : exitCodes.failed;
  },
};

export const preview = attached('preview', 'shows what the engine would do, resource by resource');
export const up = attached('up', 'does it: converges, or makes the move that the phase asks for');
