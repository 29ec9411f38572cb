import assert from 'node:assert/strict';
import { test } from 'node:test';
import { progressLines } from '../../operator/progress-lines.ts';

/** Lines of pulumi 3.259 without a terminal. */
const engine = [
  ' +  docker:index:Network networks-apps created (0.35s) ',
  ' +  command:local:Command files-edge-19623f218fff7d14-content created (2s) ',
  ' +  command:local:Command delegated-switch creating (0s) ',
  ' +  command:local:Command delegated-switch creating (1s) edge closed, proved by a refused request',
  '@ updating....',
  ' +  command:local:Command delegated-switch creating (2s) edge closed, proved by a refused request',
  ' +  command:local:Command delegated-switch created (6s) {"summary":"Move 2","epoch":2}',
  ' ++ command:local:Command legacy-check-configs creating replacement (2s) [diff: ~stdin,triggers]; homeserver.yaml (legacy): accepted',
  ' ++ command:local:Command legacy-check-configs created replacement (2s) [diff: ~stdin,triggers]; ',
];

test('people see what each job says once and when it has ended, and nothing of the rest', () => {
  const shown: string[] = [];
  const take = progressLines((line) => shown.push(line));
  for (const line of engine) take(line);
  assert.deepEqual(shown.map((line) => line.replaceAll(/ +/g, ' ').trim()), [
    'switch edge closed, proved by a refused request', 'switch done, 6s', 'check-configs homeserver.yaml (legacy): accepted', 'check-configs done, 2s']);
});
