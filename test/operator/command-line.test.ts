import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { root } from '../../operator/project.ts';

interface Said {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function matrixStack(...args: string[]): Said {
  const { status, stdout, stderr } = spawnSync(process.execPath, ['operator/bin.mjs', ...args], { cwd: root, encoding: 'utf8' });
  return { code: status, stdout, stderr };
}

test('without a verb it says what there is and counts as not understood', () => {
  const said = matrixStack();
  assert.equal(said.code, 2);
  assert.match(said.stdout, /^matrix-stack VERB/);
  assert.equal(matrixStack('--help').code, 0);
});

test('every verb that is listed explains itself', () => {
  const verbs = [...matrixStack('--help').stdout.matchAll(/^ {2}([a-z]+) {2,}/gm)].map(([, verb = '']) => verb);
  assert.ok(verbs.length >= 10);
  for (const verb of ['init', 'up', 'demo', ...verbs.slice(-2)]) {
    const said = matrixStack(verb, '--help');
    assert.equal(said.code, 0, verb);
    assert.ok(said.stdout.startsWith(`matrix-stack ${verb} `), verb);
  }
});

test('an unknown verb, option or missing argument ends with code 2 and what is expected', () => {
  assert.match(matrixStack('upp').stderr, /^There is no verb "upp"; expected one of init, /);
  assert.match(matrixStack('init').stderr, /^init takes <stack>\./);
  assert.match(matrixStack('probe', 'prod', '--jsn').stderr, /--jsn/);
  for (const args of [['upp'], ['init'], ['probe', 'prod', '--jsn'], ['up']]) assert.equal(matrixStack(...args).code, 2, args.join(' '));
});
