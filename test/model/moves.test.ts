import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Decision, LedgerReading, Wish } from '../../model/moves.ts';
import { decide, nothingRead } from '../../model/moves.ts';

const digest = 'a'.repeat(64);
const wish: Wish = { stack: 'prod', phase: 'legacy', serverName: 'example.com', modelDigest: digest, rehearsalDigest: 'r'.repeat(64), adopt: false, requireRehearsal: false, evidenceMaxAge: 604_800 };
const at = (phase: LedgerReading['phase'], more: Partial<LedgerReading> = {}): LedgerReading =>
  ({ ...nothingRead, state: 'ledger', incarnation: 'i', phase, epoch: phase === 'empty' ? 0 : 3, lastConverged: digest, serverName: 'example.com', users: 200, ...more });

function moveOf(decision: Decision): string {
  return decision.kind === 'move' ? `${decision.move} ${decision.epoch}` : decision.kind;
}

test('every pair of ledger phase and wanted phase gives exactly the move of the design', () => {
  const table: [LedgerReading['phase'], Wish['phase'], string][] = [
    ['empty', 'legacy', 'fresh 1'], ['empty', 'delegated', 'fresh 1'], ['empty', 'committed', 'refused'],
    ['legacy', 'legacy', 'converge'], ['legacy', 'delegated', 'cut-over 4'], ['legacy', 'committed', 'refused'],
    ['delegated', 'legacy', 'refused'], ['delegated', 'delegated', 'converge'], ['delegated', 'committed', 'commit 4'],
    ['committed', 'legacy', 'refused'], ['committed', 'delegated', 'refused'], ['committed', 'committed', 'converge'],
  ];
  assert.deepEqual(table.map(([from, phase]) => [from, phase, moveOf(decide(at(from), { ...wish, phase }))]), table);
});

test('a cut-over with a configuration that never converged is refused and says what to type', () => {
  const decision = decide(at('legacy', { lastConverged: 'b'.repeat(64) }), { ...wish, phase: 'delegated' });
  assert.deepEqual(decision, { kind: 'refused', message: 'The configuration is not the one that last converged (bbbbbbbbbbbb, now aaaaaaaaaaaa); a cut-over changes nothing but the phase. Type pulumi config set matrix:phase legacy && pulumi up, then cut over.' });
});

test('a stale checkout that still says legacy cannot roll a delegated server back', () => {
  const reading = at('delegated', { losses: [{ class: 'sessions', count: 2, users: ['alice', 'bob'] }] });
  assert.deepEqual(decide(reading, wish), { kind: 'refused',
    message: 'phase: going back to legacy undoes move 3 and loses sessions 2 (alice, bob); matrix:acceptLoss is not set, expected "3:sessions". If that is meant, type pulumi config set matrix:acceptLoss 3:sessions; if not, pulumi config set matrix:phase delegated' });
  assert.equal(moveOf(decide(reading, { ...wish, acceptLoss: '3:sessions' })), 'rollback 4');
  assert.equal(moveOf(decide(reading, { ...wish, acceptLoss: '2:sessions' })), 'refused');
});

test('the preview of a cut-over names the expected losses by class and user', () => {
  const decision = decide(at('legacy', { losses: [{ class: 'locked', count: 1, users: ['lola'] }, { class: 'expired', count: 0, users: [] }] }), { ...wish, phase: 'delegated' });
  assert.equal(decision.kind === 'move' && decision.sentence, 'Cut over 200 people to MAS as move 4. Expected losses: locked 1 (lola).');
});

test('a server name that differs from the database is refused in every phase', () => {
  for (const phase of ['legacy', 'delegated', 'committed'] as const) {
    const decision = decide(at('legacy', { serverName: 'other.example' }), { ...wish, phase });
    assert.equal(decision.kind === 'refused' && decision.message,
      'serverName: the database holds people of "other.example", the settings say "example.com"; a server name can never change: type pulumi config set matrix:serverName other.example');
  }
});

