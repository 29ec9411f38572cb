/**
 * Adds up the closing lines of node:test's reporters (`ℹ pass 12`, `# pass 12`) as a run prints them.
 * A test that was cancelled did not keep its promise: it counts as failed.
 */
export function createCounter() {
  const counts = { passed: 0, failed: 0 };
  return {
    counts,
    /** @param {string} line one line of output */
    see(line) {
      // eslint-disable-next-line no-control-regex
      const match = /^(?:ℹ|#) (pass|fail|cancelled) (\d+)$/.exec(line.replace(/\u001b\[\d*m/g, '').trimEnd());
      if (match === null) return;
      counts[match[1] === 'pass' ? 'passed' : 'failed'] += Number(match[2]);
    },
  };
}

/**
 * @typedef {object} ScriptResult
 * @property {string} name
 * @property {number} code exit code
 * @property {boolean} runsTests false for a linter and the like, which count no tests
 * @property {number} passed tests that node:test counted
 * @property {number} failed
 * @property {string} took
 */

/**
 * The closing lines of `npm test`: one for each script, then the sum, then what failed without being a test.
 *
 * @param {ScriptResult[]} results
 * @param {boolean} partsAreHere
 * @returns {{lines: string[], code: number}}
 */
export function conclude(results, partsAreHere) {
  const passed = results.reduce((sum, result) => sum + result.passed, 0);
  const failed = results.reduce((sum, result) => sum + result.failed, 0);
  const otherwise = partsAreHere ? [] : ['parts are missing'];
  const lines = [];
  for (const result of results) {
    const tests = result.passed + result.failed;
    // A pattern that matches no file is green for node:test.
    const empty = result.runsTests && tests === 0;
    const verdict = tests > 0 ? `${result.passed} passed, ${result.failed} failed` : empty ? 'ran no test' : result.code === 0 ? 'passed' : 'failed';
    if (empty) otherwise.push(`${result.name} ran no test`);
    else if (result.code !== 0 && result.failed === 0) otherwise.push(`${result.name} failed`);
    lines.push(`${result.name.padEnd(10)} ${verdict.padEnd(24)} ${result.took}`);
  }
  lines.push([`${passed} passed, ${failed} failed`, ...otherwise].join('; '));
  return { lines, code: failed > 0 || otherwise.length > 0 ? 1 : 0 };
}
