import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { startCluster, stopAll, type Cluster } from './cluster.ts';
import { CLIENTS, configuration, temporaryFolder, writeYaml } from './configuration.ts';
import { programs, spoken } from './program.ts';

for (const program of await programs()) {
  describe(`commands of ${program.name}`, () => {
    let cluster: Cluster;
    const folder = temporaryFolder();
    let databases = 0;
    before(async () => { cluster = await startCluster(); });
    after(() => stopAll(cluster));

    const database = async (): Promise<string> => {
      const name = `mas_${String(++databases)}`;
      await cluster.createDatabase(name);
      return name;
    };
    const config = (change: (config: ReturnType<typeof configuration>) => void = () => undefined, name = 'postgres'): string => {
      const data = configuration({ program, database: cluster.uri(name) });
      change(data);
      return writeYaml(folder, data);
    };
    const fails = async (path: string, args: readonly string[], first: string | RegExp): Promise<void> => {
      const outcome = await program.run([...args, '-c', path]);
      assert.equal(outcome.code, 1, outcome.stderr);
      const line = spoken(outcome.stderr).split('\n')[0] ?? '';
      if (typeof first === 'string') assert.equal(line, `Error: ${first}`);
      else assert.match(line, first);
    };

    test('says what it is in the first line, unless it is the real one', async () => {
      const { stderr } = await program.run(['config', 'check', '-c', config()]);
      assert.equal(/stand-in/.test(stderr.split('\n')[0] ?? ''), !program.isReal);
    });

    test('refuses what it does not know with exit code 2', async () => {
      await Promise.all([['nonsense'], ['config', 'nonsense'], ['server', '--nonsense'], ['config'], ['manage', 'register-user', '--nonsense']].map(async (args) => {
        assert.equal((await program.run(args)).code, 2, args.join(' '));
      }));
    });

    test('config check passes a good file and opens nothing it refers to', async () => {
      const outcome = await program.run(['config', 'check', '-c', config((data) => {
        data.secrets['keys'] = [{ key_file: '/nonexistent/key.pem' }];
        data.secrets['encryption_file'] = '/nonexistent/encryption';
        delete data.secrets['encryption'];
        data.database['uri'] = 'postgresql://nobody@127.0.0.1:1/none';
      })]);
      assert.equal(outcome.code, 0, outcome.stderr);
      assert.match(outcome.stderr, /Configuration file looks good/);
    });

    test('config check names what is wrong', async () => {
      const cases: [string, (data: ReturnType<typeof configuration>) => void, RegExp][] = [
        ['no secrets', (data) => { delete (data as Record<string, unknown>)['secrets']; }, /^Error: missing field `secrets`$/],
        ['no matrix', (data) => { delete (data as Record<string, unknown>)['matrix']; }, /^Error: missing field `matrix`$/],
        ['short client id', (data) => { Object.assign(data.clients[0] ?? {}, { client_id: 'short' }); }, /^Error: invalid length for key "default\.clients\.0\.client_id" in .*\.yaml YAML file$/],
        ['secret for a public client', (data) => { Object.assign(data.clients[0] ?? {}, { client_secret: 'x' }); },
          /^Error: client_secret is not allowed with none authentication method for key "default\.clients\.0\.client_secret" in .*\.yaml YAML file$/],
        ['no secret for a confidential client', (data) => { delete data.clients[2]?.['client_secret']; },
          /^Error: client_secret is required for client_secret_basic for key "default\.clients\.2\.client_auth_method" in /],
        ['no password scheme', (data) => { data.passwords.schemes = []; }, /^Error: Requires at least one password scheme in the config for key "default\.passwords" in /],
        ['two database addresses', (data) => { data.database['host'] = 'x'; }, /^Error: uri must not be specified if host, port, socket, username, password, password_file, or database are specified for key "default\.database" in /],
        ['listener without resources', (data) => { data.http.listeners.push({ resources: [], binds: [{ port: 1 }] }); }, /^Error: listener has no resources for key "default\.http\.listeners\.2" in /],
        ['listener without binds', (data) => { data.http.listeners.push({ resources: [{ name: 'health' }], binds: [] }); }, /^Error: listener does not bind to any address for key "default\.http\.listeners\.2" in /],
        ['unknown kind', (data) => { data.matrix['kind'] = 'dendrite'; }, /^Error: unknown variant: found `dendrite`, expected `one of `synapse`, `synapse_read_only`/],
        ['number for a name', (data) => { data.matrix['homeserver'] = 5; }, /^Error: invalid type: found unsigned int `5`, expected a string for key "default\.matrix\.homeserver" in /],
        ['port out of range', (data) => { data.database = { port: 99999 }; }, /^Error: invalid value unsigned int `99999`, expected u16 for key "default\.database\.port" in /],
        ['no public_base', (data) => { delete (data.http as Record<string, unknown>)['public_base']; }, /^Error: missing field `public_base` for key "default\.http" in /],
      ];
      await Promise.all(cases.map(([name, change, expected]) => fails(config(change), ['config', 'check'], expected).catch((error: unknown) => { throw new Error(name, { cause: error }); })));
    });

    test('a missing file is an empty document', async () => {
      await fails(join(folder, 'not-there.yaml'), ['config', 'check'], 'missing field `secrets`');
    });

    test('files add up: lists are concatenated, other keys replaced, unknown keys ignored', async () => {
      const first = config((data) => { Object.assign(data, { nonsense: { deep: true } }); });
      const second = writeYaml(folder, { clients: [{ client_id: '01HFVBY12TMNTYTBV8W921M5FX', client_auth_method: 'none' }], matrix: { homeserver: 'other.test' } });
      const { code, stdout } = await program.run(['config', 'dump', '-c', first, '-c', second]);
      assert.equal(code, 0);
      assert.equal(stdout.match(/client_id:/g)?.length, Object.keys(CLIENTS).length + 1);
      assert.match(stdout, /homeserver: other\.test/);
    });

    test('MAS_CONFIG names the files when -c does not, and the file wins over other MAS_ variables', async () => {
      const { code, stdout } = await program.run(['config', 'dump'], { env: { MAS_CONFIG: config(), MAS_MATRIX_HOMESERVER: 'env.test', MAS_BRANDING_IMPRINT: 'from-env' } });
      assert.equal(code, 0);
      assert.match(stdout, /homeserver: example\.test/);
      assert.match(stdout, /imprint: from-env/);
    });

    test('a relative file is found in a parent folder', async () => {
      const child = join(folder, 'a', 'b');
      mkdirSync(child, { recursive: true });
      writeYaml(folder, configuration({ program, database: cluster.uri('postgres') }), 'parent.yaml');
      assert.equal((await program.run(['config', 'check', '-c', 'parent.yaml'], { cwd: child })).code, 0);
    });

    test('database migrate makes the schema once and may be run again', async () => {
      const name = await database();
      const path = config(undefined, name);
      for (let round = 0; round < 2; round++) assert.equal((await program.run(['database', 'migrate', '-c', path])).code, 0);
      const rows = await cluster.query<{ present: boolean }>(name, "select to_regclass('users') is not null and to_regclass('compat_sessions') is not null and to_regclass('_sqlx_migrations') is not null as present");
      assert.equal(rows[0]?.present, true);
    });

    test('a database that cannot be reached fails one-shot commands at once', async () => {
      for (const args of [['database', 'migrate'], ['config', 'sync']]) {
        await fails(config((data) => { data.database['uri'] = 'postgresql://postgres@127.0.0.1:1/none'; }), args, 'could not connect to the database');
        await fails(config((data) => { data.database['uri'] = cluster.uri('no_such_database'); }), args, 'could not connect to the database');
      }
    });

    test('a Synapse database is refused, but keeps the bookkeeping table', async () => {
      const name = await database();
      await cluster.query(name, 'create table users (name text)');
      await fails(config(undefined, name), ['database', 'migrate'], 'could not run migrations');
      const rows = await cluster.query<{ present: boolean }>(name, "select to_regclass('_sqlx_migrations') is not null as present");
      assert.equal(rows[0]?.present, true);
    });

    test('a database that another program migrated is refused', async () => {
      const name = await database();
      await cluster.query(name, `create table _sqlx_migrations (version bigint primary key, description text not null, installed_on timestamptz not null default now(), success boolean not null, checksum bytea not null, execution_time bigint not null);
        insert into _sqlx_migrations values (20221018142001, 'init', now(), true, 'other', 0)`);
      await fails(config(undefined, name), ['database', 'migrate'], 'could not run migrations');
    });

    test('config sync brings clients in, warns of those that left, and prunes them when told', async () => {
      const name = await database();
      const ids = async (): Promise<number> => (await cluster.query<{ count: string }>(name, 'select count(*)::text as count from oauth2_clients where is_static'))[0]?.count === undefined ? -1
        : Number((await cluster.query<{ count: string }>(name, 'select count(*)::text as count from oauth2_clients where is_static'))[0]?.count);
      const all = config(undefined, name);
      const fewer = config((data) => { data.clients.pop(); }, name);
      const dry = await program.run(['config', 'sync', '--dry-run', '-c', all]);
      assert.equal(dry.code, 0, dry.stderr);
      assert.match(dry.stderr, /Dry run, rolling back changes/);
      assert.equal(await ids(), 0);
      assert.match((await program.run(['config', 'sync', '-c', all])).stderr, /Adding client/);
      assert.equal(await ids(), 4);
      assert.match((await program.run(['config', 'sync', '-c', all])).stderr, /Updating client/);
      assert.match((await program.run(['config', 'sync', '-c', fewer])).stderr, /A static client in the database is not in the config\. Run with `--prune` to delete it\./);
      assert.equal(await ids(), 4);
      assert.match((await program.run(['config', 'sync', '--prune', '-c', fewer])).stderr, /Deleting client/);
      assert.equal(await ids(), 3);
      const rows = await cluster.query(name, `select grant_type_authorization_code as a, grant_type_refresh_token as b, grant_type_client_credentials as c, grant_type_device_code as d,
        encrypted_client_secret is not null as e, redirect_uris from oauth2_clients where token_endpoint_auth_method = 'client_secret_basic'`);
      assert.deepEqual(rows, [{ a: true, b: true, c: true, d: true, e: true, redirect_uris: ['https://app.example.test/callback'] }]);
    });

    test('the server dies of a bad key, encryption file, policy or port, each with its own sentence', async () => {
      const name = await database();
      assert.equal((await program.run(['database', 'migrate', '-c', config(undefined, name)])).code, 0);
      const withNewline = join(folder, 'encryption');
      writeFileSync(withNewline, `${'0123456789abcdef'.repeat(4)}\n`);
      const busy = cluster.port;
      const cases: [(data: ReturnType<typeof configuration>) => void, string][] = [
        [(data) => { data.secrets['keys'] = [{ key_file: '/nonexistent/key.pem' }]; }, 'could not import keys from config'],
        [(data) => { delete data.secrets['encryption']; data.secrets['encryption_file'] = withNewline; }, 'Content of `encryption_file` must contain hex characters encoding exactly 32 bytes'],
        [(data) => { data.policy.wasm_module = '/nonexistent/policy.wasm'; }, 'failed to open OPA WASM policy file'],
        [(data) => { data.http.listeners = [{ resources: [{ name: 'health' }], binds: [{ address: `127.0.0.1:${String(busy)}` }] }]; }, 'could not bind address'],
      ];
      for (const [change, sentence] of cases) await fails(config(change, name), ['server'], sentence);
    });

    test('server --no-migrate refuses an empty database', async () => {
      const name = await database();
      await fails(config(undefined, name), ['server', '--no-migrate'], /^Error: The server is running with `--no-migrate` but there are pending migrations\./);
    });
  });
}
