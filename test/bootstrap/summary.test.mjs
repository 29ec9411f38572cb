import assert from 'node:assert/strict';
import { test } from 'node:test';
import { conclude, createCounter } from '../../bootstrap/lib/summary.mjs';

test('the closing lines of both reporters are counted, coloured or not; lines inside tests are not', () => {
  const counter = createCounter();
  for (const line of ['ℹ tests 4', 'ℹ pass 3', 'ℹ fail 1', '# pass 2', '# cancelled 1', '\u001b[34mℹ pass 5\u001b[39m', '  ℹ pass 100', '# pass 100 times']) counter.see(line);
  assert.deepEqual(counter.counts, { passed: 10, failed: 2 });
});

const script = (name, code, passed, failed) => ({ name, code, passed, failed, runsTests: name !== 'lint', took: '1.0 s' });

test('all green is exit code 0 and a plain sum', () => {
  const { lines, code } = conclude([script('lint', 0, 0, 0), script('unit', 0, 7, 0), script('e2e', 0, 3, 0)], true);
  assert.equal(lines.at(-1), '10 passed, 0 failed');
  assert.equal(code, 0);
});

test('a failed test, a failed linter, a run that broke off and missing parts each fail the whole', () => {
  assert.deepEqual(pick(conclude([script('unit', 1, 7, 1)], true)), ['7 passed, 1 failed', 1]);
  assert.deepEqual(pick(conclude([script('lint', 1, 0, 0)], true)), ['0 passed, 0 failed; lint failed', 1]);
  assert.deepEqual(pick(conclude([script('e2e', 134, 5, 0)], true)), ['5 passed, 0 failed; e2e failed', 1]);
  assert.deepEqual(pick(conclude([script('unit', 0, 5, 0)], false)), ['5 passed, 0 failed; parts are missing', 1]);
});

test('a test script that ran no test fails the whole', () => {
  assert.deepEqual(pick(conclude([script('unit', 0, 5, 0), script('e2e', 0, 0, 0)], true)), ['5 passed, 0 failed; e2e ran no test', 1]);
});

function pick({ lines, code }) {
  return [lines.at(-1), code];
}
