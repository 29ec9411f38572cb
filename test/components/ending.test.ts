import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RunError } from '@pulumi/pulumi';
import { endingOf, Refusal } from '../../ending.ts';

test('what was foreseen ends the program with its sentence and no stack that the language host would colour', () => {
  const ending = endingOf(new Refusal('It must not be.'));
  assert.ok(RunError.isInstance(ending));
  assert.deepEqual([ending.message, ending.stack], ['It must not be.', '']);
});

test('a defect keeps its own stack but for the frames that hang the language host', () => {
  const defect = new Error('a defect');
  defect.stack = 'Error: a defect\n    at build (/project/index.ts:1:1)\n    at run (/project/node_modules/@pulumi/resource.ts:1598:22)';
  assert.equal(endingOf(defect), defect);
  assert.equal(defect.stack, 'Error: a defect\n    at build (/project/index.ts:1:1)');
});
