import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seenBothWays } from '../../operator/demo/outcomes.ts';
import type { ProbeOutcome } from '../../probes/contract.ts';

const outcome = (id: string, passed: boolean, evidence: string): ProbeOutcome => ({ id, title: id, passed, evidence, milliseconds: 1 });

test('what could not be asked from outside is told as a job found it, a failure too', () => {
  const shown = seenBothWays([outcome('P01', true, 'answers'), outcome('P26', true, 'not checked: only inside')], [outcome('P01', false, 'was down'), outcome('P26', false, 'one person is missing')]);
  assert.deepEqual(shown.map(({ passed, evidence }) => [passed, evidence]), [[true, 'answers'], [false, 'one person is missing (asked inside)']]);
});

test('without a job nothing that was not asked is claimed', () => {
  assert.deepEqual(seenBothWays([outcome('P26', true, 'not checked: only inside')], []).map(({ evidence }) => evidence), ['not checked: only inside']);
});
