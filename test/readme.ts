/** The parts of README.md that follow from the program, between markers. `node test/readme.ts` writes them anew. */
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';

const root = fileURLToPath(new URL('..', import.meta.url));
export const readmeFile = `${root}README.md`;

interface Key {
  readonly type: string;
  readonly default?: unknown;
  readonly description: string;
}

/** @returns a Markdown table with a row for each key of Pulumi.yaml, in its order. */
function configTable(): string {
  const { config } = parse(readFileSync(`${root}Pulumi.yaml`, 'utf8')) as { readonly config: { readonly [key: string]: Key } };
  const rows = Object.entries(config).map(([name, key]) => `| \`${name}\` | ${key.type} | ${shownDefault(key)} | ${key.description.replaceAll('|', '\\|').replaceAll('<', '&lt;')} |`);
  return ['| Key | Type | Default | Meaning |', '|---|---|---|---|', ...rows].join('\n');
}

function shownDefault(key: Key): string {
  if (!('default' in key)) return 'must be set';
  const text = JSON.stringify(key.default);
  return ['""', '{}', '[]'].includes(text) ? 'none' : `\`${typeof key.default === 'string' ? key.default : text}\``;
}

let printed: string | undefined;

/** What `matrix-stack --help` prints, asked once. @throws Error with its complaint when it fails. */
export function help(): string {
  return printed ??= askHelp();
}

function askHelp(): string {
  const { status, stdout, stderr } = spawnSync(process.execPath, [`${root}operator/main.ts`, '--help'], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`matrix-stack --help ended with ${status}: ${stderr}`);
  return stdout.trim();
}

/** @returns README.md with the generated parts as they must be. @throws Error when a marker is missing. */
export function generated(text: string): string {
  const parts = { config: configTable(), verbs: `\`\`\`text\n${help()}\n\`\`\`` };
  return Object.entries(parts).reduce((whole, [name, part]) => {
    const [begin, end] = [`<!-- begin ${name}: node test/readme.ts -->`, `<!-- end ${name} -->`];
    if (!whole.includes(begin) || !whole.includes(end)) throw new Error(`README.md has no ${begin} … ${end}; expected both markers.`);
    return `${whole.slice(0, whole.indexOf(begin))}${begin}\n${part}\n${whole.slice(whole.indexOf(end))}`;
  }, text);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(readmeFile, generated(readFileSync(readmeFile, 'utf8')));
