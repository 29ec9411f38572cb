import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { EdgeWorld } from './support/edge-world.ts';

/** A mirror behind a proxy that ends TLS, reached from Docker's own addresses. */
let world: EdgeWorld;
before(async () => {
  world = await EdgeWorld.start({
    serverName: 'prod.test', mirror: { of: 'prod', allow: ['203.0.113.0/24'] }, federation: false, exposeSynapseAdmin: true,
    hosts: { homeserver: 'matrix.example.test', auth: 'auth.example.test', apex: { name: 'example.test' } },
    tls: { mode: 'offloaded', trustedProxies: ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16'] },
  });
  await world.mark({ live: 'delegated', open: true });
});
after(() => world.remove());

const from = (address: string): { readonly headers: { readonly [name: string]: string } } => ({ headers: { 'X-Forwarded-For': address } });

test('the address that the trusted proxy tells counts, and is the only one that reaches an upstream', async () => {
  const { headers } = await world.echo({ path: '/_matrix/client/versions', ...from('198.51.100.7, 203.0.113.9') });
  assert.deepEqual([headers['x-forwarded-for'], headers['x-forwarded-proto'], headers['host']], ['203.0.113.9', 'https', 'matrix.example.test:8443']);
});

test('a mirror refuses everybody outside its allow-list, on every host and path, but not a probe', async () => {
  for (const [host, path] of [['matrix.example.test', '/_matrix/client/versions'], ['matrix.example.test', '/.well-known/matrix/client'], ['auth.example.test', '/oauth2/token'], ['example.test', '/'], ['matrix.example.test', '/_matrix/client/v3/refresh']] as const) {
    for (const stranger of [from('198.51.100.7'), from('203.0.113.9, 198.51.100.7'), {}]) {
      const answer = await world.ask({ host, path, method: 'POST', body: '{}', ...stranger });
      assert.deepEqual([answer.status, (JSON.parse(answer.text) as { errcode: string }).errcode], [403, 'M_FORBIDDEN'], `${host}${path}`);
    }
  }
  assert.equal((await world.echo({ path: '/_matrix/client/v3/refresh', method: 'POST', body: '{}', probe: true, ...from('198.51.100.7') })).who, 'mas');
});

test('without federation only the check of OpenID tokens is left of its API', async () => {
  const allowed = from('203.0.113.9');
  assert.equal((await world.echo({ path: '/_matrix/federation/v1/openid/userinfo?access_token=x', ...allowed })).who, 'synapse-delegated');
  for (const path of ['/_matrix/federation/v1/version', '/_matrix/federation/v2/invite/a/b', '/_matrix/key/v2/server', '/_matrix/%66ederation/v1/version']) assert.equal((await world.ask({ path, ...allowed })).status, 404, path);
  assert.equal((await world.echo({ path: '/_matrix/client/versions', ...allowed })).who, 'synapse-delegated');
});

test('an exposed admin API goes to Synapse, MAS\'s own door to it stays shut', async () => {
  const allowed = from('203.0.113.9');
  assert.equal((await world.echo({ path: '/_synapse/admin/v1/server_version', ...allowed })).who, 'synapse-delegated');
  assert.equal((await world.ask({ path: '/_synapse/mas/delete_user', method: 'POST', body: '{}', ...allowed })).status, 404);
});
