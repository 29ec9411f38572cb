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
  const otherwise = results.filter(({ code, failed: tests }) => code !== 0 && tests === 0).map(({ name }) => `${name} failed`);
  if (!partsAreHere) otherwise.unshift('parts are missing');
  const lines = results.map((result) => {
    const tests = result.passed + result.failed;
    const verdict = tests > 0 ? `${result.passed} passed, ${result.failed} failed` : result.code === 0 ? 'passed' : 'failed';
    return `${result.name.padEnd(10)} ${verdict.padEnd(24)} ${result.took}`;
  });
  lines.push([`${passed} passed, ${failed} failed`, ...otherwise].join('; '));
  return { lines, code: failed > 0 || otherwise.length > 0 ? 1 : 0 };
}
