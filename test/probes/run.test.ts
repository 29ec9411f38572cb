import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Probe, ProbeOutcome } from '../../probes/contract.ts';
import { ProbeFailure } from '../../probes/contract.ts';
import { formatOutcomes, outcomeOf, outcomesJson, probes, runProbes } from '../../probes/index.ts';
import { ensureProbePeople, probePeople } from '../../probes/people.ts';
import { fakeSecrets, fakeStack, keyed } from './fake-stack.ts';

const gateOf = (phase: 'legacy' | 'delegated'): string[] => probes.filter((probe) => probe.classes.includes('gate') && probe.phases.includes(phase)).map((probe) => probe.id);

describe('the gate', () => {
  it('proves an old session, an old password, a login and application services on each side', () => {
    assert.deepEqual(gateOf('legacy'), ['P04', 'P17', 'P19', 'P25']);
    assert.deepEqual(gateOf('delegated'), ['P04', 'P06', 'P11', 'P19', 'P25', 'P26']);
  });

  it('and the full run log in by password three times at most, which MAS allows at once', async () => {
    const stack = await fakeStack('delegated');
    try {
      await runProbes(stack.context, 'gate');
      await runProbes(stack.context, 'steady');
      const logins = stack.requests.filter(({ route }) => route === 'auth POST /login' || route === 'homeserver POST /_matrix/client/v3/login');
      assert.equal(logins.length, 3);
    } finally {
      await stack.close();
    }
  });

  it('passes the closed edge: every request at the edge has the key, none behind it', async () => {
    const stack = await fakeStack('delegated');
    try {
      await runProbes(stack.context, 'gate');
      for (const request of stack.requests) assert.equal(keyed(request), /^(homeserver|auth|apex) /.test(request.route), request.route);
    } finally {
      await stack.close();
    }
  });
});

describe('running probes', () => {
  const base: Omit<Probe, 'run'> = { id: 'P00', title: 'sample', classes: ['gate'], phases: ['legacy'] };
  const outcome = async (run: Probe['run'], limit = 1000): Promise<ProbeOutcome> => {
    const stack = await fakeStack('legacy');
    try {
      return await outcomeOf({ ...base, run }, stack.context, limit);
    } finally {
      await stack.close();
    }
  };

  it('never rejects', async () => {
    assert.deepEqual(((o) => [o.passed, o.evidence])(await outcome(() => Promise.reject(new ProbeFailure('found; expected')))), [false, 'found; expected']);
    assert.deepEqual(((o) => [o.passed, o.evidence])(await outcome(() => Promise.reject(new TypeError('x is undefined')))), [false, 'TypeError: x is undefined']);
  });

  it('is bounded', async () => {
    const late = await outcome(() => new Promise(() => {}), 30);
    assert.equal(late.passed, false);
    assert.equal(late.evidence, 'no result within 0.03 s');
    assert.ok(late.milliseconds < 1000, String(late.milliseconds));
  });

  it('says what it could not check outside a job', async () => {
    const stack = await fakeStack('delegated');
    try {
      const { fetch, phase, wanted, facts, secrets } = stack.context;
      const outcomes = await runProbes({ fetch, phase, wanted, facts, secrets }, 'steady');
      const unchecked = outcomes.filter(({ evidence }) => evidence.startsWith('not checked: ')).map(({ id }) => id);
      assert.deepEqual(unchecked, ['P05', 'P07', 'P25', 'P26']);
    } finally {
      await stack.close();
    }
  });
});

describe('outcomes', () => {
  const outcomes: ProbeOutcome[] = [
    { id: 'P01', title: 'short', passed: true, evidence: 'well', milliseconds: 7 },
    { id: 'P11', title: 'a longer one', passed: false, evidence: 'found 502; expected 200', milliseconds: 1234 },
  ];

  it('are shown as a table', () => {
    assert.equal(formatOutcomes(outcomes), [
      'pass  P01  short            7 ms  well',
      'FAIL  P11  a longer one  1234 ms  found 502; expected 200',
      '1 of 2 probes passed',
    ].join('\n'));
  });

  it('are given to machines with counts', () => {
    assert.deepEqual(JSON.parse(outcomesJson(outcomes)), { passed: 1, failed: 1, outcomes });
  });
});

describe('probe people', () => {
  it('are made once where they are missing, never as administrators', async () => {
    const stack = await fakeStack('legacy');
    try {
      stack.rows('synapse', /FROM users WHERE name = ANY/, []);
      await Promise.all([ensureProbePeople(stack.context), ensureProbePeople(stack.context)]);
      const made = stack.requests.filter(({ route }) => route === 'synapse POST /_synapse/admin/v1/register').map(({ body }) => JSON.parse(body) as { username: string; admin: boolean });
      const people = probePeople(fakeSecrets.probePassword);
      assert.deepEqual(made.map(({ username, admin }) => ({ username, admin })), [{ username: people.a, admin: false }, { username: people.b, admin: false }]);
    } finally {
      await stack.close();
    }
  });

  it('keep one session from before the move, and get a new one when it was lost', async () => {
    const stack = await fakeStack('legacy');
    try {
      stack.rows('synapse', /FROM access_tokens/, [{ token: 'fake-kept' }]);
      await ensureProbePeople(stack.context);
      const device = 'MATRIXSTACKPROBE';
      assert.equal([...stack.sessions.values()].filter(({ deviceId }) => deviceId === device).length, 1);
      await ensureProbePeople({ ...stack.context, secrets: { ...stack.context.secrets } });
      stack.session('fake-kept', probePeople(fakeSecrets.probePassword).b, device);
      const before = stack.requests.length;
      await ensureProbePeople({ ...stack.context, secrets: { ...stack.context.secrets } });
      assert.ok(!stack.requests.slice(before).some(({ route }) => route.endsWith('/login')), 'logged in although the kept session works');
    } finally {
      await stack.close();
    }
  });

  it('have other names where the password is another: a copy of the data gets people of its own', () => {
    assert.notEqual(probePeople('one').a, probePeople('two').a);
    assert.match(probePeople('one').b, /^matrix-stack-probe-[0-9a-f]{8}-b$/);
  });
});
