import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { edgeHeader, probeHeader } from '../../model/names.ts';
import type { Side } from '../../templates/routes.ts';
import { routes, sides, upstreams } from '../../templates/routes.ts';
import type { Answer, Ask } from './support/edge-world.ts';
import { EdgeWorld } from './support/edge-world.ts';

let world: EdgeWorld;
before(async () => {
  world = await EdgeWorld.start({ registration: { dynamic: true, allowHosts: ['app.example.org'] } });
});
after(() => world.remove());
beforeEach(() => world.mark({ live: 'legacy', open: true }));

/** Requests that belong to each row, by its name. */
const samples: { readonly [row: string]: readonly (readonly [method: string, path: string])[] } = {
  'homeserver-well-known-client': [['GET', '/.well-known/matrix/client']],
  'homeserver-well-known-server': [['GET', '/.well-known/matrix/server']],
  'homeserver-well-known-support': [['GET', '/.well-known/matrix/support']],
  'homeserver-refresh': ['api/v1', 'r0', 'v3', 'unstable'].map((version) => ['POST', `/_matrix/client/${version}/refresh`] as const),
  'homeserver-login': [...['api/v1', 'r0', 'v3', 'unstable'].flatMap((version) => [['GET', `/_matrix/client/${version}/login`], ['POST', `/_matrix/client/${version}/login`], ['POST', `/_matrix/client/${version}/logout`]] as const),
    ['GET', '/_matrix/client/v3/login/sso/redirect?redirectUrl=http%3A%2F%2F127.0.0.1%2F'], ['GET', '/_matrix/client/v3/login/sso/redirect/oidc-x'], ['POST', '/_matrix/client/v3/logout/all'], ['GET', '/_matrix/client/v3/%6Cogin']],
  'homeserver-upload': [['POST', '/_matrix/media/v3/upload?filename=a.png'], ['PUT', '/_matrix/media/v3/upload/example.test/abc']],
  'homeserver-matrix': [['GET', '/_matrix/client/versions'], ['GET', '/_matrix/client/v3/sync?timeout=0'], ['GET', '/_matrix/client/v1/auth_metadata'], ['PUT', '/_matrix/federation/v1/send/1'], ['GET', '/_matrix/key/v2/server'],
    ['POST', '/_matrix/client/v3/register'], ['PUT', '/_matrix/client/v3/rooms/!a:example.test/state/org.x/login'], ['GET', '/_matrix/client/v3/user_directory/refresh'], ['GET', '/_matrix/client/v3/loginx'],
    ['DELETE', '/_matrix/client/v3/devices/D']],
  'homeserver-synapse-client': [['GET', '/_synapse/client/rendezvous/1'], ['GET', '/_synapse/client/oidc/callback?code=x']],
  'homeserver-synapse-admin': [['GET', '/_synapse/admin/v1/server_version'], ['GET', '/_matrix/../_synapse/admin/v1/server_version'], ['GET', '/_synapse/%61dmin/v1/users'], ['GET', '//_synapse//admin/v1/users'], ['GET', '/_matrix/%2e%2e/_synapse%2fadmin/v1/users']],
  'homeserver-synapse-mas': [['GET', '/_synapse/mas/is_localpart_available?localpart=a'], ['POST', '/_synapse/%6das/delete_user'], ['POST', '/_synapse/client/../mas/delete_user']],
  'homeserver-rest': [['GET', '/'], ['GET', '/_synapse/metrics'], ['POST', '/_synapse/replication/x/y'], ['GET', '/_matrixx/client/versions'], ['GET', '/_SYNAPSE/admin/v1/users']],
  'auth-token': [['POST', '/oauth2/token']],
  'auth-registration': [['POST', '/oauth2/registration']],
  'auth-mas': [['GET', '/'], ['GET', '/.well-known/openid-configuration'], ['POST', '/login'], ['GET', '/authorize?client_id=x&state=y'], ['GET', '/assets/a.js'], ['POST', '/oauth2/revoke'], ['GET', '/account/'], ['POST', '/graphql']],
  'apex-well-known-client': [['GET', '/.well-known/matrix/client']],
  'apex-well-known-server': [['GET', '/.well-known/matrix/server']],
  'apex-well-known-support': [['GET', '/.well-known/matrix/support']],
  'apex-rest': [['GET', '/'], ['GET', '/_matrix/client/versions']],
  element: [['GET', '/'], ['GET', '/config.json'], ['GET', '/bundles/a.js']],
};

