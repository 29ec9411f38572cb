import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { startCluster, stopAll, type Cluster } from './cluster.ts';
import { CLIENT_SECRET, CLIENTS, SECRET } from './configuration.ts';
import { programs } from './program.ts';
import { serve, until, type Answer, type Served } from './server.ts';

interface Thing { readonly type: string; readonly id: string; readonly attributes: Record<string, unknown>; readonly links: { readonly self: string }; readonly meta?: { readonly page: { readonly cursor: string } } }

const ROOT = '/api/admin/v1';
const ULID = /^[0-9A-HJKMNP-TV-Z]{26}$/;

for (const program of await programs()) {
  describe(`admin API and management of ${program.name}`, () => {
    let cluster: Cluster;
    let mas: Served;
    let token = '';
    before(async () => {
      cluster = await startCluster();
      mas = await serve(program, cluster, 'admin');
      const basic = `Basic ${Buffer.from(`${CLIENTS.admin}:${CLIENT_SECRET}`).toString('base64')}`;
      token = String((await mas.call('/oauth2/token', { form: { grant_type: 'client_credentials', scope: 'urn:mas:admin' }, headers: { authorization: basic } })).json['access_token']);
    });
    after(() => stopAll(mas, cluster));

    const get = (path: string, bearer = token): Promise<Answer> => mas.call(`${ROOT}/${path}`, { headers: { authorization: `Bearer ${bearer}` } });
    const post = (path: string, json?: unknown, bearer = token): Promise<Answer> => mas.call(`${ROOT}/${path}`, { method: 'POST', json, headers: { authorization: `Bearer ${bearer}` } });
    const thing = (answer: Answer): Thing => answer.json['data'] as Thing;
    const titles = (answer: Answer): [number, string[]] => [answer.status, (answer.json['errors'] as { title: string }[]).map(({ title }) => title)];
    const add = async (username: string): Promise<string> => {
      const answer = await post('users', { username });
      assert.equal(answer.status, 201, answer.text);
      return thing(answer).id;
    };
    const introspect = async (sent: unknown): Promise<Record<string, unknown>> =>
      (await mas.call('/oauth2/introspect', { form: { token: String(sent) }, headers: { authorization: `Bearer ${SECRET}`, 'x-mas-supports-device-id': '1' } })).json;

    test('only a token with the admin scope gets in', async () => {
      assert.deepEqual(titles(await mas.call(`${ROOT}/users`)), [400, ['Missing authorization header']]);
      assert.deepEqual(titles(await get('users', 'nonsense')), [401, ['Invalid type of access token', 'invalid token format']]);
      assert.deepEqual(titles(await get('users', SECRET)), [401, ['Invalid type of access token', 'invalid token format']]);
      const basic = `Basic ${Buffer.from(`${CLIENTS.admin}:${CLIENT_SECRET}`).toString('base64')}`;
      const plain = String((await mas.call('/oauth2/token', { form: { grant_type: 'client_credentials' }, headers: { authorization: basic } })).json['access_token']);
      assert.deepEqual(titles(await get('users', plain)), [401, ['Missing urn:mas:admin scope']]);
      assert.equal((await get('nonsense')).status, 404);
      assert.equal((await mas.call(`${ROOT}/users`, { method: 'OPTIONS', headers: { origin: 'https://panel.example.test', 'access-control-request-method': 'GET' } })).headers.get('access-control-allow-origin'), '*');
    });

    test('version and site configuration', async () => {
      assert.deepEqual((await get('version')).json, { version: 'v1.22.0' });
      assert.deepEqual((await get('site-config')).json, {
        server_name: 'example.test', password_login_enabled: true, password_registration_enabled: false, password_registration_email_required: false, password_registration_token_required: false,
        registration_token_required: false, email_change_allowed: true, displayname_change_allowed: true, password_change_allowed: true, account_recovery_allowed: false, account_deactivation_allowed: true,
        captcha_enabled: false, minimum_password_complexity: 3,
      });
    });

    test('a person is made in Synapse before the answer, and is found by id and by name', async () => {
      const answer = await post('users', { username: 'ada' });
      assert.equal(answer.status, 201);
      assert.equal(mas.synapse.users.has('ada'), true);
      const user = thing(answer);
      assert.match(user.id, ULID);
      const { created_at: created, ...attributes } = user.attributes;
      assert.equal(Number.isNaN(Date.parse(String(created))), false);
      assert.deepEqual(attributes, { username: 'ada', locked_at: null, deactivated_at: null, admin: false, legacy_guest: false });
      assert.deepEqual([user.type, user.links.self, answer.json['links']], ['user', `${ROOT}/users/${user.id}`, { self: `${ROOT}/users/${user.id}` }]);
      assert.equal(thing(await get(`users/${user.id}`)).id, user.id);
      const byName = await get('users/by-username/ada');
      assert.deepEqual([thing(byName).id, byName.json['links']], [user.id, { self: `${ROOT}/users/by-username/ada` }]);
      assert.deepEqual(titles(await post('users', { username: 'ada' })), [409, ['User already exists']]);
      assert.deepEqual(titles(await post('users', { username: 'Not Valid' })), [400, ['Username is not valid']]);
      mas.synapse.users.set('taken', { devices: new Set(), locked: false });
      assert.deepEqual(titles(await post('users', { username: 'taken' })), [409, ['Username is reserved by the homeserver']]);
      assert.equal((await post('users', { username: 'taken', skip_homeserver_check: true })).status, 201);
      assert.deepEqual(titles(await get('users/01HFVBY12TMNTYTBV8W921M5ZZ')), [404, ['User ID 01HFVBY12TMNTYTBV8W921M5ZZ not found']]);
      assert.deepEqual(titles(await get('users/by-username/nobody')), [404, ['User with username "nobody" not found']]);
      assert.equal((await get('users/nonsense')).status, 400);
    });

    test('a password set here works at login; a weak one is refused unless the check is skipped', async () => {
      const id = await add('bea');
      assert.deepEqual(titles(await post(`users/${id}/set-password`, { password: 'password' })), [400, ['Password is too weak']]);
      const set = await post(`users/${id}/set-password`, { password: 'password', skip_password_check: true });
      assert.deepEqual([set.status, set.text], [204, '']);
      assert.equal((await post(`users/${id}/set-password`, { password: 'a much longer and odder passphrase 41' })).status, 204);
      const login = (password: string): Promise<Answer> => mas.call('/_matrix/client/v3/login', { json: { type: 'm.login.password', identifier: { type: 'm.id.user', user: 'bea' }, password } });
      assert.equal((await login('password')).status, 403);
      assert.equal((await login('a much longer and odder passphrase 41')).status, 200);
      assert.equal((await post('users/01HFVBY12TMNTYTBV8W921M5ZZ/set-password', { password: 'x', skip_password_check: true })).status, 404);
    });

    test('a personal session gives a token with a device and any scope, until revoked', async () => {
      const id = await add('cyd');
      const scope = 'urn:matrix:client:api:* urn:matrix:client:device:PERSONALDEV urn:synapse:admin:*';
      const answer = await post('personal-sessions', { actor_user_id: id, human_name: 'Probe', scope, expires_in: 600 });
      assert.equal(answer.status, 201, answer.text);
      const { access_token: secret, created_at: _created, expires_at: expires, ...attributes } = thing(answer).attributes;
      assert.match(String(secret), /^mpt_[A-Za-z0-9]{30}_[A-Za-z0-9]{6}$/);
      assert.deepEqual(attributes, { revoked_at: null, owner_user_id: null, owner_client_id: CLIENTS.admin, actor_user_id: id, human_name: 'Probe', scope, last_active_at: null, last_active_ip: null });
      assert.ok(Math.abs(Date.parse(String(expires)) - Date.now() - 600_000) < 30_000);
      assert.equal(mas.synapse.users.get('cyd')?.devices.has('PERSONALDEV'), true);
      const live = await introspect(secret);
      assert.deepEqual([live['active'], live['username'], live['client_id'], String(live['scope']).includes('urn:synapse:admin:*')], [true, 'cyd', CLIENTS.admin, true]);
      const session = thing(answer).id;
      const again = await post(`personal-sessions/${session}/regenerate`, { expires_in: null });
      assert.equal(again.status, 201, again.text);
      assert.equal((await introspect(secret))['active'], false);
      assert.equal((await introspect(thing(again).attributes['access_token']))['active'], true);
      const revoked = await post(`personal-sessions/${session}/revoke`);
      assert.equal(revoked.status, 200);
      assert.notEqual(thing(revoked).attributes['revoked_at'], null);
      assert.deepEqual(titles(await post(`personal-sessions/${session}/revoke`)), [409, [`Personal session with ID ${session} is already revoked`]]);
      assert.equal((await introspect(thing(again).attributes['access_token']))['active'], false);
      await until('the device to be gone', () => Promise.resolve(mas.synapse.users.get('cyd')?.devices.has('PERSONALDEV') === false ? true : undefined));
      assert.deepEqual(titles(await post('personal-sessions', { actor_user_id: '01HFVBY12TMNTYTBV8W921M5ZZ', human_name: 'x', scope: 'openid' })), [404, ['User not found']]);
    });

    test('lock, unlock, admin and deactivation show at once and reach Synapse', async () => {
      const id = await add('dot');
      const locked = await post(`users/${id}/lock`);
      assert.deepEqual([locked.status, locked.json['links']], [200, { self: `${ROOT}/users/${id}/lock` }]);
      assert.notEqual(thing(locked).attributes['locked_at'], null);
      await until('the lock in Synapse', () => Promise.resolve(mas.synapse.users.get('dot')?.locked === true ? true : undefined));
      assert.equal(thing(await post(`users/${id}/unlock`)).attributes['locked_at'], null);
      assert.equal(thing(await post(`users/${id}/set-admin`, { admin: true })).attributes['admin'], true);
      const gone = await post(`users/${id}/deactivate`, { skip_erase: true });
      assert.notEqual(thing(gone).attributes['deactivated_at'], null);
      const call = await until('the deactivation in Synapse', () => Promise.resolve(mas.synapse.calls.find((made) => made.path === 'delete_user' && made.body['localpart'] === 'dot')));
      assert.equal(call.body['erase'], false);
      assert.equal(thing(await post(`users/${id}/reactivate`)).attributes['deactivated_at'], null);
    });

    test('lists are counted, cut into pages, and filtered', async () => {
      await Promise.all(['list1', 'list2', 'list3'].map(add));
      const list = async (query: string): Promise<{ names: unknown[]; links: Record<string, string>; meta: unknown; data: Thing[] }> => {
        const { json } = await get(`users?filter[search]=list&${query}`);
        const data = (json['data'] as Thing[] | undefined) ?? [];
        return { names: data.map((entry) => entry.attributes['username']), links: json['links'] as Record<string, string>, meta: json['meta'], data };
      };
      const all = await list('');
      assert.deepEqual([all.names.toSorted(), all.meta, Object.keys(all.links).toSorted()], [['list1', 'list2', 'list3'], { count: 3 }, ['first', 'last', 'self']]);
      assert.equal(all.data[0]?.meta?.page.cursor, all.data[0]?.id);
      const first = await list('page[first]=2&count=false');
      assert.deepEqual([first.names.length, first.meta, Object.keys(first.links).toSorted()], [2, undefined, ['first', 'last', 'next', 'self']]);
      assert.equal(first.links['next'], `${ROOT}/users?filter[search]=list&count=false&page[after]=${String(first.data[1]?.id)}&page[first]=2`);
      assert.deepEqual((await list(`page[first]=2&page[after]=${String(first.data[1]?.id)}`)).names, [all.names[2]]);
      assert.deepEqual((await list('page[last]=1')).names, [all.names[2]]);
      assert.deepEqual((await get('users?filter[search]=list&count=only')).json, { meta: { count: 3 }, links: { self: `${ROOT}/users?filter[search]=list&count=only` } });
      assert.equal((await get('users?page[first]=1&page[last]=1')).status, 400);
    });

    test('clients and sessions are shown and sessions can be ended', async () => {
      const clients = (await get('oauth2-clients?filter[client-kind]=static&page[first]=50')).json['data'] as Thing[];
      assert.deepEqual(clients.map((client) => client.id).toSorted(), Object.values(CLIENTS).toSorted());
      assert.deepEqual(clients.find((client) => client.id === CLIENTS.web)?.attributes, {
        client_id: CLIENTS.web, client_name: 'Web', client_uri: 'https://chat.example.test/', logo_uri: null, redirect_uris: ['https://chat.example.test/?no_universal_links=true'],
        grant_types: ['authorization_code', 'refresh_token', 'client_credentials', 'urn:ietf:params:oauth:grant-type:device_code'], is_static: true,
      });
      assert.equal(thing(await get(`oauth2-clients/${CLIENTS.admin}`)).attributes['is_static'], true);
      const id = await add('eve');
      assert.equal((await post(`users/${id}/set-password`, { password: 'eve-password', skip_password_check: true })).status, 204);
      const login = (await mas.call('/_matrix/client/v3/login', { json: { type: 'm.login.password', identifier: { type: 'm.id.user', user: 'eve' }, password: 'eve-password', device_id: 'EVEDEVICE1' } })).json;
      const sessions = (await get(`compat-sessions?filter[user]=${id}&filter[status]=active`)).json['data'] as Thing[];
      assert.equal(sessions.length, 1);
      const session = sessions[0];
      assert.deepEqual(Object.keys(session?.attributes ?? {}).toSorted(), ['created_at', 'device_id', 'finished_at', 'human_name', 'last_active_at', 'last_active_ip', 'redirect_uri', 'user_agent', 'user_id', 'user_session_id']);
      assert.equal(session?.attributes['device_id'], 'EVEDEVICE1');
      const ended = await post(`compat-sessions/${session.id}/finish`);
      assert.notEqual(thing(ended).attributes['finished_at'], null);
      assert.equal((await introspect(login['access_token']))['active'], false);
      assert.deepEqual(titles(await post(`compat-sessions/${session.id}/finish`)), [400, [`Compatibility session with ID ${session.id} is already finished`]]);
      const oauth = (await get(`oauth2-sessions?filter[client]=${CLIENTS.admin}&filter[status]=active`)).json['data'] as Thing[];
      assert.deepEqual(Object.keys(oauth[0]?.attributes ?? {}).toSorted(), ['client_id', 'created_at', 'finished_at', 'human_name', 'last_active_at', 'last_active_ip', 'scope', 'user_agent', 'user_id', 'user_session_id']);
      assert.equal(oauth.some((entry) => entry.attributes['scope'] === 'urn:mas:admin'), true);
    });

    test('manage: register, promote, tokens, sessions, and what is not there', async () => {
      const manage = (...args: string[]) => mas.run(['manage', ...args]);
      const registered = await manage('register-user', '--yes', '-p', 'an odd passphrase of 37 letters', '-e', 'fay@example.test', '-d', 'Fay', 'fay');
      assert.equal(registered.code, 0, registered.stderr);
      assert.match(registered.stderr, /User registered/);
      const provisioned = await until('fay in Synapse', () => Promise.resolve(mas.synapse.calls.find((call) => call.path === 'provision_user' && call.body['localpart'] === 'fay')));
      assert.deepEqual(provisioned.body, { localpart: 'fay', set_displayname: 'Fay', set_emails: ['fay@example.test'], locked: false });
      const twice = await manage('register-user', '--yes', 'fay');
      assert.deepEqual([twice.code, twice.stderr.split('\n').find((line) => line.startsWith('Error: '))], [1, 'Error: User already exists']);
      const weak = await manage('register-user', '--yes', '-p', 'password', 'gil');
      assert.equal(weak.code, 1);
      assert.match(weak.stderr, /That password is too weak\./);
      assert.equal((await manage('set-password', 'fay', 'password')).code, 1);
      assert.equal((await manage('set-password', 'fay', 'password', '--ignore-complexity')).code, 0);
      assert.equal((await manage('promote-admin', 'fay')).code, 0);
      const admins = await manage('list-admin-users');
      assert.match(admins.stderr, /The following users can request admin privileges \(\d+ total\):/);
      assert.match(admins.stderr, /username=fay/);
      const issued = await manage('issue-compatibility-token', 'fay', 'CLIDEVICE1', '--yes-i-want-to-grant-synapse-admin-privileges');
      assert.equal(issued.code, 0, issued.stderr);
      const secret = /Compatibility token issued: (mct_[A-Za-z0-9]{30}_[A-Za-z0-9]{6})/.exec(issued.stderr)?.[1];
      const live = await introspect(secret);
      assert.deepEqual([live['active'], live['device_id'], live['scope']], [true, 'CLIDEVICE1', 'urn:matrix:client:api:* urn:matrix:org.matrix.msc2967.client:api:* urn:synapse:admin:*']);
      assert.match((await manage('kill-sessions', '--dry-run', 'fay')).stderr, /Ended 1 active compatibility session/);
      assert.equal((await introspect(secret))['active'], true);
      assert.equal((await manage('kill-sessions', 'fay')).code, 0);
      assert.equal((await introspect(secret))['active'], false);
      const nobody = await manage('promote-admin', 'nobody');
      assert.deepEqual([nobody.code, nobody.stderr.split('\n').find((line) => line.startsWith('Error: '))], [1, 'Error: User not found']);
    });
  });
}
