/** Sample people are checked against what each phase promises. The stack is a fake; the real ones are in the end-to-end tests. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { verifySamplePeople } from '../../operator/sample-people.ts';
import type { SamplePeople, SamplePerson } from '../../operator/sample-people.ts';
import { fakeSecrets, fakeStack, json } from '../probes/fake-stack.ts';
import type { FakeStack } from '../probes/fake-stack.ts';

const alive = { login: 'works', sessions: 'live' } as const;
const ended = { login: 'refused', sessions: 'ended' } as const;
const ann: SamplePerson = { name: 'ann', kind: 'one device', password: fakeSecrets.probePassword, sessions: [{ deviceId: 'PHONE', accessToken: 'ann-old' }], expected: { legacy: alive, delegated: alive } };
const lou: SamplePerson = { name: 'lou', kind: 'locked', password: 'refused by the fake', sessions: [{ deviceId: 'PHONE', accessToken: 'lou-old' }], expected: { legacy: ended, delegated: ended } };
const rae: SamplePerson = { name: 'rae', kind: 'refreshable session', password: fakeSecrets.probePassword, sessions: [], refreshable: { deviceId: 'TABLET', ofSynapse: 'rae-refresh', newest: 'rae-refresh' }, expected: { legacy: alive, delegated: alive } };
const bot: SamplePerson = { name: 'bot', kind: 'user of a bridge', password: null, sessions: [{ deviceId: 'B', accessToken: 'bot-old' }], expected: { legacy: { login: 'none', sessions: 'live' }, delegated: { login: 'none', sessions: 'ended' } } };

const room = { id: '!r:fake.test', encrypted: true, members: ['ann'], events: ['$1', '$2'] };
const messages = (...events: string[]) => () => json(200, { chunk: events.map((event_id) => ({ event_id })) });
const roomRoute = `homeserver GET /_matrix/client/v3/rooms/${encodeURIComponent(room.id)}/messages`;

async function verified(phase: 'legacy' | 'delegated', sample: SamplePeople, change: (stack: FakeStack) => void = () => {}): Promise<{ rows: [string, boolean, string][]; people: SamplePeople; stack: FakeStack }> {
  const stack = await fakeStack(phase);
  try {
    stack.session('ann-old', 'ann', 'PHONE');
    stack.session('rae-token', 'rae', 'TABLET');
    stack.on(roomRoute, messages('$2', '$1'));
    change(stack);
    const { outcomes, people } = await verifySamplePeople(stack.context, sample, phase);
    return { rows: outcomes.map((outcome) => [outcome.id, outcome.passed, outcome.evidence]), people, stack };
  } finally {
    await stack.close();
  }
}

describe('sample people', () => {
  it('pass when each can do what was promised', async () => {
    const { rows } = await verified('delegated', { people: [ann, lou, bot], rooms: [room] });
    assert.deepEqual(rows, [
      ['ann', true, '1 old session live, old password logs in'],
      ['lou', true, '1 old session ended, login refused (403 M_FORBIDDEN "Invalid username/password")'],
      ['bot', true, '1 old session ended'],
      ['room', true, '2 messages read by 1 people with old sessions'],
    ]);
  });

  it('fail when an old session is gone, or one lives that must not', async () => {
    const { rows } = await verified('delegated', { people: [ann, lou], rooms: [] }, (stack) => { stack.session('ann-old', 'ann', 'OTHER'); stack.session('lou-old', 'lou', 'PHONE'); });
    assert.deepEqual(rows, [
      ['ann', false, 'device of an old session of ann is "OTHER"; expected "PHONE"'],
      ['lou', false, 'whoami with an old session of lou answered 200; expected 401'],
    ]);
  });

  it('fail when an old password is refused, or a locked person gets in', async () => {
    const { rows } = await verified('delegated', { people: [{ ...ann, password: 'changed' }, { ...lou, password: fakeSecrets.probePassword }], rooms: [] });
    assert.deepEqual(rows, [
      ['ann', false, 'login of ann with the old password answered 403 M_FORBIDDEN "Invalid username/password"; expected 200'],
      ['lou', false, 'login of lou answered 200; expected 401 or 403'],
    ]);
  });

  it('fail when messages are gone', async () => {
    const { rows } = await verified('legacy', { people: [ann], rooms: [room] }, (stack) => { stack.on(roomRoute, messages('$1')); });
    assert.deepEqual(rows[1], ['room', false, 'ann does not see 1 of 2 messages; expected all']);
  });

  it('leave no session behind', async () => {
    const { stack } = await verified('delegated', { people: [ann], rooms: [] });
    assert.deepEqual([...stack.sessions.keys()].sort(), [fakeSecrets.asTokens.bridge, 'ann-old', 'rae-token'].sort());
  });

  it('keep the refresh token of Synapse over the time of MAS, and renew it in phase legacy', async () => {
    const first = await verified('delegated', { people: [rae], rooms: [] });
    const { refreshable } = first.people.people[0] ?? {};
    assert.equal(refreshable?.ofSynapse, 'rae-refresh');
    assert.notEqual(refreshable?.newest, 'rae-refresh');
    // MAS and its tokens are gone after a rollback: the fake knows only Synapse's.
    const second = await verified('legacy', { people: [{ ...rae, refreshable: { deviceId: 'TABLET', ofSynapse: 'rae-refresh', newest: 'gone-refresh' } }], rooms: [] });
    assert.equal(second.rows[0]?.[1], true, second.rows[0]?.[2]);
    const renewed = second.people.people[0]?.refreshable;
    assert.equal(renewed?.ofSynapse, renewed?.newest);
    assert.notEqual(renewed?.ofSynapse, 'rae-refresh');
  });

  it('fail when no refresh token works any more', async () => {
    const { rows } = await verified('legacy', { people: [{ ...rae, refreshable: { deviceId: 'TABLET', ofSynapse: 'x-refresh', newest: 'y-refresh' } }], rooms: [] });
    assert.deepEqual(rows[0], ['rae', false, 'refreshing the old session of rae answered 401 M_UNKNOWN_TOKEN "refresh token is unknown"; expected 200']);
  });
});
