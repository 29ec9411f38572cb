import { confirmed } from '../confirm.ts';
import { removeFiles, removeHelpers, removeLeftovers } from '../demo/remove.ts';
import { exitCodes } from '../exit-codes.ts';
import type { ExitCode } from '../exit-codes.ts';
import { pulumi, pulumiOk } from '../pulumi.ts';
import { readStackFile } from '../stack-file.ts';
import type { Verb } from '../verb.ts';

/** pulumi's default of `matrix:dockerHost` (Pulumi.yaml). */
const localHost = 'unix:///var/run/docker.sock';

export const destroy: Verb = {
  name: 'destroy',
  summary: 'removes a throw-away stack and all traces of it; any other is refused by the engine while its data is protected',
  usage: '<stack> [options of pulumi destroy]',
  arguments: ['<stack>'],
  passesOn: true,
  async run({ positionals: [stack = ''], rest, yes }) {
    const settings = await readStackFile(stack);
    if (String(settings['demo']) === 'true') return destroyDemo(stack, typeof settings['dockerHost'] === 'string' ? settings['dockerHost'] : localHost, yes, rest);
    return (await pulumi(['destroy', '--stack', stack, ...rest], { output: 'shown' })).code === 0 ? exitCodes.ok : exitCodes.failed;
  },
};

async function destroyDemo(stack: string, host: string, yes: boolean, rest: readonly string[]): Promise<ExitCode> {
  if (!await confirmed(`Remove stack ${stack} with its people, data and settings?`, yes)) {
    console.log('Nothing was done.');
    return exitCodes.refused;
  }
  await removeHelpers(stack, host);
  const others = rest.filter((option) => option !== '--yes' && option !== '-y' && option !== '--skip-preview');
  const ran = await pulumi(['destroy', '--stack', stack, '--yes', '--skip-preview', ...others]);
  if (ran.code !== 0 && !/no stack named/.test(ran.stderr)) {
    console.error((ran.stderr.trim() || ran.stdout.trim()));
    return exitCodes.failed;
  }
  const left = await removeLeftovers(stack, host);
  if (ran.code === 0) await pulumiOk(['stack', 'rm', stack, '--yes', '--preserve-config']);
  await removeFiles(stack);
  console.log(`Stack ${stack} is gone: containers, networks, volumes, state and Pulumi.${stack}.yaml${left === 0 ? '' : ` (${left} of them were left over from interrupted work)`}.`);
  return exitCodes.ok;
}
