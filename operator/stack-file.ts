/** `Pulumi.<stack>.yaml`: what its plain values say, and many encrypted values written at once. */
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse, parseDocument, YAMLMap } from 'yaml';
import { passphraseEncrypt } from './passphrase.ts';
import { pulumiEnvironment, root } from './project.ts';
import { pulumiOk } from './pulumi.ts';

export const stackFile = (stack: string): string => join(root, `Pulumi.${stack}.yaml`);

const namespace = 'matrix:';
const secretsKey = `${namespace}secrets`;

/** @returns the keys of namespace `matrix` without prefix; empty when there is no file. Encrypted values are `{secure: …}`. */
export async function readStackFile(stack: string): Promise<{ readonly [key: string]: unknown }> {
  if (!existsSync(stackFile(stack))) return {};
  const { config = {} } = (parse(await readFile(stackFile(stack), 'utf8')) ?? {}) as { config?: { [key: string]: unknown } };
  return Object.fromEntries(Object.entries(config).filter(([key]) => key.startsWith(namespace)).map(([key, value]) => [key.slice(namespace.length), value]));
}

/** @returns names under `matrix:secrets`. */
export async function secretNamesOf(stack: string): Promise<readonly string[]> {
  const { secrets } = await readStackFile(stack);
  return typeof secrets === 'object' && secrets !== null ? Object.keys(secrets) : [];
}

/** Sets plain keys of namespace `matrix` and keeps everything else of the file, comments too. `undefined` removes a key. */
export async function writeSettings(stack: string, settings: { readonly [key: string]: unknown }): Promise<void> {
  const file = stackFile(stack);
  const document = parseDocument(existsSync(file) ? await readFile(file, 'utf8') : 'config:\n');
  if (!(document.get('config') instanceof YAMLMap)) document.set('config', document.createNode({}));
  for (const [key, value] of Object.entries(settings)) {
    if (value === undefined) document.deleteIn(['config', `${namespace}${key}`]);
    else document.setIn(['config', `${namespace}${key}`], value);
  }
  await writeFile(file, document.toString({ lineWidth: 0 }));
}

/**
 * Encrypts values with the stack's own secrets provider and puts them under `matrix:secrets`. Under a passphrase that is one
 * write; any other provider is asked through `pulumi config set`, which takes one value a run.
 */
export async function writeSecrets(stack: string, secrets: ReadonlyMap<string, string>): Promise<void> {
  const file = stackFile(stack);
  const text = await readFile(file, 'utf8');
  const { encryptionsalt } = parse(text) as { encryptionsalt?: unknown };
  const encrypt = await passphraseEncrypt(encryptionsalt, pulumiEnvironment());
  if (encrypt === null) {
    for (const [name, value] of secrets) await pulumiOk(['config', 'set', '--stack', stack, '--secret', '--raw', '--path', `${secretsKey}.${name}`], { stdin: value });
    return;
  }
  const document = parseDocument(text);
  for (const [name, value] of secrets) document.setIn(['config', secretsKey, name], document.createNode({ secure: encrypt(value) }));
  await writeFile(file, document.toString({ lineWidth: 0 }));
}
