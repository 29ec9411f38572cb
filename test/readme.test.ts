/** README and docs say what the program does: tables, verbs, links, losses and messages are compared with their sources. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, it } from 'node:test';
import { exitCodes } from '../operator/exit-codes.ts';
import { lossClasses } from '../steps/losses.ts';
import { rollbackLosses } from '../steps/rollback-losses.ts';
import { generated, help, readmeFile } from './readme.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const readme = readFileSync(readmeFile, 'utf8');
const filesBelow = (room: string, ending: RegExp): string[] => readdirSync(join(root, room), { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile() && ending.test(entry.name)).map((entry) => join(entry.parentPath, entry.name));
const pages = [readmeFile, join(root, 'CHANGELOG.md'), ...filesBelow('docs', /\.md$/)].map((path) => ({ path, name: relative(root, path), text: readFileSync(path, 'utf8') }));
const page = (name: string): string => pages.find((one) => one.name === name)?.text ?? '';

describe('README.md', () => {
  it('has the config keys of Pulumi.yaml and the verbs of the command (else: node test/readme.ts)', () => {
    assert.equal(readme, generated(readme));
  });

  it('has every exit code', () => {
    const rows = [...readme.matchAll(/^\| (\d) \|/gm)].map(([, code]) => Number(code));
    assert.deepEqual(rows, Object.values(exitCodes));
  });
});

describe('README and docs', () => {
  it('name only verbs that the command has', () => {
    const verbs = new Set([...help().matchAll(/^ {2}(\S+) {2,}/gm)].map(([, verb]) => verb));
    const named = pages.flatMap(({ name, text }) => [...text.matchAll(/(?:`|^ *|npx )matrix-stack ([a-z]+)/gm)].map(([, verb]) => ({ name, verb })));
    assert.ok(named.length > 10);
    assert.deepEqual(named.filter(({ verb }) => !verbs.has(verb)).map(({ name, verb }) => `${name}: ${verb}`), []);
  });

  it('name only npm scripts that package.json has', () => {
    const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { scripts: { [name: string]: string } };
    const named = pages.flatMap(({ text }) => [...text.matchAll(/npm run ([\w:-]+)/g)].map(([, script]) => script ?? ''));
    assert.deepEqual(named.filter((script) => !(script in scripts)), []);
  });

  it('lead only to files that are there', () => {
    const broken = pages.flatMap(({ path, name, text }) => [...text.matchAll(/\]\((?!https?:)([^)#]+)(?:#[^)]*)?\)/g)].map(([, link]) => link ?? '')
      .filter((link) => !existsSync(join(dirname(path), link))).map((link) => `${name}: ${link}`));
    assert.deepEqual(broken, []);
  });

  it('explain every class of loss', () => {
    const missing = (text: string, classes: readonly string[]): string[] => classes.filter((name) => !text.includes(`\`${name}\``));
    assert.deepEqual(missing(page('docs/cut-over.md'), lossClasses), []);
    const back = [...new Set([...rollbackLosses.matchAll(/SELECT '([\w-]+)'/g)].map(([, name]) => name ?? ''))];
    assert.ok(back.length > 0);
    assert.deepEqual(missing(page('docs/rollback.md'), back), []);
  });

  it('quote messages that the program has', () => {
    const sources = ['model', 'steps', 'operator'].flatMap((room) => filesBelow(room, /\.ts$/)).map((path) => readFileSync(path, 'utf8')).join('\n');
    const quoted = [...page('docs/bad-days.md').matchAll(/^### `(.+)`$/gm)].flatMap(([, heading]) => (heading ?? '').split(/ ?… ?/)).filter((part) => part !== '');
    assert.ok(quoted.length > 10);
    assert.deepEqual(quoted.filter((part) => !sources.includes(part)), []);
  });
});