const hostOf = (role: string): string => ({ homeserver: 'matrix.example.test', auth: 'auth.example.test', apex: 'example.test', element: 'element.example.test' })[role] ?? '';

const body = JSON.stringify({ client_uri: 'https://app.example.org/' });

const asks = (): { readonly ask: Ask; readonly route: ReturnType<typeof routes>[number] }[] => routes(world.model).flatMap((route) => (samples[route.name] ?? []).map(([method, path]) => (
  { route, ask: { host: hostOf(route.host), method, path, ...(method === 'POST' || method === 'PUT' ? { body, headers: { 'content-type': 'application/json' } } : {}) } })));

/** What the row promises on a side while it is not refused. */
function assertServed(answer: Answer, ask: Ask, route: ReturnType<typeof routes>[number], side: Side): void {
  const what = `${route.name} ${ask.method ?? ''} ${ask.path} on ${side}: ${answer.status} ${answer.text.slice(0, 300)}`;
  switch (route.answer.from) {
    case 'upstream': {
      const who = upstreams[route.answer.upstream][side];
      assert.equal(answer.status, who === null ? 404 : 200, what);
      if (who === null) return;
      const { who: found, path, method } = JSON.parse(answer.text) as { who: string; path: string; method: string };
      assert.deepEqual([found, method, path], [who, ask.method, ask.path], what);
      return;
    }
    case 'document': {
      assert.equal(answer.status, 200, what);
      assert.equal(answer.headers['access-control-allow-origin'], '*', what);
      const text = JSON.stringify(JSON.parse(answer.text));
      if (route.answer.document === 'client') assert.equal(text.includes('msc2965'), side === 'delegated', what);
      return;
    }
    case 'edge':
      assert.equal(answer.status, route.answer.status, what);
      assert.deepEqual(JSON.parse(answer.text), route.answer.body, what);
  }
}

/** The closed answer: status, CORS, a wait of 2 to 5 s, and an error that a client can read. */
function assertClosed(answer: Answer, why: 'closed' | 'unreachable' = 'closed'): void {
  assert.equal(answer.status, 503, answer.text.slice(0, 300));
  assert.equal(answer.headers['access-control-allow-origin'], '*');
  assert.match(String(answer.headers['retry-after']), /^[2-5]$/);
  assert.equal(answer.headers[edgeHeader.toLowerCase()], why);
  const body = JSON.parse(answer.text) as { errcode: string; retry_after_ms: number };
  assert.equal(body.errcode, 'M_UNKNOWN');
  assert.equal(body.retry_after_ms, Number(answer.headers['retry-after']) * 1000);
}

test('every row of the table has requests here', () => {
  assert.deepEqual(routes(world.model).map((route) => route.name).sort(), Object.keys(samples).sort());
});

for (const side of sides) {
  test(`open, live ${side}: every row goes where the table says, path and query untouched`, async () => {
    await world.mark({ live: side });
    for (const { ask, route } of asks()) assertServed(await world.ask(ask), ask, route, side);
  });

  test(`closed, live ${side}: refused but for what the table serves; OPTIONS is answered; the probe key passes`, async () => {
    await world.mark({ live: side, open: false });
    for (const { ask, route } of asks()) {
      if (route.closed === 'serve') assertServed(await world.ask(ask), ask, route, side);
      if (route.closed === 'refuse') assertClosed(await world.ask(ask));
      if (route.closed === 'hold') assertClosed(await world.ask({ ...ask, method: 'GET', body: '' }));
      if (route.closed !== 'serve') {
        const preflight = await world.ask({ ...ask, method: 'OPTIONS', body: '' });
        assert.equal(preflight.status, 204, route.name);
        for (const header of ['Authorization', 'Content-Type', 'X-Requested-With', probeHeader]) assert.ok(String(preflight.headers['access-control-allow-headers']).split(', ').includes(header), header);
      }
      assertServed(await world.ask({ ...ask, probe: true }), ask, route, side);
    }
  });
}

test('the server is closed without a live side, also to the probe key, and after a restart without markers', async () => {
  await world.mark({ live: 'none', open: true });
  assertClosed(await world.ask({ path: '/_matrix/client/versions' }));
  assertClosed(await world.ask({ path: '/_matrix/client/versions', probe: true }));
  assert.equal((await world.ask({ path: '/.well-known/matrix/client' })).status, 200);
  await world.mark({ live: 'delegated', open: false });
  await world.restartEdge();
  assertClosed(await world.ask({ path: '/_matrix/client/versions' }));
  await world.mark({ open: true });
  assert.equal((await world.echo({ path: '/_matrix/client/versions' })).who, 'synapse-delegated');
});