test('a cut-over of prod needs fresh green evidence of the same rehearsal digest', () => {
  const prod = { ...wish, phase: 'delegated', requireRehearsal: true } as const;
  const message = (evidence: LedgerReading['evidence']): string => {
    const decision = decide(at('legacy', { evidence }), prod);
    return decision.kind === 'refused' ? decision.message : decision.kind;
  };
  assert.equal(message(null), 'No rehearsal of this configuration is recorded; expected green evidence from staging. Type matrix-stack rehearse <staging stack>');
  assert.match(message({ digest: 's'.repeat(64), age: 60 }), /^The recorded rehearsal proved another configuration \(ssssssssssss, wanted rrrrrrrrrrrr\)/);
  assert.match(message({ digest: 'r'.repeat(64), age: 604_801 }), /^The recorded rehearsal is 168 hours old; matrix:migration\.evidenceMaxAge allows 168/);
  assert.equal(message({ digest: 'r'.repeat(64), age: 604_799 }), 'move');
});

test('an unfinished move is finished or undone by whoever comes, and refused to a third phase', () => {
  const unfinished = { epoch: 4, move: 'cut-over', from: 'legacy', to: 'delegated', holder: 'ops@laptop', since: '2026-11-01T10:00:00Z', decision: null } as const;
  const forward = decide(at('legacy', { unfinished }), { ...wish, phase: 'delegated' });
  assert.equal(forward.kind === 'move' && forward.sentence, 'Finish or undo move 4 (cut-over) that ops@laptop started at 2026-11-01T10:00:00Z.');
  assert.equal(moveOf(decide(at('legacy', { unfinished }), wish)), 'converge');
  assert.match((decide(at('legacy', { unfinished }), { ...wish, phase: 'committed' }) as { message: string }).message, /^Move 4 \(cut-over, legacy to delegated\) was started by ops@laptop/);
});

test('databases of two different copies never run as a pair', () => {
  const other = decide(at('delegated', { anchor: { incarnation: 'j', epoch: 3 } }), { ...wish, phase: 'delegated' });
  assert.match((other as { message: string }).message, /^The MAS database belongs to another copy of the data/);
  assert.equal(moveOf(decide(at('delegated', { anchor: { incarnation: 'i', epoch: 2 } }), { ...wish, phase: 'delegated' })), 'converge');
  assert.match((decide(at('delegated', { anchor: { incarnation: 'i', epoch: 1 } }), { ...wish, phase: 'delegated' }) as { message: string }).message, /is at move 1, the ledger at move 3/);
});

test('each undone try raises the attempt that re-triggers the chain', () => {
  const decision = decide(at('legacy', { attempt: 2 }), { ...wish, phase: 'delegated' });
  assert.equal(decision.kind === 'move' && decision.attempt, 2);
});

test('what identifies a chain of steps is the same while a move is made and after it went well, whatever was undone before', () => {
  const identity = (decision: Decision): string => (decision.kind === 'refused' ? decision.message : `${decision.epoch}.${decision.attempt}`);
  const wanted = { ...wish, phase: 'delegated' } as const;
  assert.equal(identity(decide(at('legacy', { attempt: 2 }), wanted)), '4.2');
  assert.equal(identity(decide(at('delegated', { epoch: 4, openedAttempt: 2 }), wanted)), '4.2');
  const opened = { epoch: 4, move: 'cut-over', from: 'legacy', to: 'delegated', holder: 'me@here', since: 'then', decision: 'opened' } as const;
  assert.equal(identity(decide(at('delegated', { epoch: 4, openedAttempt: 2, unfinished: opened }), wanted)), '4.2');
});

test('going back to a phase whose steps are still in the state makes a chain of another identity', () => {
  const reading = at('delegated', { epoch: 4 });
  const back = decide(reading, { ...wish, phase: 'legacy', acceptLoss: '4:none' });
  assert.equal(back.kind === 'move' && back.epoch, 5);
});
