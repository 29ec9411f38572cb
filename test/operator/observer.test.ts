import assert from 'node:assert/strict';
import { test } from 'node:test';
import { observationOf, observe } from '../../operator/observer.ts';
import type { ProbeResponse } from '../../probes/contract.ts';

const at = (kind: 'served' | 'refused' | 'strange', moment: number, said = kind as string) => ({ at: moment, kind, said });

test('the time shut out runs from the first refusal to the first answer after the last one', () => {
  const seen = [at('served', 0), at('refused', 50), at('refused', 100), at('served', 120), at('refused', 150), at('served', 200), at('served', 250)];
  assert.equal(observationOf(seen).shutOut, 150);
  assert.equal(observationOf(seen.toReversed()).shutOut, 150, 'answers may come in any order');
  assert.equal(observationOf([at('served', 0)]).shutOut, 0);
});

test('answers that are neither expected nor the closed one are counted by what they say', () => {
  const { strange, refused, asked } = observationOf([at('strange', 0, '502'), at('strange', 50, '502'), at('strange', 100, 'socket hang up'), at('refused', 150)]);
  assert.deepEqual([...strange], [['502', 2], ['socket hang up', 1]]);
  assert.deepEqual([refused, asked], [1, 4]);
});

test('it asks without the probe key, as a person who is logged in, and stops only after the last answer', async () => {
  const asked: { readonly public: boolean | undefined; readonly authorization: string | undefined }[] = [];
  const slow: (() => void)[] = [];
  const stop = observe((_url, init) => {
    asked.push({ public: init?.public, authorization: init?.headers?.['Authorization'] });
    return new Promise<ProbeResponse>((resolve) => slow.push(() => resolve({ status: 200, headers: {}, text: '', json: () => null })));
  }, 'https://example.test/', 'old-token');
  const deadline = performance.now() + 5000;
  while (asked.length < 2 && performance.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 5));
  const stopped = stop();
  for (const answer of slow) answer();
  assert.equal((await stopped).asked, asked.length);
  assert.deepEqual(asked[0], { public: true, authorization: 'Bearer old-token' });
});
