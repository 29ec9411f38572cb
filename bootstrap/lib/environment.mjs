import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { pathToFileURL } from 'node:url';

/** What this clone keeps beside its code: the CLI, its home, the state backend, what the parts are. */
export function stateOf(root) {
  const at = (...names) => join(root, '.state', ...names);
  return {
    directory: at(),
    bin: at('bin'),
    pulumiHome: at('pulumi-home'),
    backend: at('backend'),
    passphrase: at('passphrase'),
    parts: at('parts.json'),
    locks: at('locks'),
  };
}

/** Where built and downloaded programs outlive a clone: `$XDG_CACHE_HOME/matrix-stack` or `~/.cache/matrix-stack`. */
export function cacheDirectory(env = process.env) {
  return join(env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'matrix-stack');
}

/**
 * What the operator's programs and a plain `pulumi` need to use this clone's parts.
 *
 * @param {string} root the clone
 * @param {NodeJS.ProcessEnv} [base] the rest of the environment
 * @returns {Record<string, string>} only what differs from `base`
 */
export function environment(root, base = process.env) {
  const state = stateOf(root);
  const ours = [join(root, 'node_modules', '.bin'), state.bin];
  const others = (base.PATH ?? '').split(delimiter).filter((entry) => entry !== '' && !ours.includes(entry));
  return {
    PATH: [...ours, ...others].join(delimiter),
    PULUMI_HOME: state.pulumiHome,
    PULUMI_BACKEND_URL: pathToFileURL(state.backend).href,
    PULUMI_CONFIG_PASSPHRASE_FILE: state.passphrase,
    PULUMI_SKIP_UPDATE_CHECK: 'true',
    PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: 'true',
  };
}

/** The same as lines for a POSIX shell; PATH keeps what the shell has. */
export function exportLines(root) {
  const quote = (text) => `'${text.replaceAll("'", "'\\''")}'`;
  const { PATH: _path, ...rest } = environment(root);
  const ours = [join(root, 'node_modules', '.bin'), stateOf(root).bin].join(delimiter);
  return [`export PATH=${quote(ours)}:"$PATH"`, ...Object.entries(rest).map(([name, value]) => `export ${name}=${quote(value)}`)];
}

/** Makes the backend directory and the passphrase of this clone's throw-away stacks, once. */
export function prepareState(root) {
  const state = stateOf(root);
  mkdirSync(state.bin, { recursive: true });
  mkdirSync(state.backend, { recursive: true });
  mkdirSync(join(state.pulumiHome, 'plugins'), { recursive: true });
  if (!existsSync(state.passphrase)) writeFileSync(state.passphrase, randomBytes(32).toString('base64url'), { mode: 0o600, flag: 'wx' });
}
