import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { until } from '../../steps/until.ts';
import { holding } from '../../templates/nginx.ts';
import type { Side } from '../../templates/routes.ts';
import type { Answer, Ask } from './support/edge-world.ts';
import { EdgeWorld } from './support/edge-world.ts';

let world: EdgeWorld;
before(async () => {
  world = await EdgeWorld.start();
});
after(() => world.remove());

const bodyOf = (index: number): string => JSON.stringify({ refresh_token: `${'r'.repeat(500)}${index}` });
const refresh = (index: number): Ask => ({ path: '/_matrix/client/v3/refresh', method: 'POST', body: bodyOf(index), headers: { 'content-type': 'application/json' }, timeout: 60_000 });
const token = (index: number): Ask => ({ ...refresh(index), host: 'auth.example.test', path: '/oauth2/token' });

/** Sends all at once. `early`: those that were answered already. */
function sendAll(asks: readonly Ask[]): { readonly early: Answer[]; readonly all: Promise<Answer[]> } {
  const early: Answer[] = [];
  const all = Promise.all(asks.map(async (ask) => {
    const answer = await world.ask(ask);
    early.push(answer);
    return answer;
  }));
  return { early, all };
}

/** Waits until the edge has that many requests in hand beside the one that asks. */
async function untilHeld(count: number): Promise<void> {
  let requests = 0;
  assert.ok(await until(20_000, 20, async () => {
    ({ requests } = JSON.parse((await world.ask({ path: '/.edge/state', probe: true })).text) as { requests: number });
    return requests > count;
  }), `${requests} requests`);
}

for (const [before, afterwards, ask, who] of [
  ['legacy', 'delegated', refresh, 'mas'], ['delegated', 'legacy', refresh, 'synapse-legacy'], ['delegated', 'delegated', token, 'mas'], ['legacy', 'legacy', refresh, 'synapse-legacy'],
] as const) {
  test(`200 ${ask === token ? 'token requests' : 'refreshes'} that come while closed wait, and ${who} gets every body once the edge opens (${before} to ${afterwards})`, async () => {
    await world.mark({ live: before, open: false });
    const { early, all } = sendAll(Array.from({ length: 200 }, (_, index) => ask(index)));
    await untilHeld(200);
    assert.equal(early.length, 0);
    await world.mark({ live: afterwards });
    assert.equal(early.length, 0, 'the live side alone opens nothing');
    const opened = await world.mark({ open: true });
    const answers = await all;
    answers.forEach((answer, index) => {
      assert.equal(answer.status, 200, answer.text);
      const seen = JSON.parse(answer.text) as { who: string; body: string };
      assert.deepEqual([seen.who, seen.body], [who, bodyOf(index)]);
    });
    assert.ok(Math.max(...answers.map((answer) => answer.at)) - opened < 2000, 'served at once');
  });
}

test('a token request that waited through a rollback hears that MAS is not there', async () => {
  await world.mark({ live: 'delegated', open: false });
  const { all } = sendAll([token(0)]);
  await untilHeld(1);
  await world.mark({ live: 'legacy', open: true });
  assert.equal((await all)[0]?.status, 404);
});

test('waiting is bounded: those beyond the number are refused at once, the others after the time', async () => {
  await world.mark({ live: 'delegated', open: false });
  const extra = 40;
  const { all } = sendAll(Array.from({ length: holding.requests + extra }, (_, index) => (index % 2 === 0 ? refresh(index) : token(index))));
  const answers = await all;
  for (const answer of answers) assert.equal(answer.status, 503);
  const took = answers.map((answer) => answer.at - answer.sent).sort((a, b) => a - b);
  assert.equal(took.filter((time) => time < holding.milliseconds - 1000).length, extra);
  assert.ok((took[extra] ?? 0) >= holding.milliseconds - 1000 && (took.at(-1) ?? 0) < holding.milliseconds + 8000, `${took[extra]} to ${took.at(-1)} ms`);
  // The places are free again.
  const { early, all: later } = sendAll([refresh(0)]);
  await untilHeld(1);
  assert.equal(early.length, 0);
  await world.mark({ open: true });
  assert.equal((await later)[0]?.status, 200);
});

