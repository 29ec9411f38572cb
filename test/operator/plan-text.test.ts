import assert from 'node:assert/strict';
import { test } from 'node:test';
import { planText } from '../../operator/plan-text.ts';
import type { Plan } from '../../operator/plan.ts';

const nothing: Plan = { decision: { kind: 'converge', epoch: 3, attempt: 0, sentence: 'Phase legacy: no move.' }, losses: [], files: [], routes: [], containers: [], steps: [], others: [] };
const move: Plan = { ...nothing, decision: { kind: 'move', move: 'cut-over', from: 'legacy', to: 'delegated', epoch: 2, attempt: 0, sentence: 'Cut over 9 people.' } };

test('a stack that needs nothing is one sentence', () => {
  assert.equal(planText(nothing, false), 'Phase legacy: no move. Nothing would change.');
});

test('a refusal is its own sentence and nothing else', () => {
  assert.equal(planText({ ...nothing, decision: { kind: 'refused', message: 'It must not be.' } }, false), 'Refused. It must not be.');
});

test('the losses of a move are named by class and user, and none is said too', () => {
  const text = planText({ ...move, losses: [{ class: 'locked', count: 1, users: ['lola'] }, { class: 'expired', count: 0, users: [] }] }, false);
  assert.match(text, /Expected losses\n {2}1 {2}locked {2}lola/);
  assert.ok(!text.includes('expired'));
  assert.match(planText(move, false), /Expected losses: none/);
});

test('the content of secret files is never shown, that of others only as it changed', () => {
  const lines = [{ file: 'nginx.conf', sign: '-', line: 'old' }, { file: 'nginx.conf', sign: '+', line: 'new' }] as const;
  const text = planText({ ...move, files: [{ owner: 'edge', change: 'replace', lines }, { owner: 'mas-secrets', change: 'create', lines: null }] }, false);
  assert.match(text, /replace edge\n {4}nginx\.conf: 1 lines added, 1 removed\n {6}- old\n {6}\+ new/);
  assert.match(text, /create mas-secrets \(secret, content not shown\)/);
});

test('a long difference is cut with the number of lines that are left, unless all are asked for', () => {
  const lines = Array.from({ length: 30 }, (_, index) => ({ file: 'a', sign: '+' as const, line: `line ${index}` }));
  const plan: Plan = { ...move, files: [{ owner: 'edge', change: 'replace', lines }] };
  assert.match(planText(plan, false), /… 18 more lines/);
  assert.match(planText(plan, true), /line 29/);
});
