/** Every probe is green on a well stack and red for its own reason, told without a secret. The stack is a fake. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { probes } from '../../probes/index.ts';
import type { Probe, ProbeContext } from '../../probes/contract.ts';
import { ProbeFailure } from '../../probes/contract.ts';
import { fakeSecrets, fakeStack, json, unrecognized } from './fake-stack.ts';
import type { FakeStack } from './fake-stack.ts';

type Phase = ProbeContext['phase'];

function probe(id: string, phase: Phase): Probe {
  const found = probes.find((candidate) => candidate.id === id && candidate.phases.includes(phase) && candidate.classes.includes('steady'));
  assert.ok(found, `no probe ${id} in phase ${phase}`);
  return found;
}

async function withStack(phase: Phase, work: (stack: FakeStack) => Promise<void>): Promise<void> {
  const stack = await fakeStack(phase);
  well(stack);
  try {
    await work(stack);
  } finally {
    await stack.close();
  }
}

/** Databases that agree, and an old session. */
function well(stack: FakeStack): void {
  stack.session('fake-old-token', 'matrix-stack-probe-x-b', 'MATRIXSTACKPROBE');
  stack.rows('synapse', /LIKE \$1\) AS ours/, [{ token: 'fake-old-token', user_id: '@matrix-stack-probe-x-b:fake.test', device_id: 'MATRIXSTACKPROBE', ours: true }]);
  for (const database of ['synapse', 'mas'] as const) stack.rows(database, /digest/, [{ n: 3, digest: 'same' }]);
  stack.rows('synapse', /user_threepids t/, [{ n: 2 }]);
  stack.rows('mas', /user_emails/, [{ n: 2 }]);
  stack.rows('synapse', /AS pairs/, [{ tokens: 4, pairs: 1 }]);
  stack.rows('mas', /AS pairs/, [{ tokens: 4, pairs: 1 }]);
}

async function reasonOf(run: Promise<string>): Promise<string> {
  try {
    return assert.fail(`green: ${await run}`);
  } catch (error) {
    if (error instanceof assert.AssertionError) throw error;
    const text = error instanceof Error ? error.message : String(error);
    for (const secret of [...Object.values(fakeSecrets).filter((value) => typeof value === 'string'), fakeSecrets.asTokens.bridge, 'fake-old-token', 'fake-token']) assert.ok(!text.includes(secret), `a secret in "${text}"`);
    assert.ok(error instanceof ProbeFailure, `a defect, no finding: ${text}`);
    return text;
  }
}

describe('every probe', () => {
  for (const phase of ['legacy', 'delegated'] as const) {
    for (const candidate of probes.filter((one) => one.phases.includes(phase))) {
      it(`is green on a well stack: ${candidate.id} ${candidate.title}, ${phase}`, () => withStack(phase, async (stack) => {
        assert.notEqual(await candidate.run(stack.context), '');
      }));
    }
  }
  it('ends the sessions that it began', () => withStack('delegated', async (stack) => {
    const before = [...stack.sessions.keys()];
    for (const id of ['P11', 'P17']) await probe(id, 'delegated').run(stack.context);
    assert.deepEqual([...stack.sessions.keys()], before);
    assert.ok(stack.requests.some(({ route }) => route === 'auth POST /logout'), 'the browser session was left open');
  }));
});

interface Red {
  readonly id: string;
  readonly phase: Phase;
  readonly when: string;
  readonly change: (stack: FakeStack) => void;
  readonly reason: RegExp;
}

const down = { status: 502 } as const;
const inactive = json(503, { errcode: 'M_UNKNOWN', error: 'Unable to introspect the access token' });