test('no request that is sent after the marker is gone reaches an upstream, and a client sees that within 100 ms', async () => {
  await world.mark({ live: 'legacy', open: true });
  const answers: Answer[] = [];
  const proofs: number[] = [];
  let going = true;
  const load = Promise.all(Array.from({ length: 20 }, async () => {
    while (going) answers.push(await world.ask({ path: '/_matrix/client/versions' }));
  }));
  for (let round = 0; round < 5; round += 1) {
    await until(2000, 10, () => answers.slice(-20).some(({ status }) => status === 200));
    const closed = await world.mark({ open: false });
    const proof = await world.ask({ path: '/_matrix/client/versions' });
    assert.equal(proof.status, 503);
    proofs.push(proof.at - closed);
    assert.ok(await until(2000, 10, () => answers.filter(({ sent }) => sent > closed).length >= 100));
    assert.deepEqual(answers.filter(({ sent, status }) => sent > closed && status !== 503), []);
    await world.mark({ open: true });
    answers.length = 0;
  }
  going = false;
  await load;
  const median = proofs.sort((a, b) => a - b)[2] ?? Infinity;
  assert.ok(median < 100, `${proofs.map(Math.round).join(', ')} ms`);
});

test('while sides change under load, every answer is from the live side or the closed one', async () => {
  await world.mark({ live: 'legacy', open: true });
  const answers: { readonly answer: Answer; readonly path: string }[] = [];
  let going = true;
  const paths = [['GET', '/_matrix/client/v3/account/whoami'], ['GET', '/_matrix/client/v3/login'], ['POST', '/_matrix/client/v3/refresh']] as const;
  const load = Promise.all(Array.from({ length: 24 }, async (_, index) => {
    const [method, path] = paths[index % paths.length] ?? paths[0];
    while (going) answers.push({ path, answer: await world.ask({ path, method }) });
  }));
  const spans: { readonly side: Side; readonly from: number; readonly to: number }[] = [];
  let side: Side = 'legacy';
  let opened = performance.now();
  for (let flip = 0; flip < 10; flip += 1) {
    const seen = answers.length;
    await until(2000, 5, () => answers.length > seen + 50);
    const before = performance.now();
    await world.mark({ open: false });
    spans.push({ side, from: opened, to: before });
    side = side === 'legacy' ? 'delegated' : 'legacy';
    await world.mark({ live: side });
    opened = await world.mark({ open: true });
  }
  going = false;
  await load;
  const right: { readonly [path: string]: { readonly [S in Side]: string } } = {
    '/_matrix/client/v3/account/whoami': { legacy: 'synapse-legacy', delegated: 'synapse-delegated' },
    '/_matrix/client/v3/login': { legacy: 'synapse-legacy', delegated: 'mas' },
    '/_matrix/client/v3/refresh': { legacy: 'synapse-legacy', delegated: 'mas' },
  };
  let checked = 0;
  for (const { answer, path } of answers) {
    if (answer.status === 503) continue;
    assert.equal(answer.status, 200, `${path}: ${answer.status} ${answer.text}`);
    const { who } = JSON.parse(answer.text) as { who: string };
    const span = spans.find(({ from, to }) => answer.sent > from && answer.at < to);
    if (span === undefined) continue;
    checked += 1;
    assert.equal(who, right[path]?.[span.side], path);
  }
  assert.ok(checked > 200, `${checked} answers lay within one side's time`);
});

test('a container that comes back at another address is found', async () => {
  await world.mark({ live: 'legacy', open: true });
  const before = await world.addressOf('synapse-legacy');
  // Docker gives the lowest free address: the one that had the higher goes first and gets the other's.
  const last = (address: string): number => Number(address.split('.').at(-1));
  const legacyFirst = last(before) > last(await world.addressOf('synapse-delegated'));
  await world.stopUpstream('synapse-legacy');
  await world.stopUpstream('synapse-delegated');
  for (const role of legacyFirst ? ['synapse-legacy', 'synapse-delegated'] as const : ['synapse-delegated', 'synapse-legacy'] as const) await world.startUpstream(role);
  assert.notEqual(await world.addressOf('synapse-legacy'), before);
  assert.ok(await until(3000, 50, async () => (await world.ask({ path: '/_matrix/client/versions' })).status === 200));
  assert.equal((await world.echo({ path: '/_matrix/client/versions' })).who, 'synapse-legacy');
});
