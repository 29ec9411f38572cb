import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { startCluster, stopAll, type Cluster } from './cluster.ts';
import { CLIENT_SECRET, CLIENTS, PEPPER, SECRET } from './configuration.ts';
import { programs } from './program.ts';
import { register, serve, until, type Served } from './server.ts';
import { synapseHash } from './synapse-database.ts';

for (const program of await programs()) {
  describe(`discovery and Matrix endpoints of ${program.name}`, () => {
    let cluster: Cluster;
    let mas: Served;
    before(async () => {
      cluster = await startCluster();
      mas = await serve(program, cluster, 'compat');
      await Promise.all(['alice', 'bob', 'locked', 'gone', 'out'].map((name) => register(mas, name, `${name}-password`)));
    });
    after(() => stopAll(mas, cluster));

    const login = (user: string, password = `${user}-password`, extra: object = {}) =>
      mas.call('/_matrix/client/v3/login', { json: { type: 'm.login.password', identifier: { type: 'm.id.user', user }, password, ...extra } });
    const introspect = (token: string, headers: Record<string, string> = {}) =>
      mas.call('/oauth2/introspect', { form: { token }, headers: { authorization: `Bearer ${SECRET}`, 'x-mas-supports-device-id': '1', ...headers } });

    test('health is the word ok, and only where the resource is mounted', async () => {
      assert.equal(await (await fetch(mas.health)).text(), 'ok');
      assert.equal((await mas.call('/health')).status, 404);
    });

    test('discovery advertises the issuer with a slash and everything below the public base', async () => {
      const { status, headers, json } = await mas.call('/.well-known/openid-configuration');
      assert.equal(status, 200);
      assert.equal(headers.get('access-control-allow-origin'), '*');
      const at = (path: string): string => `${mas.base}/${path}`;
      const methods = ['client_secret_basic', 'client_secret_post', 'client_secret_jwt', 'private_key_jwt', 'none'];
      const algorithms = ['HS256', 'HS384', 'HS512', 'RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES256K'];
      // mas-cli lists them in the order of a hash table, another one after each start.
      const signing = ['ES256', 'PS256', 'PS384', 'PS512', 'RS256', 'RS384', 'RS512'];
      const sorted = (name: string): unknown[] => (json[name] as string[]).toSorted();
      const document = { ...json, id_token_signing_alg_values_supported: sorted('id_token_signing_alg_values_supported'), userinfo_signing_alg_values_supported: sorted('userinfo_signing_alg_values_supported') };
      assert.deepEqual(document, {
        issuer: at(''), authorization_endpoint: at('authorize'), token_endpoint: at('oauth2/token'), jwks_uri: at('oauth2/keys.json'), registration_endpoint: at('oauth2/registration'),
        scopes_supported: ['openid', 'email'], response_types_supported: ['code', 'id_token', 'code id_token'], response_modes_supported: ['form_post', 'query', 'fragment'],
        grant_types_supported: ['authorization_code', 'refresh_token', 'client_credentials', 'urn:ietf:params:oauth:grant-type:device_code'],
        token_endpoint_auth_methods_supported: methods, token_endpoint_auth_signing_alg_values_supported: algorithms,
        revocation_endpoint: at('oauth2/revoke'), revocation_endpoint_auth_methods_supported: methods, revocation_endpoint_auth_signing_alg_values_supported: algorithms,
        introspection_endpoint: at('oauth2/introspect'), introspection_endpoint_auth_methods_supported: methods, introspection_endpoint_auth_signing_alg_values_supported: algorithms,
        code_challenge_methods_supported: ['plain', 'S256'], userinfo_endpoint: at('oauth2/userinfo'), subject_types_supported: ['public'],
        id_token_signing_alg_values_supported: signing, userinfo_signing_alg_values_supported: signing,
        display_values_supported: ['page'], claim_types_supported: ['normal'], claims_supported: ['iss', 'sub', 'aud', 'iat', 'exp', 'nonce', 'auth_time', 'at_hash', 'c_hash'],
        claims_parameter_supported: false, request_parameter_supported: false, request_uri_parameter_supported: false, prompt_values_supported: ['login'],
        device_authorization_endpoint: at('oauth2/device'), 'org.matrix.matrix-authentication-service.graphql_endpoint': at('graphql'), account_management_uri: at('account/'),
        account_management_actions_supported: ['org.matrix.profile', 'org.matrix.devices_list', 'org.matrix.device_view', 'org.matrix.device_delete', 'org.matrix.cross_signing_reset',
          'org.matrix.sessions_list', 'org.matrix.session_view', 'org.matrix.session_end'],
      });
      assert.equal((await mas.call('/.well-known/oauth-authorization-server')).status, 404);
      const keys = (await mas.call('/oauth2/keys.json')).json['keys'] as { kid: string; kty: string; d?: string }[];
      assert.deepEqual(keys.map(({ kid, kty, d }) => ({ kid, kty, d })), [{ kid: 'rsa', kty: 'RSA', d: undefined }, { kid: 'ec', kty: 'EC', d: undefined }]);
    });

    test('browsers may ask from anywhere', async () => {
      for (const path of ['/.well-known/openid-configuration', '/oauth2/token', '/_matrix/client/v3/login']) {
        const { status, headers } = await mas.call(path, { method: 'OPTIONS', headers: { origin: 'https://chat.example.test', 'access-control-request-method': 'POST', 'access-control-request-headers': 'content-type' } });
        assert.equal(status, 200, path);
        assert.equal(headers.get('access-control-allow-origin'), '*', path);
        assert.match(headers.get('access-control-allow-headers') ?? '', /content-type/, path);
      }
    });

    test('login flows name password, SSO that prefers OAuth, and token, under every version', async () => {
      for (const version of ['v3', 'r0', 'api%2Fv1', 'unstable']) {
        const { status, json } = await mas.call(`/_matrix/client/${version}/login`);
        assert.equal(status, 200);
        assert.deepEqual(json, { flows: [{ type: 'm.login.password' }, { type: 'm.login.sso', oauth_aware_preferred: true, 'org.matrix.msc3824.delegated_oidc_compatibility': true }, { type: 'm.login.token' }] });
      }
      assert.equal((await mas.call('/_matrix/client/v3/login', { method: 'PUT', body: '{}' })).status, 405);
    });

    test('a password login makes the device in Synapse and a token that does not expire', async () => {
      const { status, json } = await login('alice', undefined, { device_id: 'ALICEDEV', initial_device_display_name: 'Contract' });
      assert.equal(status, 200);
      assert.deepEqual({ ...json, access_token: '' }, { access_token: '', device_id: 'ALICEDEV', user_id: '@alice:example.test' });
      assert.match(String(json['access_token']), /^mct_[A-Za-z0-9]{30}_[A-Za-z0-9]{6}$/);
      assert.deepEqual(mas.synapse.calls.findLast((call) => call.path === 'upsert_device')?.body, { localpart: 'alice', device_id: 'ALICEDEV', display_name: 'Contract' });
      const answer = await introspect(String(json['access_token']));
      assert.equal(answer.status, 200);
      const { iat, nbf, sub, ...rest } = answer.json;
      assert.deepEqual(rest, { active: true, scope: 'urn:matrix:client:api:* urn:matrix:org.matrix.msc2967.client:api:*', client_id: 'legacy', username: 'alice', token_type: 'access_token', device_id: 'ALICEDEV' });
      assert.equal(iat, nbf);
      assert.match(String(sub), /^[0-9A-HJKMNP-TV-Z]{26}$/);
      // An older Synapse gets the device as scopes; the field stays.
      const old = await introspect(String(json['access_token']), { 'x-mas-supports-device-id': '0' });
      assert.equal(old.json['scope'], 'urn:matrix:client:api:* urn:matrix:client:device:ALICEDEV urn:matrix:org.matrix.msc2967.client:api:* urn:matrix:org.matrix.msc2967.client:device:ALICEDEV');
    });

    test('users are named by localpart, full id, old field and any letter case', async () => {
      for (const name of ['bob', '@bob:example.test', 'BOB']) assert.equal((await login(name, 'bob-password')).status, 200, name);
      assert.equal((await login('@bob:other.test', 'bob-password')).status, 403);
      assert.equal((await mas.call('/_matrix/client/v3/login', { json: { type: 'm.login.password', user: 'bob', password: 'bob-password' } })).status, 200);
      const generated = (await login('bob')).json['device_id'];
      assert.match(String(generated), /^[A-Za-z0-9]{10}$/);
    });

    test('what a login cannot be is said in Matrix errors', async () => {
      const post = (json: unknown) => mas.call('/_matrix/client/v3/login', { json });
      const cases: [Promise<{ status: number; json: Record<string, unknown> }>, number, string, string][] = [
        [login('bob', 'wrong'), 403, 'M_FORBIDDEN', 'Invalid username/password'],
        [login('nobody', 'x'), 403, 'M_FORBIDDEN', 'Invalid username/password'],
        [post({ type: 'm.login.application_service' }), 400, 'M_UNKNOWN', 'Invalid login type'],
        [post({ type: 'm.login.password', identifier: { type: 'm.id.thirdparty', medium: 'email', address: 'x' }, password: 'x' }), 400, 'M_UNKNOWN', 'Unsupported login identifier'],
        [post({ type: 'm.login.password', password: 'x' }), 400, 'M_BAD_JSON', "Missing property 'identifier"],
        [post({}), 400, 'M_BAD_JSON', 'JSON fields are not valid'],
        [post({ type: 'm.login.token', token: 'nonsense' }), 403, 'M_FORBIDDEN', 'Invalid login token'],
        [mas.call('/_matrix/client/v3/login', { method: 'POST', body: '{', headers: { 'content-type': 'application/json' } }), 400, 'M_NOT_JSON', 'Body is not a valid JSON document'],
        [mas.call('/_matrix/client/v3/login', { method: 'POST', body: '{}', headers: { 'content-type': 'text/plain' } }), 400, 'M_NOT_JSON', 'Invalid Content-Type header: expected application/json'],
      ];
      for (const [sent, status, errcode, error] of cases) {
        const answer = await sent;
        assert.deepEqual([answer.status, answer.json], [status, { errcode, error }]);
      }
    });

    test('locked people are told so, deactivated ones are not', async () => {
      assert.equal((await mas.run(['manage', 'lock-user', 'locked'])).code, 0);
      assert.equal((await mas.run(['manage', 'lock-user', 'gone', '--deactivate'])).code, 0);
      const locked = await login('locked');
      assert.deepEqual([locked.status, locked.json['errcode']], [401, 'M_USER_LOCKED']);
      await until('the deactivation', async () => ((await login('gone')).status === 403 ? true : undefined));
      assert.equal((await mas.run(['manage', 'unlock-user', 'locked'])).code, 0);
      assert.equal((await login('locked')).status, 200);
    });

    test('a refreshable login expires, is refreshed once, and the old tokens die', async () => {
      const first = (await login('bob', undefined, { refresh_token: true })).json;
      assert.deepEqual(Object.keys(first).toSorted(), ['access_token', 'device_id', 'expires_in_ms', 'refresh_token', 'user_id']);
      assert.equal(first['expires_in_ms'], 300_000);
      const refresh = (token: unknown) => mas.call('/_matrix/client/v3/refresh', { json: { refresh_token: token } });
      const second = await refresh(first['refresh_token']);
      assert.equal(second.status, 200);
      assert.deepEqual(Object.keys(second.json).toSorted(), ['access_token', 'expires_in_ms', 'refresh_token']);
      assert.match(String(second.json['refresh_token']), /^mcr_/);
      const again = await refresh(first['refresh_token']);
      assert.deepEqual([again.status, again.json['errcode']], [401, 'M_UNKNOWN_TOKEN']);
      assert.equal((await introspect(String(first['access_token']))).json['active'], false);
      const live = (await introspect(String(second.json['access_token']))).json;
      assert.deepEqual([live['active'], Number(live['exp']) > Date.now() / 1000, Number(live['expires_in']) <= 300], [true, true, true]);
      assert.equal((await introspect(String(second.json['refresh_token']))).json['token_type'], 'refresh_token');
      assert.equal((await refresh('nonsense')).status, 401);
      assert.equal((await mas.call('/_matrix/client/v3/refresh', { json: {} })).status, 422);
    });

    test('logging in on the same device ends the session before', async () => {
      const first = (await login('bob', undefined, { device_id: 'SAMEDEVICE' })).json;
      const second = (await login('bob', undefined, { device_id: 'SAMEDEVICE' })).json;
      assert.equal((await introspect(String(first['access_token']))).json['active'], false);
      assert.equal((await introspect(String(second['access_token']))).json['active'], true);
    });

    test('logout ends the session and takes the device out of Synapse', async () => {
      const { access_token: token } = (await login('out', undefined, { device_id: 'OUTDEVICE1' })).json;
      assert.equal(mas.synapse.users.get('out')?.devices.has('OUTDEVICE1'), true);
      const logout = (header?: string) => mas.call('/_matrix/client/v3/logout', { method: 'POST', headers: header === undefined ? {} : { authorization: header } });
      const missing = await logout();
      assert.deepEqual([missing.status, missing.json['errcode']], [401, 'M_MISSING_TOKEN']);
      const done = await logout(`Bearer ${String(token)}`);
      assert.deepEqual([done.status, done.json], [200, {}]);
      const again = await logout(`Bearer ${String(token)}`);
      assert.deepEqual([again.status, again.json['errcode']], [401, 'M_UNKNOWN_TOKEN']);
      assert.equal((await introspect(String(token))).json['active'], false);
      await until('the device to be gone', () => Promise.resolve(mas.synapse.users.get('out')?.devices.has('OUTDEVICE1') === false ? true : undefined));
    });

    test('logout/all is refused unless the caller accepts its limits', async () => {
      const { access_token: token } = (await login('out')).json;
      const all = (json: unknown) => mas.call('/_matrix/client/v3/logout/all', { json, headers: { authorization: `Bearer ${String(token)}` } });
      const refused = await all({});
      assert.deepEqual([refused.status, refused.json['errcode']], [404, 'M_UNRECOGNIZED']);
      assert.deepEqual((await all({ 'io.element.only_compat_is_fine': true })).status, 200);
      assert.equal((await introspect(String(token))).json['active'], false);
    });

    test('when Synapse cannot make the device, the login fails and leaves no session', async () => {
      mas.synapse.failing = true;
      try {
        const { status, json } = await login('bob', undefined, { device_id: 'NEVERMADE1' });
        assert.deepEqual([status, json], [500, { errcode: 'M_UNKNOWN', error: 'Internal server error' }]);
      } finally {
        mas.synapse.failing = false;
      }
      const rows = await mas.query<{ finished: boolean }>("select finished_at is not null as finished from compat_sessions where device_id = 'NEVERMADE1'");
      assert.deepEqual(rows, [{ finished: true }]);
    });

    test('who may introspect, and what is inactive', async () => {
      const { access_token: token } = (await login('alice')).json;
      const ask = (headers: Record<string, string>, form: Record<string, string> = { token: String(token) }) => mas.call('/oauth2/introspect', { form, headers });
      const basic = (id: string, secret: string): Record<string, string> => ({ authorization: `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}` });
      const cases: [Promise<{ status: number; json: Record<string, unknown> }>, number, object][] = [
        [ask({ authorization: 'Bearer wrong' }), 401, { error: 'access_denied', error_description: 'bearer token presented is invalid' }],
        [ask(basic(CLIENTS.admin, 'wrong')), 401, { error: 'invalid_client', error_description: 'client secret did not match' }],
        [ask({}, { token: String(token), client_id: CLIENTS.web }), 401, { error: 'access_denied', error_description: 'The resource owner or authorization server denied the request.' }],
        [ask({ authorization: `Bearer ${SECRET}` }, { token: 'nonsense' }), 200, { active: false }],
        [ask({ authorization: `Bearer ${SECRET}` }, { token: 'syt_unknown_token' }), 200, { active: false }],
        [ask({ authorization: `Bearer ${SECRET}` }, { token: String(token), token_type_hint: 'refresh_token' }), 200, { active: false }],
      ];
      for (const [sent, status, body] of cases) {
        const answer = await sent;
        assert.deepEqual([answer.status, answer.json], [status, body]);
      }
      assert.equal((await ask(basic(CLIENTS.admin, CLIENT_SECRET))).json['active'], true);
      const none = await ask({});
      assert.deepEqual([none.status, none.json], [400, { error: 'invalid_request', error_description: 'No credentials were presented' }]);
    });

    test('tokens and hashes brought from Synapse work', async () => {
      const [alice] = await mas.query<{ user_id: string }>("select user_id from users where username = 'alice'");
      await mas.query(`insert into compat_sessions (compat_session_id, user_id, device_id, created_at, is_synapse_admin) values ('01890000-0000-7000-8000-000000000001', $1, 'OLDDEVICE1', now(), true)`, [alice?.user_id]);
      for (const [index, token] of ['syt_YWxpY2U_old', 'MDAxY2xvY2F0aW9uIGh0dHA6Ly9teWJhbmsvCg', 'not-known-as-a-token'].entries()) {
        await mas.query(`insert into compat_access_tokens (compat_access_token_id, compat_session_id, access_token, created_at) values ('01890000-0000-7000-8000-00000000001${String(index)}', '01890000-0000-7000-8000-000000000001', $1, now())`, [token]);
        const answer = (await introspect(token)).json;
        assert.equal(answer['active'], index < 2, token);
        if (index < 2) assert.deepEqual([answer['device_id'], answer['scope']], ['OLDDEVICE1', 'urn:matrix:client:api:* urn:matrix:org.matrix.msc2967.client:api:* urn:synapse:admin:*']);
      }
      for (const [index, password] of ['Ünïcødé ﬁsh', 'x'.repeat(90)].entries()) {
        await mas.query(`insert into user_passwords (user_password_id, user_id, hashed_password, version, created_at) values ('01890000-0000-7000-8000-00000000002${String(index)}', $1, $2, 1, now())`, [alice?.user_id, synapseHash(password)]);
        assert.equal((await login('alice', password)).status, 200, password);
      }
      assert.equal((await login('alice', 'x'.repeat(72))).status, 200, `bcrypt reads 72 bytes, so the pepper ${PEPPER} did not matter`);
    });
  });

  describe(`login limit of ${program.name}`, () => {
    let cluster: Cluster;
    let mas: Served;
    before(async () => {
      cluster = await startCluster();
      mas = await serve(program, cluster, 'limits', (data) => {
        data.rate_limiting = {};
        data.passwords.schemes.push({ version: 2, algorithm: 'argon2id' });
      });
      await register(mas, 'alice', 'alice-password');
    });
    after(() => stopAll(mas, cluster));
    const login = (password: string, from?: string) => mas.call('/_matrix/client/v3/login', {
      json: { type: 'm.login.password', identifier: { type: 'm.id.user', user: 'alice' }, password }, headers: from === undefined ? {} : { 'x-forwarded-for': from },
    });

    test('the fourth quick password from one address is refused, right or wrong, and addresses come from a trusted proxy', async () => {
      assert.deepEqual([(await login('wrong')).status, (await login('alice-password')).status, (await login('wrong')).status], [403, 200, 403]);
      const limited = await login('alice-password');
      assert.deepEqual([limited.status, limited.json], [429, { errcode: 'M_LIMIT_EXCEEDED', error: 'Too many login attempts' }]);
      assert.equal((await login('alice-password', '203.0.113.7')).status, 200);
      // The list is split without trimming: what stands after ", " does not count, so the client-sent first element wins.
      for (const status of [200, 200, 200, 429]) assert.equal((await login('alice-password', '203.0.113.8, 198.51.100.1')).status, status);
      assert.equal((await login('alice-password', '198.51.100.1')).status, 200);
    });

    test('the newest scheme hashes, and an older hash is renewed at login while the old row stays', async () => {
      const versions = async (): Promise<unknown[]> => (await mas.query<{ version: number }>('select version from user_passwords order by created_at')).map((row) => row.version);
      assert.deepEqual(await versions(), [2]);
      const [alice] = await mas.query<{ user_id: string }>('select user_id from users');
      await mas.query(`insert into user_passwords (user_password_id, user_id, hashed_password, version, created_at) values ('01890000-0000-7000-8000-000000000030', $1, $2, 1, now())`, [alice?.user_id, synapseHash('from-synapse')]);
      assert.equal((await login('from-synapse', '203.0.113.20')).status, 200);
      assert.deepEqual(await versions(), [2, 1, 2]);
      assert.match((await mas.query<{ hash: string }>('select hashed_password as hash from user_passwords order by created_at desc limit 1'))[0]?.hash ?? '', /^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
      assert.equal((await login('from-synapse', '203.0.113.21')).status, 200);
    });
  });
}