const reds: readonly Red[] = [
  { id: 'P01', phase: 'legacy', when: 'Synapse is ill', change: (s) => { s.on('synapse GET /health', () => down); }, reason: /Synapse \/health answered 502; expected 200/ },
  { id: 'P01', phase: 'delegated', when: 'MAS is ill', change: (s) => { s.on('internal GET /health', () => ({ status: 500 })); }, reason: /MAS \/health answered 500/ },
  { id: 'P02', phase: 'delegated', when: 'the issuer is missing', change: (s) => { s.on('apex GET /.well-known/matrix/client', () => json(200, { 'm.homeserver': { base_url: 'https://matrix.fake.test/' } }, { 'Access-Control-Allow-Origin': '*' })); }, reason: /issuer in https:\/\/fake\.test.* is missing/ },
  { id: 'P02', phase: 'legacy', when: 'the issuer is left over', change: (s) => { s.on('homeserver GET /.well-known/matrix/client', () => json(200, { 'm.homeserver': { base_url: 'https://matrix.fake.test' }, 'org.matrix.msc2965.authentication': { issuer: 'https://auth.fake.test/' } }, { 'Access-Control-Allow-Origin': '*' })); }, reason: /issuer in .* is "https:\/\/auth\.fake\.test\/"; expected undefined/ },
  { id: 'P02', phase: 'legacy', when: 'browsers may not read the document', change: (s) => { s.on('apex GET /.well-known/matrix/server', () => json(200, { 'm.server': 'matrix.fake.test:443' })); }, reason: /Access-Control-Allow-Origin of https:\/\/fake\.test/ },
  { id: 'P02', phase: 'legacy', when: 'OPTIONS forgets Authorization', change: (s) => { s.on('homeserver OPTIONS /_matrix/client/v3/account/whoami', () => ({ status: 200, headers: { 'Access-Control-Allow-Origin': '*', 'Access-Control-Allow-Headers': 'X-Authorization' } })); }, reason: /does not allow the header Authorization/ },
  { id: 'P03', phase: 'legacy', when: 'an authorization server is announced', change: (s) => { s.on('homeserver GET /_matrix/client/v1/auth_metadata', () => json(200, {})); }, reason: /v1\/auth_metadata answered 200; expected 404/ },
  { id: 'P03', phase: 'delegated', when: 'Synapse kept an older document', change: (s) => { s.on('auth GET /.well-known/openid-configuration', () => json(200, { issuer: 'https://auth.fake.test/', new: true })); }, reason: /openid-configuration differs/ },
  { id: 'P03', phase: 'delegated', when: 'the issuer is another', change: (s) => { s.on('homeserver GET /_matrix/client/v1/auth_metadata', () => json(200, { issuer: 'http://[::]:8080/' })); }, reason: /issuer of .* is "http:\/\/\[::\]:8080\/"; expected "https:\/\/auth\.fake\.test\/"/ },
  { id: 'P04', phase: 'delegated', when: 'login still goes to Synapse', change: (s) => { s.on('homeserver GET /_matrix/client/r0/login', () => json(200, { flows: [{ type: 'm.login.password' }, { type: 'm.login.application_service' }] })); }, reason: /login flows are m\.login\.application_service, m\.login\.password; expected/ },
  { id: 'P04', phase: 'legacy', when: 'login goes to MAS', change: (s) => { s.on('homeserver GET /_matrix/client/v3/login', () => json(200, { flows: [{ type: 'm.login.password' }, { type: 'm.login.sso', oauth_aware_preferred: true }, { type: 'm.login.application_service' }] })); }, reason: /sends newer clients to OAuth/ },
  { id: 'P04', phase: 'delegated', when: 'login goes to a Synapse without login', change: (s) => { s.on('homeserver GET /_matrix/client/v3/login', () => unrecognized); }, reason: /answered 404 M_UNRECOGNIZED "Unrecognized request"; expected 200/ },
  { id: 'P05', phase: 'delegated', when: 'Synapse has its own login', change: (s) => { s.on('synapse GET /_matrix/client/v3/login', () => json(200, {})); }, reason: /at Synapse answered 200; expected 404 M_UNRECOGNIZED/ },
  { id: 'P05', phase: 'delegated', when: 'refresh is not routed', change: (s) => { s.on('homeserver POST /_matrix/client/v3/refresh', () => unrecognized); }, reason: /refresh at the edge answered 404/ },
  { id: 'P05', phase: 'legacy', when: "MAS's door is open to the public", change: (s) => { s.on('homeserver GET /_synapse/mas/is_localpart_available', () => json(403, {})); }, reason: /\/_synapse\/mas at the edge answered 403; expected 404/ },
  { id: 'P06', phase: 'delegated', when: 'MAS has another secret', change: (s) => { s.on('homeserver GET /_matrix/client/v3/account/whoami', () => inactive); }, reason: /another matrix secret/ },
  { id: 'P06', phase: 'delegated', when: 'Synapse does not ask MAS', change: (s) => { s.on('homeserver GET /_matrix/client/v3/account/whoami', () => json(401, { errcode: 'M_UNKNOWN_TOKEN', error: 'Invalid access token passed.' })); }, reason: /expected "Token is not active"/ },
  { id: 'P06', phase: 'delegated', when: 'Synapse has another secret', change: (s) => { s.on('synapse GET /_synapse/mas/is_localpart_available', () => json(403, {})); }, reason: /Synapse refused the matrix secret \(403\)/ },
  { id: 'P06', phase: 'delegated', when: 'Synapse runs in phase legacy', change: (s) => { s.on('synapse GET /_synapse/mas/is_localpart_available', () => unrecognized); }, reason: /It runs in phase legacy/ },
  { id: 'P07', phase: 'delegated', when: 'clients differ', change: (s) => { s.on('internal GET /api/admin/v1/oauth2-clients', () => json(200, { data: [{ id: '0000000000000000000DESKT0P', attributes: { redirect_uris: ['http://127.0.0.1/other'] } }, { id: '000000000000000000000LEFT0', attributes: { redirect_uris: [] } }], links: {} })); }, reason: /lacks matrix-stack-admin, has 000000000000000000000LEFT0 too many and other redirects for desktop/ },
  { id: 'P11', phase: 'delegated', when: 'the old password is refused', change: (s) => { s.on('auth POST /login', () => ({ status: 200, body: 'Invalid credentials' })); }, reason: /the login page refused matrix-stack-probe-\w+-a/ },
  { id: 'P11', phase: 'delegated', when: 'the policy refuses', change: (s) => { s.on('auth POST /consent/1', () => ({ status: 200, body: 'no' })); }, reason: /consent page led nowhere/ },
  { id: 'P11', phase: 'delegated', when: 'the client is unknown', change: (s) => { s.on('auth GET /authorize', () => ({ status: 404, body: 'no such client' })); }, reason: /the page \/authorize answered 404 without a form/ },
  { id: 'P11', phase: 'delegated', when: 'the state is another', change: (s) => { s.on('auth POST /consent/1', () => ({ status: 303, headers: { Location: `${redirectOf(s)}?code=c&state=other` } })); }, reason: /another state than it sent/ },
  { id: 'P11', phase: 'delegated', when: 'the code goes elsewhere', change: (s) => { s.on('auth POST /consent/1', () => ({ status: 303, headers: { Location: 'http://127.0.0.1:1/callback?code=c' } })); }, reason: /address of the client is "http:\/\/127\.0\.0\.1:1\/callback"/ },
  { id: 'P11', phase: 'delegated', when: 'MAS refuses the client', change: (s) => { s.on('auth POST /consent/1', () => ({ status: 303, headers: { Location: `${redirectOf(s)}?error=access_denied` } })); }, reason: /MAS answered the client with access_denied/ },
  { id: 'P11', phase: 'delegated', when: 'Synapse cannot be reached by MAS', change: (s) => { s.on('auth POST /oauth2/token', () => json(500, { error: 'server_error' })); }, reason: /exchange of the code answered 500 "server_error"; expected 200/ },
  { id: 'P11', phase: 'delegated', when: 'the device is another', change: (s) => { s.on('homeserver GET /_matrix/client/v3/account/whoami', () => json(200, { user_id: `@${personA(s)}:fake.test`, device_id: 'OTHER' })); }, reason: /device of the token of the code flow is "OTHER"/ },
  { id: 'P16', phase: 'delegated', when: 'registration is open against the wish', change: (s) => { wish(s, false); }, reason: /expected it to be closed/ },
  { id: 'P16', phase: 'delegated', when: 'registration is closed against the wish', change: (s) => { s.on('auth POST /oauth2/registration', () => json(403, { error: 'access_denied' })); }, reason: /expected it to be open/ },
  { id: 'P16', phase: 'delegated', when: 'each registration makes a new client', change: (s) => { let n = 0; s.on('auth POST /oauth2/registration', () => json(201, { client_id: String(n++) })); }, reason: /client id of the same registration is "1"; expected "0"/ },
  { id: 'P17', phase: 'delegated', when: 'the password is refused', change: (s) => { s.on('homeserver POST /_matrix/client/v3/login', () => json(403, { errcode: 'M_FORBIDDEN', error: 'no' })); }, reason: /login of matrix-stack-probe-\w+-a answered 403 M_FORBIDDEN/ },
  { id: 'P17', phase: 'legacy', when: 'the limiter is reached for long', change: (s) => { s.on('homeserver POST /_matrix/client/v3/login', () => json(429, { errcode: 'M_LIMIT_EXCEEDED', error: 'Too Many Requests', retry_after_ms: 300_000 })); }, reason: /The login limiter is reached/ },
  { id: 'P17', phase: 'delegated', when: 'refresh fails', change: (s) => { s.on('homeserver POST /_matrix/client/v3/refresh', () => down); }, reason: /refresh answered 502/ },
  { id: 'P19', phase: 'delegated', when: 'the token is another', change: (s) => { s.on('homeserver GET /_matrix/client/v3/account/whoami', () => json(401, { errcode: 'M_UNKNOWN_TOKEN', error: 'Invalid access token passed.' })); }, reason: /whoami of application service bridge answered 401 M_UNKNOWN_TOKEN/ },
  { id: 'P25', phase: 'delegated', when: 'MAS does not know the old session', change: (s) => { s.on('homeserver GET /_matrix/client/v3/account/whoami', () => json(401, { errcode: 'M_UNKNOWN_TOKEN', error: 'Token is not active' })); }, reason: /whoami with an old token answered 401 M_UNKNOWN_TOKEN "Token is not active"; expected 200/ },
  { id: 'P25', phase: 'legacy', when: 'the session lost its device', change: (s) => { s.session('fake-old-token', 'matrix-stack-probe-x-b', 'OTHER'); }, reason: /device of an old token is "OTHER"; expected "MATRIXSTACKPROBE"/ },
  { id: 'P26', phase: 'delegated', when: 'somebody is missing', change: (s) => { s.rows('mas', /digest/, [{ n: 2, digest: 'other' }]); s.rows('synapse', /^SELECT left/, [{ name: 'ann' }, { name: 'bo' }]); s.rows('mas', /^SELECT username/, [{ name: 'ann' }]); }, reason: /Synapse has 2 people and MAS 1; .* Only Synapse has bo; only MAS has nobody/ },
  { id: 'P26', phase: 'delegated', when: 'sessions were lost', change: (s) => { s.rows('mas', /AS pairs/, [{ tokens: 3, pairs: 1 }]); }, reason: /MAS has 3 access tokens of Synapse; expected 4/ },
  { id: 'P26', phase: 'delegated', when: 'addresses were lost', change: (s) => { s.rows('mas', /user_emails/, [{ n: 1 }]); }, reason: /MAS has 1 e-mail addresses, Synapse 2/ },
  { id: 'P27', phase: 'delegated', when: 'codes go anywhere', change: (s) => { s.on('auth GET /authorize', () => ({ status: 303, headers: { Location: '/login' } })); }, reason: /never registered answered 303; expected a refusal/ },
  { id: 'P27', phase: 'delegated', when: 'passwords give tokens', change: (s) => { s.on('auth POST /oauth2/token', () => json(200, {})); }, reason: /password grant answered 200/ },
];

function personA(stack: FakeStack): string {
  const login = stack.requests.find(({ route }) => route === 'auth POST /login');
  return new URLSearchParams(login?.body ?? '').get('username') ?? '';
}

function redirectOf(stack: FakeStack): string {
  return stack.requests.find(({ route }) => route === 'auth GET /authorize')?.query.get('redirect_uri') ?? '';
}

function wish(stack: FakeStack, dynamicRegistration: boolean): void {
  Object.assign(stack.context.facts, { dynamicRegistration });
}

describe('a probe is red for its own reason', () => {
  for (const { id, phase, when, change, reason } of reds) {
    it(`${id} ${phase}: ${when}`, () => withStack(phase, async (stack) => {
      change(stack);
      assert.match(await reasonOf(probe(id, phase).run(stack.context)), reason);
    }));
  }
});
