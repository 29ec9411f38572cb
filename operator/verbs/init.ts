import { initialise } from '../init.ts';
import type { Verb } from '../verb.ts';
import { exitCodes } from '../exit-codes.ts';

export const init: Verb = {
  name: 'init',
  summary: 'makes the stack and every secret of its own that it lacks, encrypted in Pulumi.<stack>.yaml',
  usage: '<stack> [--mirror STACK]\n\n--mirror  copies the password pepper of the stack that this one mirrors',
  arguments: ['<stack>'],
  options: { mirror: { type: 'string' } },
  async run({ positionals: [stack = ''], options, json }) {
    const done = await initialise(stack, typeof options['mirror'] === 'string' ? options['mirror'] : undefined);
    if (json) {
      console.log(JSON.stringify(done));
      return exitCodes.ok;
    }
    console.log(`${done.created ? `Made stack ${stack}` : `Stack ${stack} is there`}; ${done.secrets.length === 0 ? 'it has all its secrets.' : `made ${done.secrets.length} secrets.`}`);
    if (done.secrets.length > 0) {
      console.log(`Keep the passphrase of this stack (PULUMI_CONFIG_PASSPHRASE) in a second place: without it Pulumi.${stack}.yaml and the backups' keys cannot be opened.`);
    }
    return exitCodes.ok;
  },
};