test('the probe key is taken from the request, and a wrong one opens nothing', async () => {
  await world.mark({ open: false });
  const seen = await world.echo({ path: '/_matrix/client/versions', probe: true });
  assert.equal(seen.headers[probeHeader.toLowerCase()], undefined);
  for (const wrong of ['', '0', '1', 'default', world.probeKey.slice(1), `${world.probeKey}0`]) assertClosed(await world.ask({ path: '/_matrix/client/versions', headers: { [probeHeader]: wrong } }));
});

test('the state is told to the probe key alone', async () => {
  const told = await world.ask({ path: '/.edge/state', probe: true });
  const { version, ...state } = JSON.parse(told.text) as { version: string; open: boolean; live: string; requests: number };
  assert.deepEqual(state, { open: true, live: 'legacy', requests: 1 });
  assert.match(version, /^\d+\.\d+\.\d+$/);
  assert.equal((await world.ask({ path: '/.edge/state' })).status, 404);
  assert.equal((await world.ask({ path: '/.edge/hold', method: 'POST' })).status, 404);
});

test('an upstream gets the host as asked, the one address of the client, and https', async () => {
  const { headers } = await world.echo({ path: '/_matrix/client/versions', headers: { 'X-Forwarded-For': '203.0.113.9, 198.51.100.1', 'X-Forwarded-Proto': 'http' } });
  assert.equal(headers['host'], 'matrix.example.test:8443');
  assert.match(String(headers['x-forwarded-for']), /^[0-9.]+$/);
  assert.notEqual(headers['x-forwarded-for'], '203.0.113.9');
  assert.equal(headers['x-forwarded-proto'], 'https');
});

test('what an upstream answers passes as it is, also its own 403, 500 and 503', async () => {
  for (const status of [401, 403, 404, 413, 429, 500, 502, 503]) {
    for (const [path, method] of [['/_matrix/client/v3/sync', 'GET'], ['/_matrix/client/v3/refresh', 'POST']] as const) {
      const answer = await world.ask({ path: `${path}?status=${status}`, method });
      assert.equal(answer.status, status);
      assert.equal((JSON.parse(answer.text) as { who: string }).who, 'synapse-legacy');
    }
  }
});

test('an upstream that is gone, or goes in the middle of a long poll, becomes the closed answer', async () => {
  const poll = world.ask({ path: '/_matrix/client/v3/sync?wait=60000', timeout: 30_000 });
  await world.echo({ path: '/_matrix/client/versions' });
  await world.stopUpstream('synapse-legacy');
  try {
    assertClosed(await poll, 'unreachable');
    assertClosed(await world.ask({ path: '/_matrix/client/versions' }), 'unreachable');
    assertClosed(await world.ask({ path: '/_matrix/client/v3/refresh', method: 'POST', body: '{}' }), 'unreachable');
  } finally {
    await world.startUpstream('synapse-legacy');
  }
  assert.equal((await world.echo({ path: '/_matrix/client/versions' })).who, 'synapse-legacy');
});

test('OAuth clients and people get the closed answer in their own form', async () => {
  await world.mark({ live: 'delegated', open: false });
  const client = await world.ask({ host: 'auth.example.test', path: '/oauth2/revoke', method: 'POST', body: 'token=x' });
  assert.equal((JSON.parse(client.text) as { error: string }).error, 'temporarily_unavailable');
  const person = await world.ask({ host: 'auth.example.test', path: '/login', headers: { Accept: 'text/html,*/*' } });
  assert.equal(person.status, 503);
  assert.match(String(person.headers['content-type']), /^text\/html/);
});

