import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import pg from 'pg';
import { advisoryKey } from '../db/connect.ts';
import { startCluster, stopAll, type Cluster } from './cluster.ts';
import { configuration, PEPPER, PROVIDER, temporaryFolder, writeYaml } from './configuration.ts';
import { errorLine, programs, spoken, type Outcome } from './program.ts';
import { homeserver, synapseSample } from './synapse-database.ts';

const GUEST_WARNING = 'Synapse database contains 1 guests which will be migrated are not supported by MAS. See https://github.com/element-hq/matrix-authentication-service/issues/1445';

for (const program of await programs()) {
  describe(`syn2mas of ${program.name}`, () => {
    let cluster: Cluster;
    const folder = temporaryFolder();
    let counter = 0;
    before(async () => {
      cluster = await startCluster();
      await cluster.createDatabase('sample');
      await cluster.query('sample', synapseSample());
      // A MAS database with its schema, copied for each case: making it takes most of a second.
      await cluster.createDatabase('empty_mas');
      assert.equal((await program.run(['database', 'migrate', '-c', writeYaml(folder, configuration({ program, database: cluster.uri('empty_mas') }))])).code, 0);
      await cluster.query('postgres', 'create database empty_mas_2 template empty_mas');
      await cluster.query('postgres', 'create database sample_2 template sample');
    });
    after(() => stopAll(cluster));

    /** A pair of databases, copied unless `check` on the originals is all that is wanted, and the files that name them. */
    const pair = async (change: { synapse?: string; onlyCheck?: boolean; mas?: (config: ReturnType<typeof configuration>) => void; homeserver?: (config: ReturnType<typeof homeserver>) => void } = {}) => {
      const number = String(++counter);
      const [mas, synapse] = change.onlyCheck === true ? ['empty_mas_2', 'sample_2'] : [`mas_${number}`, `synapse_${number}`];
      if (change.onlyCheck !== true) {
        await cluster.query('postgres', `create database ${mas} template empty_mas`);
        await cluster.query('postgres', `create database ${synapse} template sample`);
      }
      if (change.synapse !== undefined) await cluster.query(synapse, change.synapse);
      const data = configuration({ program, database: cluster.uri(mas) });
      change.mas?.(data);
      const yaml = homeserver(cluster.uri(synapse));
      change.homeserver?.(yaml);
      const [masFile, synapseFile] = [writeYaml(folder, data), writeYaml(folder, yaml)];
      return {
        mas, synapse, masFile, synapseFile,
        run: (verb: 'check' | 'migrate', ...more: string[]): Promise<Outcome> => program.run(['syn2mas', verb, '-c', masFile, '--synapse-config', synapseFile, ...more]),
      };
    };
    const counts = async (database: string): Promise<Record<string, number>> => {
      const tables = ['users', 'user_passwords', 'user_emails', 'user_unsupported_third_party_ids', 'upstream_oauth_links', 'compat_sessions', 'compat_access_tokens', 'compat_refresh_tokens'];
      const rows = await cluster.query<{ name: string; count: string }>(database, tables.map((table) => `select '${table}' as name, count(*)::text as count from ${table}`).join(' union all '));
      return Object.fromEntries(rows.map((row) => [row.name, Number(row.count)]));
    };
    const constraintsAreOff = async (database: string): Promise<boolean> =>
      (await cluster.query<{ off: boolean }>(database, "select to_regclass('syn2mas_restore_constraints') is not null as off"))[0]?.off === true;
    const findings = (outcome: Outcome): string[] => spoken(outcome.stderr).split('\n').filter((line) => line.startsWith('• ')).map((line) => line.slice(2));

    test('check is 11 with warnings only, and 0 with none', async () => {
      const { run, synapse } = await pair();
      const warned = await run('check');
      assert.equal(warned.code, 11, warned.stderr);
      assert.deepEqual(findings(warned), [GUEST_WARNING]);
      assert.match(spoken(warned.stderr), /===== Warnings =====\nThese potential issues should be considered before migrating from Synapse to MAS right now:/);
      await cluster.query(synapse, 'update users set is_guest = 0');
      const clean = await run('check');
      assert.equal(clean.code, 0, clean.stderr);
      assert.equal(clean.stdout, 'Check completed successfully with no errors or warnings.\n');
    });

    test('check without --synapse-config is 1', async () => {
      const { masFile } = await pair({ onlyCheck: true });
      assert.equal((await program.run(['syn2mas', 'check', '-c', masFile])).code, 1);
    });

    test('check is 10 with errors, and says each of them', async () => {
      const bcrypt = { version: 1, algorithm: 'bcrypt', secret: PEPPER };
      const cases: [Parameters<typeof pair>[0], string][] = [
        [{ onlyCheck: true, mas: (data) => { data.passwords.schemes = [{ ...bcrypt, version: 2 }]; } }, "MAS config is missing a password hashing scheme with version '1'"],
        [{ onlyCheck: true, mas: (data) => { data.passwords.schemes = [{ version: 1, algorithm: 'argon2id', secret: PEPPER }]; } },
          "Password scheme version '1' in the MAS config must use the Bcrypt algorithm, so that Synapse passwords can be imported and will be compatible."],
        [{ onlyCheck: true, mas: (data) => { data.passwords.schemes = [{ ...bcrypt, secret: 'other' }]; } },
          "Password scheme version '1' in the MAS config must have the same secret as the `pepper` value from Synapse, so that Synapse passwords can be imported and will be compatible."],
        [{ onlyCheck: true, homeserver: (data) => { data['allow_guest_access'] = true; } },
          "Guest support is enabled in the Synapse configuration. Guests aren't supported by MAS, but if you don't have any then you could disable the option. See https://github.com/element-hq/matrix-authentication-service/issues/1445"],
        [{ onlyCheck: true, homeserver: (data) => { data['enable_3pid_changes'] = true; } }, 'Synapse config has `enable_3pid_changes` explicitly enabled, which must be disabled or removed.'],
        [{ onlyCheck: true, homeserver: (data) => { data['login_via_existing_session'] = { enabled: true }; } }, 'Synapse config has `login_via_existing_session.enabled` set to true, which must be disabled.'],
        [{ onlyCheck: true, mas: (data) => { data.matrix['homeserver'] = 'other.test'; } },
          'MAS configuration has the wrong `matrix.homeserver` set ("other.test"), it should match Synapse\'s `server_name` ("example.test")'],
        [{ synapse: "insert into user_external_ids values ('oidc-gone', 'x', '@alice:example.test')" },
          "Synapse database contains 1 users associated to the OpenID Connect or OAuth2 provider 'oidc-gone' but the Synapse configuration does not contain this provider."],
        [{ synapse: "insert into user_external_ids values ('oauth-delegated', 'x', '@alice:example.test')" },
          "Synapse database has 1 mapping entries from a previously-configured MAS instance. If this is from a previous migration attempt, run the following SQL query against the Synapse database: `DELETE FROM user_external_ids WHERE auth_provider = 'oauth-delegated';` and then run the migration again."],
        [{ synapse: "insert into user_external_ids values ('oidc-known', 'x', '@alice:example.test')",
          homeserver: (data) => { data['oidc_providers'] = [{ idp_id: 'known', issuer: 'https://idp.example.test', client_id: 'x' }]; } },
        "Synapse config contains an OpenID Connect or OAuth2 provider 'oidc-known' (issuer: \"https://idp.example.test\") used by 1 users which must also be configured in the MAS configuration as an upstream provider."],
      ];
      // One after the other: only one syn2mas may look at a MAS database at a time.
      for (const [change, expected] of cases) {
        const outcome = await (await pair(change)).run('check');
        assert.equal(outcome.code, 10, `${expected}\n${outcome.stderr}`);
        assert.match(spoken(outcome.stderr), /===== Errors =====\nThese issues prevent migrating from Synapse to MAS right now:/);
        assert.deepEqual(findings(outcome), [expected, GUEST_WARNING]);
      }
    });

    test('check says each warning about the Synapse configuration', async () => {
      const { run } = await pair({ onlyCheck: true, homeserver: (data) => {
        Object.assign(data, { enable_registration: true, user_consent: {}, cas_config: { enabled: true }, saml2_config: { enabled: true }, jwt_config: { enabled: true }, enable_registration_captcha: true });
        data['password_config'] = { pepper: PEPPER, localdb_enabled: false };
      } });
      const outcome = await run('check');
      assert.equal(outcome.code, 11, outcome.stderr);
      const external = (name: string): string => `Synapse config contains ${name} auth configuration which will need to be manually mapped as an upstream OAuth 2.0 provider during migration.`;
      assert.deepEqual(findings(outcome), [
        'Synapse config has registration enabled. This must be disabled after migration before bringing Synapse back online.',
        'Synapse config has `user_consent` enabled. This should be disabled after migration.',
        external('CAS'), external('SAML2'), external('JWT'), external('non-standard password provider plugin'),
        'Synapse config has a registration CAPTCHA enabled, but no CAPTCHA has been configured in MAS. You may wish to manually configure this.',
        'Synapse config has `user_consent` enabled but MAS has not been configured with terms of service. You may wish to set up a `tos_uri` in your MAS branding configuration to replace the user consent.',
        GUEST_WARNING,
      ]);
    });

    test('homeserver.yaml that cannot be read fails with 1', async () => {
      const broken: [string, (data: ReturnType<typeof homeserver>) => void, RegExp][] = [
        ['a word for password_config.enabled', (data) => { data['password_config'] = { enabled: 'only_for_reauth', pepper: PEPPER }; }, /^Error: Failed to load Synapse configuration$/],
        ['no server_name', (data) => { delete data['server_name']; }, /^Error: Failed to load Synapse configuration$/],
        ['sqlite', (data) => { data['database'] = { name: 'sqlite3' }; }, /^Error: Synapse database configuration is invalid, cannot migrate\.$/],
        ['closed port', (data) => { data['database'] = { name: 'psycopg2', args: { host: '127.0.0.1', port: 1, user: 'postgres' } }; }, /^Error: could not connect to Synapse Postgres database$/],
      ];
      for (const [name, change, expected] of broken) {
        const outcome = await (await pair({ onlyCheck: true, homeserver: change })).run('check');
        assert.equal(outcome.code, 1, name);
        assert.match(errorLine(outcome), expected, name);
      }
      const { masFile } = await pair({ onlyCheck: true });
      assert.match(errorLine(await program.run(['syn2mas', 'check', '-c', masFile, '--synapse-config', join(folder, 'not-there.yaml')])), /^Error: Failed to load Synapse configuration$/);
    });

    test('--synapse-database-uri overrides the address in homeserver.yaml', async () => {
      const { run, synapse } = await pair({ onlyCheck: true, homeserver: (data) => { data['database'] = { name: 'psycopg2', args: { host: '127.0.0.1', port: 1 } }; } });
      assert.equal((await run('check', '--synapse-database-uri', cluster.uri(synapse))).code, 11);
    });

    test('a closed or foreign MAS database fails with 1', async () => {
      const closed = await (await pair({ onlyCheck: true, mas: (data) => { data.database['uri'] = 'postgresql://postgres@127.0.0.1:1/none'; } })).run('check');
      assert.deepEqual([closed.code, errorLine(closed)], [1, 'Error: could not connect to the database']);
      const { synapse } = await pair();
      const own = await (await pair({ mas: (data) => { data.database['uri'] = cluster.uri(synapse); } })).run('check');
      assert.deepEqual([own.code, errorLine(own)], [1, 'Error: could not run migrations']);
    });

    test('migrate moves people, passwords, emails, devices and live tokens, and nothing else', async () => {
      const { run, mas, synapse } = await pair({ synapse: "insert into user_threepids values ('@bob:example.test', 'msisdn', '441234', 0, 1700000005000)" });
      const before = await cluster.query(synapse, 'select * from access_tokens order by id');
      const outcome = await run('migrate');
      assert.equal(outcome.code, 0, outcome.stderr);
      assert.deepEqual(await counts(mas), { users: 6, user_passwords: 6, user_emails: 1, user_unsupported_third_party_ids: 1, upstream_oauth_links: 0, compat_sessions: 6, compat_access_tokens: 5, compat_refresh_tokens: 1 });
      assert.equal(await constraintsAreOff(mas), false);
      assert.deepEqual(await cluster.query(synapse, 'select * from access_tokens order by id'), before);
      const users = await cluster.query(mas, `select username, locked_at is not null as locked, deactivated_at is not null as deactivated, can_request_admin, is_guest,
        extract(epoch from created_at)::int as created from users order by username`);
      const person = (username: string, extra: object = {}): object => ({ username, locked: false, deactivated: false, can_request_admin: false, is_guest: false, created: 1_700_000_000, ...extra });
      assert.deepEqual(users, [person('alice'), person('bob'), person('gone', { deactivated: true }), person('guest', { is_guest: true }), person('locked', { locked: true }), person('root', { can_request_admin: true })]);
      const sessions = await cluster.query(mas, `select username, device_id, human_name, is_synapse_admin, host(last_active_ip) as ip from compat_sessions join users using (user_id) order by username, device_id nulls last`);
      const session = (username: string, device: string | null, extra: object = {}): object => ({ username, device_id: device, human_name: null, is_synapse_admin: false, ip: null, ...extra });
      assert.deepEqual(sessions, [session('alice', 'ALICEDEV01', { human_name: 'Phone', ip: '192.0.2.1' }), session('alice', 'ALICEDEV02'), session('alice', null), session('bob', 'BOBDEVICE1'),
        session('locked', null), session('root', 'ROOTDEVICE', { is_synapse_admin: true })]);
      const tokens = await cluster.query<{ access_token: string; expires: number | null }>(mas, 'select access_token, extract(epoch from expires_at)::float8 as expires from compat_access_tokens order by access_token');
      assert.deepEqual(tokens, [['syt_alice_deviceless', null], ['syt_alice_one', null], ['syt_bob_live', 4_100_000_000], ['syt_locked', null], ['syt_root', null]].map(([access_token, expires]) => ({ access_token, expires })));
      assert.deepEqual(await cluster.query(mas, 'select refresh_token from compat_refresh_tokens'), [{ refresh_token: 'syr_bob_live' }]);
      assert.deepEqual(await cluster.query(mas, 'select distinct version from user_passwords'), [{ version: 1 }]);
      for (const line of [/ 6 users migrated \(1 skipped\) in /, / 2 third-party IDs migrated \(0 skipped\)/, / 4 non-refreshable access tokens migrated \(2 skipped\)/, / 1 refreshable token pairs migrated \(0 skipped\)/, / 4 devices migrated \(0 skipped\)/]) {
        assert.match(outcome.stderr, line);
      }
      const again = await run('migrate');
      assert.deepEqual([again.code, errorLine(again)], [1, 'Error: The MAS database is not empty: rows found in at least `users`. Please drop and recreate the database, then try again.']);
      const check = await run('check');
      assert.deepEqual([check.code, errorLine(check)], [1, errorLine(again)]);
      // The clients of the configuration came with it.
      assert.deepEqual(await cluster.query(mas, 'select count(*)::int as count from oauth2_clients'), [{ count: 4 }]);
    });

    test('a dry run proves everything and leaves an empty database, its clients excepted', async () => {
      const { run, mas } = await pair();
      for (let round = 0; round < 2; round++) {
        const outcome = await run('migrate', '--dry-run');
        assert.equal(outcome.code, 0, outcome.stderr);
        assert.match(outcome.stderr, /Migration ran in dry-run mode, deleting all imported data/);
        assert.deepEqual([...new Set(Object.values(await counts(mas)))], [0]);
        assert.equal(await constraintsAreOff(mas), false);
      }
      assert.deepEqual(await cluster.query(mas, 'select count(*)::int as count from oauth2_clients'), [{ count: 4 }]);
    });

    test('links follow synapse_idp_id; a provider nobody maps stops the migration unless told to ignore it', async () => {
      const provider = { id: PROVIDER, synapse_idp_id: 'oidc-known', issuer: 'https://idp.example.test', client_id: 'x', token_endpoint_auth_method: 'none' };
      const { run, mas } = await pair({
        synapse: "insert into user_external_ids values ('oidc-known', 'subject', '@alice:example.test'), ('oidc-gone', 'other', '@bob:example.test')",
        mas: (data) => { Object.assign(data, { upstream_oauth2: { providers: [provider] } }); },
        homeserver: (data) => { data['oidc_providers'] = [{ idp_id: 'known', issuer: 'https://idp.example.test', client_id: 'x' }]; },
      });
      assert.equal((await run('migrate')).code, 10);
      const ignored = await run('migrate', '--ignore-missing-auth-providers');
      assert.equal(ignored.code, 0, ignored.stderr);
      assert.deepEqual(await cluster.query(mas, 'select username, subject from upstream_oauth_links join users using (user_id)'), [{ username: 'alice', subject: 'subject' }]);
    });

    test('rows that belong to nobody pass the check and stop the migration half-way; the next run resets', async () => {
      const orphans: [string, string, string][] = [
        ['access_tokens', "insert into access_tokens (id, user_id, token) values (90, '@ghost:example.test', 'syt_nobody')", 'delete from access_tokens where id = 90'],
        ['devices', "insert into devices (user_id, device_id) values ('@ghost:example.test', 'GHOST')", "delete from devices where device_id = 'GHOST'"],
        ['user_threepids', "insert into user_threepids values ('@ghost:example.test', 'email', 'x@example.test', 0, 0)", "delete from user_threepids where user_id = '@ghost:example.test'"],
      ];
      await Promise.all(orphans.map(async ([table, insert, remove]) => {
        const { run, mas, synapse } = await pair({ synapse: insert });
        assert.equal((await run('check')).code, 11);
        const failed = await run('migrate', ...(table === 'devices' ? ['--dry-run'] : []));
        assert.deepEqual([failed.code, errorLine(failed)], [1, `Error: user @ghost:example.test was not found for migration but a row in ${table} was found for them`]);
        assert.equal(await constraintsAreOff(mas), true);
        // The half-done database passes the check: the emptiness test is skipped.
        assert.equal((await run('check')).code, 11);
        await cluster.query(synapse, remove);
        const again = await run('migrate');
        assert.equal(again.code, 0, again.stderr);
        assert.match(again.stderr, /WARN .*Partial syn2mas migration has already been done; resetting\./);
        assert.equal(await constraintsAreOff(mas), false);
        assert.equal((await counts(mas))['users'], 6);
      }));
    });

    test('people of another server name stop the migration', async () => {
      const { run } = await pair({ synapse: "insert into users (name, creation_ts) values ('@old:other.test', 0)" });
      assert.equal((await run('check')).code, 11);
      const failed = await run('migrate');
      assert.equal(failed.code, 1);
      assert.match(errorLine(failed), /^Error: failed to extract localpart of FullUserId\("@old:other\.test"\): wrong server name: expected "example\.test", got "other\.test"$/);
    });

    test('a lock held on Synapse stops a real run but not a dry one', async () => {
      const { run, synapse } = await pair();
      const holder = new pg.Client({ connectionString: cluster.uri(synapse) });
      await holder.connect();
      try {
        await holder.query("begin; update devices set display_name = 'held' where device_id = 'ALICEDEV01'");
        const outcome = await run('migrate');
        assert.deepEqual([outcome.code, errorLine(outcome)], [1, 'Error: database error whilst locking Synapse table `devices`']);
        assert.equal((await run('migrate', '--dry-run')).code, 0);
      } finally {
        await holder.end();
      }
    });

    test('a role that may only read passes check and dry run, and fails the real run', async () => {
      const { synapse, masFile, synapseFile } = await pair();
      await cluster.query(synapse, `do $$ begin if not exists (select 1 from pg_roles where rolname = 'reader') then create role reader login; end if; end $$;
        grant select on all tables in schema public to reader`);
      const run = (...args: string[]): Promise<Outcome> => program.run(['syn2mas', ...args, '-c', masFile, '--synapse-config', synapseFile, '--synapse-database-uri', cluster.uri(synapse, 'reader')]);
      assert.equal((await run('check')).code, 11);
      assert.equal((await run('migrate', '--dry-run')).code, 0);
      const real = await run('migrate');
      assert.deepEqual([real.code, errorLine(real)], [1, 'Error: database error whilst locking Synapse table `users`']);
      assert.match(real.stderr, /permission denied for table users/);
    });

    test('two at once: the second gives up', async () => {
      const { run, mas } = await pair();
      const holder = new pg.Client({ connectionString: cluster.uri(mas) });
      await holder.connect();
      try {
        await holder.query('select pg_advisory_lock($1)', [advisoryKey('syn2mas-maswriter').toString()]);
        const outcome = await run('migrate');
        assert.equal(outcome.code, 1);
        assert.match(outcome.stderr, /ERROR .*Failed to acquire syn2mas lock on the database\./);
      } finally {
        await holder.end();
      }
    });

    test('one restore table without the other is an inconsistent database', async () => {
      const { run, mas } = await pair();
      await cluster.query(mas, 'create table syn2mas_restore_indices (x int)');
      const outcome = await run('check');
      assert.equal(outcome.code, 1);
      assert.equal(errorLine(outcome), 'Error: Unable to check if syn2mas is already in progress');
      assert.match(outcome.stderr, /inconsistent database: some, but not all, syn2mas resumption tables were found/);
    });

    test('the pepper file is not trimmed', async () => {
      const path = join(folder, 'pepper');
      writeFileSync(path, `${PEPPER}\n`);
      const { run } = await pair({ onlyCheck: true, mas: (data) => { data.passwords.schemes = [{ version: 1, algorithm: 'bcrypt', secret_file: path }]; } });
      assert.equal((await run('check')).code, 10);
    });
  });
}
