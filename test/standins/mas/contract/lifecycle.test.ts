import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { startCluster, stopAll, type Cluster } from './cluster.ts';
import { configuration, temporaryFolder, writeYaml } from './configuration.ts';
import { startFakeSynapse } from './fake-synapse.ts';
import { programs } from './program.ts';
import { register, serve, until, type Served } from './server.ts';
import { homeserver, synapseSample } from './synapse-database.ts';

for (const program of await programs()) {
  describe(`life of ${program.name}`, () => {
    let cluster: Cluster;
    before(async () => { cluster = await startCluster(); });
    after(() => stopAll(cluster));

    test('a server ends with 0 on SIGTERM, also while a connection is kept open', async () => {
      const mas = await serve(program, cluster, 'signals');
      await mas.call('/_matrix/client/v3/login');
      await mas.stop();
      assert.match(mas.process.log(), /Shutdown signal received \(SIGTERM\), shutting down/);
      await assert.rejects(fetch(mas.health));
    });

    test('requests are logged with status and the address they came from', async () => {
      const mas = await serve(program, cluster, 'logs');
      await mas.call('/_matrix/client/v3/login', { headers: { 'x-forwarded-for': '203.0.113.9', 'user-agent': 'agent/1' } });
      await mas.stop();
      assert.match(mas.process.log(), / INFO http\.server\.response .*"GET \/_matrix\/client\/v3\/login HTTP\/1\.1" 200.*"agent\/1".*client\.address=203\.0\.113\.9/);
    });

    test('without worker a registered person stays unknown to Synapse until a worker runs', async () => {
      const folder = temporaryFolder();
      const synapse = await startFakeSynapse();
      const file = writeYaml(folder, configuration({ program, database: await cluster.createDatabase('worker'), synapse: synapse.url }));
      assert.equal((await program.run(['database', 'migrate', '-c', file])).code, 0);
      assert.equal((await program.run(['manage', 'register-user', '--yes', 'ada', '-c', file])).code, 0);
      assert.equal(synapse.users.has('ada'), false);
      const worker = program.start(['worker', '-c', file]);
      await until('ada in Synapse', () => Promise.resolve(synapse.users.has('ada') ? true : undefined));
      await until('her devices to be told', () => Promise.resolve(synapse.calls.some((call) => call.path === 'sync_devices') ? true : undefined));
      assert.equal(await worker.stop(), 0);
      await synapse.stop();
    });

    test('a server told not to sync leaves the clients alone', async () => {
      const folder = temporaryFolder();
      const data = configuration({ program, database: await cluster.createDatabase('nosync'), port: 0, healthPort: 0 });
      data.http.listeners = [];
      const file = writeYaml(folder, data);
      const server = program.start(['server', '--no-sync', '--no-worker', '-c', file]);
      await until('the start', () => Promise.resolve(/Skipping configuration sync/.test(server.log()) ? true : undefined));
      await until('the schema', async () => ((await cluster.query<{ there: boolean }>('nosync', "select to_regclass('oauth2_clients') is not null as there"))[0]?.there === true ? true : undefined));
      await server.stop();
      assert.deepEqual(await cluster.query('nosync', 'select count(*)::int as count from oauth2_clients'), [{ count: 0 }]);
    });

    test('with the read-only kind nobody can log in, because no device can be made', async () => {
      const mas = await serve(program, cluster, 'readonly', (data) => { data.matrix['kind'] = 'synapse_read_only'; });
      mas.synapse.users.set('ada', { devices: new Set(), locked: false });
      assert.equal((await mas.run(['manage', 'register-user', '--yes', '--ignore-password-complexity', '-p', 'x', 'bob'])).code, 0);
      const login = await mas.call('/_matrix/client/v3/login', { json: { type: 'm.login.password', identifier: { type: 'm.id.user', user: 'bob' }, password: 'x' } });
      assert.equal(login.status, 500);
      assert.equal(mas.synapse.calls.some((call) => call.path === 'upsert_device' || call.path === 'provision_user'), false);
      await mas.stop();
    });

    test('a Synapse that is down, or refuses the secret, lets MAS start and fails logins', async () => {
      for (const [name, change] of [['down', { endpoint: 'http://127.0.0.1:9/' }], ['secret', { secret: 'another secret' }]] as const) {
        const mas: Served = await serve(program, cluster, `synapse_${name}`, (data) => { Object.assign(data.matrix, change); });
        await mas.query("insert into users (user_id, username, created_at) values ('01890000-0000-7000-8000-000000000001', 'ada', now())");
        assert.equal((await mas.run(['manage', 'set-password', '--ignore-complexity', 'ada', 'x'])).code, 0);
        const login = await mas.call('/_matrix/client/v3/login', { json: { type: 'm.login.password', identifier: { type: 'm.id.user', user: 'ada' }, password: 'x' } });
        assert.deepEqual([login.status, login.json['errcode']], [500, 'M_UNKNOWN'], name);
        await mas.stop();
      }
    });

    test('on a half-done migration the server looks healthy and nobody can log in', async () => {
      const folder = temporaryFolder();
      await cluster.createDatabase('half_synapse');
      await cluster.query('half_synapse', `${synapseSample()} insert into devices (user_id, device_id) values ('@ghost:example.test', 'GHOST')`);
      const mas = await serve(program, cluster, 'half');
      await mas.stop();
      const file = writeYaml(folder, homeserver(cluster.uri('half_synapse')));
      assert.equal((await mas.run(['syn2mas', 'migrate', '--dry-run', '--synapse-config', file])).code, 1);
      const server = program.start(['server', '-c', mas.configFile]);
      await until('health', () => fetch(mas.health).then((response) => (response.status === 200 ? true : undefined), () => undefined));
      const login = await mas.call('/_matrix/client/v3/login', { json: { type: 'm.login.password', identifier: { type: 'm.id.user', user: 'alice' }, password: 'x' } });
      assert.equal(login.status, 500);
      const introspection = await mas.call('/oauth2/introspect', { form: { token: 'syt_alice_one' }, headers: { authorization: 'Bearer contract-shared-secret' } });
      assert.deepEqual([introspection.status, introspection.json['error']], [500, 'server_error']);
      await server.stop();
    });

    test('a migration that is killed can be run again', async () => {
      const folder = temporaryFolder();
      await cluster.createDatabase('killed_synapse');
      await cluster.query('killed_synapse', `${synapseSample()} insert into users (name, creation_ts, password_hash) select '@extra' || n || ':example.test', 0, 'x' from generate_series(1, 40000) n`);
      const file = writeYaml(folder, configuration({ program, database: await cluster.createDatabase('killed') }));
      assert.equal((await program.run(['database', 'migrate', '-c', file])).code, 0);
      const args = ['syn2mas', 'migrate', '-c', file, '--synapse-config', writeYaml(folder, homeserver(cluster.uri('killed_synapse')))];
      const first = program.start(args);
      await until('the tables to be renamed', async () => ((await cluster.query<{ off: boolean }>('killed', "select to_regclass('syn2mas_restore_constraints') is not null as off"))[0]?.off === true ? true : undefined));
      first.child.kill('SIGKILL');
      await first.stop();
      const again = await program.run(args);
      assert.equal(again.code, 0, again.stderr);
      assert.deepEqual(await cluster.query('killed', 'select count(*)::int as count from users'), [{ count: 40_006 }]);
    });

    test('doctor tells what it sees and always exits 0', async () => {
      const mas = await serve(program, cluster, 'doctor');
      const seen = await mas.run(['doctor']);
      assert.equal(seen.code, 0);
      assert.match(seen.stderr, /⚠️ The issuer in the config \(`http\.issuer`\/`http\.public_base`\) is not an HTTPS URL\./);
      assert.match(seen.stderr, /⚠️ Failed to fetch well-known document at "https:\/\/example\.test\/\.well-known\/matrix\/client"/);
      // The fake has no client API, so the homeserver counts as out of reach.
      assert.match(seen.stderr, /ERROR .*❌ ?Can't reach the homeserver at "http:\/\/127\.0\.0\.1:\d+\/_matrix\/client\/versions"/);
      await mas.stop();
    });

    test('people who registered are counted as rows: a migration refuses the database', async () => {
      const mas = await serve(program, cluster, 'taken');
      await register(mas, 'ada', 'x');
      await mas.stop();
      await cluster.createDatabase('taken_synapse');
      await cluster.query('taken_synapse', synapseSample());
      const outcome = await mas.run(['syn2mas', 'check', '--synapse-config', writeYaml(temporaryFolder(), homeserver(cluster.uri('taken_synapse')))]);
      assert.equal(outcome.code, 1);
      assert.match(outcome.stderr, /Error: The MAS database is not empty: rows found in at least `users`\./);
    });
  });
}
