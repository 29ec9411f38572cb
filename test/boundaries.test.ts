/** What each room may import and touch: the arrows of docs and README, held by the source itself. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, it } from 'node:test';
import ts from 'typescript';

const root = fileURLToPath(new URL('..', import.meta.url));

interface Source {
  /** Path below the root. */
  readonly path: string;
  readonly file: ts.SourceFile;
  /** Modules that it imports values or types from. */
  readonly imports: readonly { readonly module: string; readonly typeOnly: boolean }[];
}

function sourcesOf(...rooms: readonly string[]): Source[] {
  return rooms.flatMap((room) => (room.endsWith('.ts') ? [join(root, room)] : filesBelow(join(root, room)))).filter((path) => existsSync(path)).map((path) => {
    const file = ts.createSourceFile(path, readFileSync(path, 'utf8'), ts.ScriptTarget.ES2023, true);
    return { path: relative(root, path), file, imports: importsOf(file) };
  });
}

function filesBelow(directory: string): string[] {
  if (!existsSync(directory)) return [];
  return readdirSync(directory, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile() && /\.(ts|mts|mjs)$/.test(entry.name)).map((entry) => join(entry.parentPath, entry.name));
}

function importsOf(file: ts.SourceFile): Source['imports'] {
  const found: { module: string; typeOnly: boolean }[] = [];
  walk(file, (node) => {
    if ((ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) && node.moduleSpecifier !== undefined && ts.isStringLiteral(node.moduleSpecifier)) {
      found.push({ module: node.moduleSpecifier.text, typeOnly: ts.isImportDeclaration(node) ? node.importClause?.phaseModifier === ts.SyntaxKind.TypeKeyword : node.isTypeOnly });
    }
    if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
      const [module] = node.arguments;
      found.push({ module: module !== undefined && ts.isStringLiteralLike(module) ? module.text : 'a computed module', typeOnly: false });
    }
  });
  return found;
}

function walk(node: ts.Node, visit: (node: ts.Node) => void): void {
  visit(node);
  node.forEachChild((child) => { walk(child, visit); });
}

/** @returns the room of an imported module: its folder or file below the root, or its package. */
function roomOf(source: Source, module: string): string {
  if (!module.startsWith('.')) return module;
  const path = relative(root, join(root, dirname(source.path), module));
  return path.includes('/') ? path.slice(0, path.indexOf('/')) : path;
}

/** @returns `file imports module` for each import that no pattern allows. */
function foreignImports(sources: readonly Source[], allowed: readonly RegExp[]): string[] {
  return sources.flatMap((source) => source.imports.filter(({ module }) => !allowed.some((pattern) => pattern.test(roomOf(source, module)))).map(({ module }) => `${source.path} imports ${module}`));
}

/** @returns `file names X` for each global that is named, also as a property of globalThis. */
function namedGlobals(sources: readonly Source[], names: readonly string[]): string[] {
  return sources.flatMap((source) => {
    const found: string[] = [];
    walk(source.file, (node) => {
      if (!ts.isIdentifier(node) || !names.includes(node.text)) return;
      const { parent } = node;
      const isKey = (ts.isPropertyAssignment(parent) || ts.isPropertySignature(parent) || ts.isMethodSignature(parent)) && parent.name === node;
      const isProperty = ts.isPropertyAccessExpression(parent) && parent.name === node && parent.expression.getText() !== 'globalThis';
      if (!isKey && !isProperty) found.push(`${source.path} names ${node.text}`);
    });
    return found;
  });
}

/** @returns `file uses a.b` for each such property access. */
function usedProperties(sources: readonly Source[], uses: readonly string[]): string[] {
  return sources.flatMap((source) => {
    const found: string[] = [];
    walk(source.file, (node) => { if (ts.isPropertyAccessExpression(node) && uses.includes(node.getText())) found.push(`${source.path} uses ${node.getText()}`); });
    return found;
  });
}

const pure = sourcesOf('model', 'templates');
const onHost = sourcesOf('steps', 'probes');
const program = sourcesOf('model', 'templates', 'components', 'steps', 'probes', 'operator', 'config.ts', 'index.ts');

