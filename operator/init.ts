/** Makes a stack and every secret of its own that it lacks. */
import { neededSecrets } from '../model/secret-names.ts';
import { exitCodes, VerbError } from './exit-codes.ts';
import { pulumi, pulumiOk } from './pulumi.ts';
import { createSecrets } from './secrets.ts';
import { readStackFile, secretNamesOf, writeSecrets } from './stack-file.ts';

export interface Initialised {
  readonly created: boolean;
  /** Names of the secrets that were made. */
  readonly secrets: readonly string[];
}

/**
 * @param mirrorOf stack whose pepper is copied: without it nobody of the mirrored data could log in. No other secret passes.
 * @throws VerbError when the file names no hosts, or pulumi refuses.
 */
export async function initialise(stack: string, mirrorOf?: string): Promise<Initialised> {
  const created = await createStack(stack);
  const settings = await readStackFile(stack);
  if (mirrorOf !== undefined) await copyPepper(stack, mirrorOf, settings['pepper']);
  const { mode: database } = (settings['postgres'] ?? {}) as { mode?: string };
  const { mode: tls } = (settings['tls'] ?? {}) as { mode?: string };
  const present = new Set(await secretNamesOf(stack));
  const missing = neededSecrets(database !== 'external', tls === 'selfSigned').filter((name) => !present.has(name));
  if (missing.length === 0) return { created, secrets: [] };
  const someTls = missing.filter((name) => name.startsWith('tls'));
  if (someTls.length > 0 && someTls.length < 4) {
    throw new VerbError(exitCodes.refused, `Stack ${stack} has some of its four certificate secrets, but not ${someTls.join(', ')}; expected all or none. Put the missing ones back, or remove the others with pulumi config rm --stack ${stack} --path matrix:secrets.NAME`);
  }
  await writeSecrets(stack, await createSecrets(missing, stack, hostNames(stack, settings, someTls.length > 0)));
  return { created, secrets: missing };
}

async function createStack(stack: string): Promise<boolean> {
  const made = await pulumi(['stack', 'init', stack, '--non-interactive']);
  if (made.code === 0) return true;
  if (!/already exists/.test(made.stderr + made.stdout)) throw new VerbError(exitCodes.failed, `pulumi stack init failed: ${(made.stderr || made.stdout).trim()}`);
  await pulumiOk(['stack', 'select', stack]);
  return false;
}

async function copyPepper(stack: string, from: string, pepper: unknown): Promise<void> {
  const { secret } = (typeof pepper === 'object' && pepper !== null ? pepper : {}) as { secret?: string };
  if (secret === undefined || (await secretNamesOf(stack)).includes(secret)) return;
  const value = await pulumiOk(['config', 'get', '--stack', from, '--path', `matrix:secrets.${secret}`]);
  await writeSecrets(stack, new Map([[secret, value.replace(/\n$/, '')]]));
}

/** Every name that the edge answers for. */
function hostNames(stack: string, settings: { readonly [key: string]: unknown }, needed: boolean): readonly string[] {
  const { homeserver, auth, element, apex } = (settings['hosts'] ?? {}) as { homeserver?: string; auth?: string; element?: string; apex?: { name?: string } };
  const serverName = settings['serverName'];
  const names = [homeserver, auth, element, apex?.name ?? (typeof serverName === 'string' ? serverName.replace(/:\d+$/, '') : undefined)];
  const found = names.filter((name) => name !== undefined);
  if (needed && found.length === 0) throw new VerbError(exitCodes.refused, `Pulumi.${stack}.yaml names no hosts; expected matrix:hosts, which the certificate is made for. Write them there first.`);
  return [...new Set(found)];
}
