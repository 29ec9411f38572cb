/** Where this project lies, and what its programs need to find each other. */
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

/** Directory of Pulumi.yaml. */
export const root = fileURLToPath(new URL('..', import.meta.url)).replace(/\/$/, '');

/** What `npm start` leaves behind: programs, state backend, what the parts are. */
export const stateDirectory = join(root, '.state');

/**
 * Environment of the Pulumi command. What the operator has set stays; what is missing points at this clone's own parts
 * where `npm start` has brought some.
 */
export function pulumiEnvironment(base: NodeJS.ProcessEnv = process.env): NodeJS.ProcessEnv {
  const ours = [join(root, 'node_modules', '.bin')];
  const bin = join(stateDirectory, 'bin');
  const others = (base['PATH'] ?? '').split(delimiter).filter((entry) => entry !== '' && !ours.includes(entry) && entry !== bin);
  const own = existsSync(join(bin, 'pulumi'));
  return {
    ...(own ? {
      PULUMI_HOME: join(stateDirectory, 'pulumi-home'),
      PULUMI_BACKEND_URL: pathToFileURL(join(stateDirectory, 'backend')).href,
      ...(base['PULUMI_CONFIG_PASSPHRASE'] === undefined ? { PULUMI_CONFIG_PASSPHRASE_FILE: join(stateDirectory, 'passphrase') } : {}),
      PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: 'true',
    } : {}),
    PULUMI_SKIP_UPDATE_CHECK: 'true',
    ...base,
    // Steps are started as `node FILE.ts`, so the Node of this project comes first; an operator's own pulumi before ours.
    PATH: [...ours, ...others, bin].join(delimiter),
  };
}