test('only clients of listed hosts may register, and MAS gets what they sent', async () => {
  await world.mark({ live: 'delegated' });
  const register = (text: string): Ask => ({ host: 'auth.example.test', path: '/oauth2/registration', method: 'POST', body: text, headers: { 'content-type': 'application/json' } });
  const good = JSON.stringify({ client_uri: 'https://APP.example.org:443/x', client_name: 'n'.repeat(40_000) });
  const seen = await world.echo(register(good));
  assert.deepEqual([seen.who, seen.method, seen.path, seen.length], ['mas', 'POST', '/oauth2/registration', good.length]);
  for (const uri of ['https://evil.test/', 'https://app.example.org.evil.test/', 'https://app.example.org@evil.test/', 'http://app.example.org/', 'https://evil.test/#https://app.example.org/', 7, undefined]) {
    const answer = await world.ask(register(JSON.stringify({ client_uri: uri })));
    assert.deepEqual([answer.status, (JSON.parse(answer.text) as { error: string }).error], [400, 'invalid_client_metadata'], String(uri));
  }
  assert.equal((await world.ask(register('no JSON'))).status, 400);
});

test('a body too large is refused in words that a browser may read; an upload within the limit arrives whole', async () => {
  const upload = { path: '/_matrix/media/v3/upload', method: 'POST' };
  assert.equal((await world.echo({ ...upload, body: Buffer.alloc(20 * 1024 * 1024) })).length, 20 * 1024 * 1024);
  for (const ask of [{ ...upload, headers: { 'content-length': String(51 * 1024 * 1024) } }, { path: '/_matrix/client/v3/keys/upload', method: 'POST', headers: { 'content-length': String(14 * 1024 * 1024) } }]) {
    const answer = await world.ask({ ...ask, body: '' }).catch((error: unknown) => error);
    assert.ok(!(answer instanceof Error), String(answer));
    const refused = answer as Answer;
    assert.equal(refused.status, 413);
    assert.equal(refused.headers['access-control-allow-origin'], '*');
    assert.equal((JSON.parse(refused.text) as { errcode: string }).errcode, 'M_TOO_LARGE');
  }
});

test('another host name gets no answer: no handshake, or 421 on a connection that was made for ours', async () => {
  await assert.rejects(world.ask({ host: 'other.example.test', path: '/' }), /unrecognized name|alert/i);
  assert.equal((await world.ask({ path: '/', headers: { host: 'other.example.test' } })).status, 421);
});

test('the log holds no query, code, token or key, also for requests that fail', async () => {
  await world.mark({ open: false });
  await world.ask({ path: '/_matrix/client/v3/login/sso/redirect?redirectUrl=hush1', headers: { Referer: 'https://x.test/?hush2', Authorization: 'Bearer hush3' } });
  await world.mark({ open: true });
  await world.stopUpstream('synapse-legacy');
  try {
    await world.ask({ path: '/_matrix/client/v3/sync?access_token=hush4' });
  } finally {
    await world.startUpstream('synapse-legacy');
  }
  await world.ask({ path: '/_matrix/client/v3/login?code=hush5', method: 'POST', body: '{"password":"hush6"}' });
  await world.ask({ path: `/%zz?hush7` });
  await world.ask({ host: 'auth.example.test', path: '/nowhere?code=hush8', probe: true });
  const logs = await world.logs();
  assert.ok(logs.includes('"uri":"/_matrix/client/v3/sync"'));
  assert.ok(!/hush\d/.test(logs), /.*hush\d.*/.exec(logs)?.[0]);
  assert.ok(!logs.includes(world.probeKey));
  const line = logs.split('\n').find((text) => text.includes('"log":"slo"') && text.includes('compat_login')) ?? '';
  assert.deepEqual(Object.keys(JSON.parse(line) as object), ['log', 't', 'op', 's', 'rt', 'urt', 'ups', 'probe']);
});

test('HTTP/2, IPv6 and the health check answer', async () => {
  const seen = await world.beside(`
    const { connect } = require('node:http2');
    const { lookup } = require('node:dns');
    lookup('${world.edge}', { family: 6 }, (failed, address) => {
      if (failed) throw failed;
      const session = connect('https://[' + address + ']:8443', { servername: 'matrix.example.test', rejectUnauthorized: false });
      const stream = session.request({ ':path': '/_matrix/client/versions', ':authority': 'matrix.example.test:8443' });
      let text = '';
      stream.on('response', (headers) => { text += headers[':status'] + ' ' + address.includes(':') + ' '; });
      stream.on('data', (chunk) => { text += chunk; }).on('end', () => { console.log(text); session.close(); });
    });`);
  assert.match(seen, /^200 true \{"who":"synapse-legacy"/);
  assert.match(await world.inEdge('curl', '--silent', '--fail', 'http://127.0.0.1:8081/edge-health'), /"open":true/);
});