describe('the rooms', () => {
  it('are there', () => { for (const room of ['model', 'templates', 'components', 'steps', 'probes']) assert.ok(sourcesOf(room).length > 0, room); });

  it('model imports itself, zod, hashing and versions', () => {
    assert.deepEqual(foreignImports(sourcesOf('model'), [/^model$/, /^zod$/, /^node:crypto$/, /^versions\.json$/]), []);
  });

  it('templates import model, serialisers, hashing and the types of steps', () => {
    assert.deepEqual(foreignImports(sourcesOf('templates'), [/^(model|templates)$/, /^(yaml|handlebars)$/, /^node:crypto$/, /^(versions|package)\.json$/, /^steps$/]), []);
    const values = sourcesOf('templates').flatMap((source) => source.imports.filter(({ module, typeOnly }) => roomOf(source, module) === 'steps' && !typeOnly).map(({ module }) => `${source.path} imports ${module}`));
    assert.deepEqual(values, []);
  });

  it('model and templates see no file system, process, network, clock or chance', () => {
    assert.deepEqual(namedGlobals(pure, ['process', 'Date', 'fetch', 'setTimeout', 'setInterval', 'performance', 'crypto', 'require', 'globalThis']), []);
    assert.deepEqual(usedProperties(pure, ['Math.random']), []);
    const crypto = pure.flatMap((source) => source.file.statements.filter((statement) => ts.isImportDeclaration(statement) && statement.moduleSpecifier.getText().includes('node:crypto'))
      .flatMap((statement) => [...statement.getText().matchAll(/\b(create\w+|random\w*|generate\w*)\b/g)].map(([name]) => name)));
    assert.deepEqual([...new Set(crypto)].sort(), ['createHash', 'createHmac']);
  });

  it('steps and probes never import Pulumi, templates, components or the operator', () => {
    // The one shape of a rendered file is an agreement of both rooms, like steps/contract.ts.
    const agreed = (imported: Source['imports'][number]): boolean => imported.typeOnly && imported.module.endsWith('/templates/file.ts');
    assert.deepEqual(onHost.flatMap((source) => source.imports.filter((imported) => !agreed(imported) && /^@pulumi\/|^(templates|components|operator|config\.ts|index\.ts)$/.test(roomOf(source, imported.module)))
      .map(({ module }) => `${source.path} imports ${module}`)), []);
  });

  it('components import no steps that run and nothing of the operator', () => {
    assert.deepEqual(foreignImports(sourcesOf('components'), [/^@pulumi\//, /^(components|templates|model|steps)$/, /^node:/, /^esbuild$/, /^(versions|package)\.json$/]), []);
  });

  it('nothing of the program imports tests or the bootstrap', () => {
    assert.deepEqual(program.flatMap((source) => source.imports.filter(({ module }) => /^(test|bootstrap|bench)$/.test(roomOf(source, module))).map(({ module }) => `${source.path} imports ${module}`)), []);
  });
});

describe('settings', () => {
  it('are read by config.ts alone', () => {
    const readers = program.filter((source) => source.path !== 'config.ts');
    assert.deepEqual(usedProperties(readers, ['pulumi.Config', 'pulumi.runtime.allConfig', 'runtime.allConfig']), []);
    const named = readers.flatMap((source) => source.file.statements.filter((statement) => ts.isImportDeclaration(statement) && /\{[^}]*\bConfig\b[^}]*\}\s*from\s*'@pulumi/.test(statement.getText())).map(() => source.path));
    assert.deepEqual(named, []);
  });

  it('decide, never the name of a stack', () => {
    const comparisons: string[] = [];
    for (const source of program) {
      walk(source.file, (node) => {
        if (!ts.isBinaryExpression(node) || ![ts.SyntaxKind.EqualsEqualsEqualsToken, ts.SyntaxKind.ExclamationEqualsEqualsToken].includes(node.operatorToken.kind)) return;
        const sides = [node.left, node.right];
        const name = sides.some((side) => /(^|\.)(stack|stackName)$|getStack\(\)$/.test(side.getText()));
        if (name && sides.some((side) => ts.isStringLiteral(side) && side.text !== '')) comparisons.push(`${source.path}: ${node.getText()}`);
      });
    }
    assert.deepEqual(comparisons, []);
  });
});
