import assert from 'node:assert/strict';
import { test } from 'node:test';
import { lineDiff } from '../../operator/line-diff.ts';

const shown = (before: string, after: string): readonly string[] => lineDiff(before, after).map(({ sign, line }) => `${sign}${line}`);

test('a changed line is shown as removed and added, and equal lines are left out', () => {
  assert.deepEqual(shown('a\nb\nc\n', 'a\nB\nc\n'), ['-b', '+B']);
  assert.deepEqual(shown('a\nb\n', 'a\nb\n'), []);
});

test('a line that moved within repeated ones costs no more than its own change', () => {
  assert.deepEqual(shown('x\nx\ny\nx\n', 'x\ny\nx\nx\n').length, 2);
});

test('a new file is all added and a removed one all gone, with or without a last newline', () => {
  assert.deepEqual(shown('', 'a\nb\n'), ['+a', '+b']);
  assert.deepEqual(shown('a\nb', ''), ['-a', '-b']);
});
