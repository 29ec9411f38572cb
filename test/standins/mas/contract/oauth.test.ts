import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { createRemoteJWKSet, jwtVerify } from 'jose';
import { Browser } from './browser.ts';
import { startCluster, stopAll, type Cluster } from './cluster.ts';
import { CLIENT_SECRET, CLIENTS, SECRET } from './configuration.ts';
import { programs } from './program.ts';
import { register, serve, until, type Answer, type Served } from './server.ts';

const API = 'urn:matrix:client:api:*';
const DEVICE = 'urn:matrix:client:device:';
const BASIC = { authorization: `Basic ${Buffer.from(`${CLIENTS.admin}:${CLIENT_SECRET}`).toString('base64')}` };

function pkce(): { verifier: string; parameters: Record<string, string> } {
  const verifier = randomBytes(32).toString('base64url');
  return { verifier, parameters: { code_challenge: createHash('sha256').update(verifier).digest('base64url'), code_challenge_method: 'S256' } };
}

function authorizeUrl(parameters: Readonly<Record<string, string>>): string {
  return `/authorize?${new URLSearchParams({ response_type: 'code', state: 'the state', ...parameters }).toString()}`;
}

for (const program of await programs()) {
  describe(`OAuth of ${program.name}`, () => {
    let cluster: Cluster;
    let mas: Served;
    before(async () => {
      cluster = await startCluster();
      mas = await serve(program, cluster, 'oauth');
      await Promise.all(['alice', 'bob', 'admin', 'locked'].map((name) => register(mas, name, `${name}-password`)));
    });
    after(() => stopAll(mas, cluster));

    const token = (form: Record<string, string>, headers: Record<string, string> = {}): Promise<Answer> => mas.call('/oauth2/token', { form, headers });
    const web = { client_id: CLIENTS.web, redirect_uri: 'https://chat.example.test/?no_universal_links=true' };
    const introspect = async (sent: unknown): Promise<Record<string, unknown>> =>
      (await mas.call('/oauth2/introspect', { form: { token: String(sent) }, headers: { authorization: `Bearer ${SECRET}`, 'x-mas-supports-device-id': '1' } })).json;
    /** A code for the web client by way of the forms, and the verifier that goes with it. */
    const codeFor = async (scope: string, username = 'alice', browser = new Browser(mas)): Promise<{ code: string; verifier: string }> => {
      const { verifier, parameters } = pkce();
      const callback = await browser.authorize(authorizeUrl({ ...web, scope, ...parameters }), username, `${username}-password`);
      return { code: callback.searchParams.get('code') ?? '', verifier };
    };
    const exchange = (code: string, verifier: string): Promise<Answer> => token({ grant_type: 'authorization_code', code, code_verifier: verifier, redirect_uri: web.redirect_uri, client_id: CLIENTS.web });
    const oauthError = (answer: Answer, status: number, error: string): void => {
      assert.deepEqual([answer.status, answer.json['error']], [status, error], answer.text);
    };

    test('a person passes login and consent by forms alone, step by step', async () => {
      const browser = new Browser(mas);
      const { parameters } = pkce();
      const start = await browser.go(authorizeUrl({ ...web, scope: `${API} ${DEVICE}STEPBYSTEP`, ...parameters }));
      assert.equal(start.status, 303);
      assert.match(start.location ?? '', /^\/login\?kind=continue_authorization_grant&id=[0-9A-Z]{26}$/);
      const login = await browser.go(start.location ?? '');
      assert.equal(login.status, 200);
      assert.match(login.headers.get('content-type') ?? '', /^text\/html/);
      assert.equal(login.headers.get('x-frame-options'), 'DENY');
      assert.match(login.html, /name="username"/);
      assert.match(login.html, /name="password"/);
      assert.ok(login.csrf !== undefined && browser.cookies.has('csrf'));
      const attributes = (login.headers.getSetCookie().find((cookie) => cookie.startsWith('csrf=')) ?? '').split('; ').slice(1).toSorted();
      assert.deepEqual(attributes, ['HttpOnly', 'Path=/', 'SameSite=Lax']);
      const wrong = await browser.go(start.location ?? '', { csrf: login.csrf, username: 'alice', password: 'wrong' });
      assert.equal(wrong.status, 200);
      assert.equal((await browser.go(start.location ?? '', { csrf: 'bm90IHRoZSB0b2tlbg', username: 'alice', password: 'alice-password' })).status >= 400, true);
      const right = await browser.go(start.location ?? '', { csrf: login.csrf, username: 'alice', password: 'alice-password' });
      assert.equal(right.status, 303);
      assert.match(right.location ?? '', /^\/consent\/[0-9A-Z]{26}$/);
      assert.ok(browser.cookies.has('session'));
      const consent = await browser.go(right.location ?? '');
      assert.equal(consent.status, 200);
      const done = await browser.go(right.location ?? '', { csrf: consent.csrf ?? '' });
      assert.equal(done.status, 303);
      const callback = new URL(done.location ?? '');
      assert.equal(callback.origin, 'https://chat.example.test');
      assert.deepEqual([...callback.searchParams.keys()], ['no_universal_links', 'state', 'code']);
      assert.equal(callback.searchParams.get('state'), 'the state');
      assert.match(callback.searchParams.get('code') ?? '', /^[A-Za-z0-9]{32}$/);
      assert.ok((done.location ?? '').endsWith('#'));
      // The grant is spent; another one skips the login and still asks.
      assert.equal((await browser.go(right.location ?? '')).status, 409);
      assert.equal((await browser.go(right.location ?? '', { csrf: consent.csrf ?? '' })).status, 409);
      assert.match((await browser.go(authorizeUrl({ ...web, scope: API, ...pkce().parameters }))).location ?? '', /^\/consent\//);
    });

    test('a code gives tokens once, with the device made in Synapse', async () => {
      const { code, verifier } = await codeFor(`openid ${API} ${DEVICE}CODEDEVICE`);
      const first = await exchange(code, verifier);
      assert.equal(first.status, 200, first.text);
      assert.equal(first.headers.get('cache-control'), 'no-store');
      assert.deepEqual(Object.keys(first.json).toSorted(), ['access_token', 'expires_in', 'id_token', 'refresh_token', 'scope', 'token_type']);
      assert.deepEqual([first.json['token_type'], first.json['expires_in'], first.json['scope']], ['Bearer', 300, `openid ${API} ${DEVICE}CODEDEVICE`]);
      assert.match(String(first.json['access_token']), /^mat_[A-Za-z0-9]{30}_[A-Za-z0-9]{6}$/);
      assert.match(String(first.json['refresh_token']), /^mar_/);
      assert.equal(mas.synapse.users.get('alice')?.devices.has('CODEDEVICE'), true);
      assert.match(String(mas.synapse.calls.findLast((call) => call.path === 'upsert_device')?.body['display_name']), /^Web/);
      const { payload, protectedHeader } = await jwtVerify(String(first.json['id_token']), createRemoteJWKSet(new URL('/oauth2/keys.json', mas.base)), { issuer: `${mas.base}/`, audience: CLIENTS.web });
      assert.deepEqual([protectedHeader.alg, protectedHeader.kid], ['RS256', 'rsa']);
      assert.deepEqual(Object.keys(payload).toSorted(), ['at_hash', 'aud', 'auth_time', 'c_hash', 'exp', 'iat', 'iss', 'sub']);
      assert.equal(payload['at_hash'], createHash('sha256').update(String(first.json['access_token'])).digest().subarray(0, 16).toString('base64url'));
      const live = await introspect(first.json['access_token']);
      assert.equal(live['scope'], `openid ${API} ${DEVICE}CODEDEVICE urn:matrix:org.matrix.msc2967.client:api:* urn:matrix:org.matrix.msc2967.client:device:CODEDEVICE`);
      assert.deepEqual([live['active'], live['username'], live['client_id'], live['sub'], live['device_id'] ?? null], [true, 'alice', CLIENTS.web, payload.sub, null]);
      const info = await mas.call('/oauth2/userinfo', { headers: { authorization: `Bearer ${String(first.json['access_token'])}` } });
      assert.deepEqual([info.status, info.json], [200, { sub: payload.sub, username: 'alice' }]);
      oauthError(await exchange(code, verifier), 400, 'invalid_grant');
      // So soon after the first exchange the session lives on.
      assert.equal((await introspect(first.json['access_token']))['active'], true);
    });

    test('a proof key is asked for exactly when one was promised, and must fit', async () => {
      const { code, verifier } = await codeFor(API);
      const form = { grant_type: 'authorization_code', code, redirect_uri: web.redirect_uri, client_id: CLIENTS.web };
      oauthError(await token(form), 400, 'invalid_request');
      const wrong = await token({ ...form, code_verifier: randomBytes(32).toString('base64url') });
      assert.deepEqual([wrong.status, wrong.json], [400, { error: 'invalid_grant', error_description: 'PKCE verification failed: challenge verification failed' }]);
      assert.equal((await token({ ...form, code_verifier: 'short' })).json['error_description'], 'PKCE verification failed: code_verifier should be at least 43 characters long');
      // Failures before do not spend the code.
      assert.equal((await exchange(code, verifier)).status, 200);
    });

    test('when Synapse cannot make the device the exchange fails, and the code is still good', async () => {
      const { code, verifier } = await codeFor(`${API} ${DEVICE}LATERDEVICE`);
      mas.synapse.failing = true;
      oauthError(await exchange(code, verifier), 500, 'server_error');
      mas.synapse.failing = false;
      assert.equal((await exchange(code, verifier)).status, 200);
    });

    test('what the policy refuses is a page that does not go on', async () => {
      const browser = new Browser(mas);
      await browser.authorize(authorizeUrl({ ...web, scope: API, ...pkce().parameters }), 'bob', 'bob-password');
      // One violation is a 500 (a slip in the page's template), several are a 200; neither leads back to the client.
      const refused: [string, number][] = [
        ['openid profile', 500], ['openid profile phone', 200], [`${API} urn:matrix:org.matrix.msc2967.client:device:ABCDEFGHIJ`, 500], [`${DEVICE}ABCDEFGHIJ`, 500],
        [`${API} ${DEVICE}ABCDEFGHIJ ${DEVICE}KLMNOPQRST`, 500], [`${API} ${DEVICE}SHORT`, 500], ['urn:synapse:admin:*', 500], ['urn:mas:admin', 500], ['urn:mas:admin urn:synapse:admin:*', 200],
      ];
      for (const [scope, status] of refused) {
        const { location } = await browser.go(authorizeUrl({ ...web, scope, ...pkce().parameters }));
        const page = await browser.go(location ?? '');
        assert.equal(page.status, status, scope);
        // The token of any page will do: the refusing page need not have one.
        const posted = await browser.go(location ?? '', { csrf: (await browser.go('/')).csrf ?? '' });
        assert.deepEqual([posted.status, posted.location], [status, null], scope);
      }
    });

    test('people named as admins get the admin scopes', async () => {
      const scope = `openid urn:mas:admin ${API} urn:synapse:admin:*`;
      const { code, verifier } = await codeFor(scope, 'admin');
      const granted = await exchange(code, verifier);
      assert.equal(granted.json['scope'], scope);
      assert.equal((await mas.call('/api/admin/v1/users?page[first]=1', { headers: { authorization: `Bearer ${String(granted.json['access_token'])}` } })).status, 200);
      assert.equal((await mas.run(['manage', 'promote-admin', 'bob'])).code, 0);
      assert.match((await codeFor(`${API} urn:synapse:admin:*`, 'bob')).code, /./);
      assert.equal((await mas.run(['manage', 'demote-admin', 'bob'])).code, 0);
    });

    test('addresses to return to must match, with a free port on the loopback alone', async () => {
      const ask = (client: string, uri: string | undefined, extra: Record<string, string> = {}) =>
        mas.call(authorizeUrl({ client_id: client, scope: API, ...(uri === undefined ? {} : { redirect_uri: uri }), ...extra }));
      const good: [string, string | undefined][] = [
        [CLIENTS.web, 'https://chat.example.test/?no_universal_links=true'], [CLIENTS.web, 'https://chat.example.test:443/?no_universal_links=true'], [CLIENTS.web, undefined],
        [CLIENTS.loopback, 'http://127.0.0.1/callback'], [CLIENTS.loopback, 'http://127.0.0.1:49152/callback'], [CLIENTS.loopback, 'http://[::1]:5/callback'], [CLIENTS.loopback, 'http://localhost:8765/callback'],
        [CLIENTS.scheme, 'matrix-client-android://callback'],
      ];
      for (const [client, uri] of good) assert.match((await ask(client, uri)).headers.get('location') ?? '', /^\/login\?/, uri);
      const bad: [string, string | undefined][] = [
        [CLIENTS.web, 'https://chat.example.test/'], [CLIENTS.web, 'https://chat.example.test:8443/?no_universal_links=true'], [CLIENTS.web, 'http://chat.example.test/?no_universal_links=true'],
        [CLIENTS.loopback, undefined], [CLIENTS.loopback, 'http://127.0.0.1:5/other'], [CLIENTS.loopback, 'http://127.0.0.2:5/callback'], [CLIENTS.loopback, 'http://localhost:9/callback'], [CLIENTS.loopback, 'https://127.0.0.1/callback'],
        [CLIENTS.scheme, 'matrix-client-android://callback/'], ['01HFVBY12TMNTYTBV8W921M5ZZ', 'https://x.example.test/'], ['nonsense', 'https://x.example.test/'],
      ];
      for (const [client, uri] of bad) {
        const answer = await ask(client, uri);
        assert.deepEqual([answer.status, answer.headers.get('location')], [400, null], `${client} ${String(uri)}`);
      }
    });

    test('refusals go back to the client in the way it asked for', async () => {
      const back = async (extra: Record<string, string>): Promise<string> => (await mas.call(authorizeUrl({ ...web, scope: API, ...extra }))).headers.get('location') ?? '';
      assert.equal(await back({ prompt: 'none' }), 'https://chat.example.test/?no_universal_links=true&state=the+state&error=login_required&error_description=The+Authorization+Server+requires+End-User+authentication.#');
      assert.equal(await back({ prompt: 'none', response_mode: 'fragment' }), 'https://chat.example.test/?no_universal_links=true#state=the+state&error=login_required&error_description=The+Authorization+Server+requires+End-User+authentication.');
      assert.match(await back({ request: 'x' }), /error=request_not_supported/);
      assert.match(await back({ response_type: 'code id_token', response_mode: 'fragment' }), /#state=the\+state&error=unauthorized_client/);
      const posted = await mas.call(authorizeUrl({ ...web, scope: API, prompt: 'none', response_mode: 'form_post' }));
      assert.equal(posted.status, 200);
      assert.match(posted.text, /name="error"\s+value="login_required"/);
      assert.match(posted.text, /action="https:&#x2f;&#x2f;chat\.example\.test|action="https:\/\/chat\.example\.test/);
    });

    test('a code is returned in the fragment, by custom scheme, and to a loopback port', async () => {
      const fragment = await new Browser(mas).authorize(authorizeUrl({ ...web, scope: API, response_mode: 'fragment' }), 'alice', 'alice-password');
      assert.match(fragment.hash, /^#state=the\+state&code=[A-Za-z0-9]{32}$/);
      const scheme = await new Browser(mas).authorize(authorizeUrl({ client_id: CLIENTS.scheme, redirect_uri: 'matrix-client-android://callback', scope: API }), 'alice', 'alice-password');
      assert.match(scheme.href, /^matrix-client-android:\/\/callback\?state=the\+state&code=[A-Za-z0-9]{32}#?$/);
      const loopback = await new Browser(mas).authorize(authorizeUrl({ client_id: CLIENTS.loopback, redirect_uri: 'http://127.0.0.1:41234/callback', scope: API }), 'alice', 'alice-password');
      assert.equal(loopback.host, '127.0.0.1:41234');
    });

    test('refresh tokens rotate, forgive one lost answer, and nothing after the answer was used', async () => {
      const { code, verifier } = await codeFor(`${API} ${DEVICE}REFRESHDEV`);
      const first = (await exchange(code, verifier)).json;
      const refresh = (sent: unknown): Promise<Answer> => token({ grant_type: 'refresh_token', refresh_token: String(sent), client_id: CLIENTS.web });
      const second = await refresh(first['refresh_token']);
      assert.deepEqual([second.status, Object.keys(second.json).toSorted()], [200, ['access_token', 'expires_in', 'refresh_token', 'scope', 'token_type']]);
      assert.equal((await introspect(first['access_token']))['active'], false);
      // The answer was lost: the same token works again, and what it gave before is void.
      const third = await refresh(first['refresh_token']);
      assert.equal(third.status, 200);
      assert.equal((await introspect(second.json['access_token']))['active'], false);
      oauthError(await refresh(second.json['refresh_token']), 400, 'invalid_grant');
      // The answer arrived: its token is used, so the old one is worth nothing.
      assert.equal((await introspect(third.json['access_token']))['active'], true);
      oauthError(await refresh(first['refresh_token']), 400, 'invalid_grant');
      assert.equal((await introspect(third.json['access_token']))['active'], true);
      assert.equal((await refresh(third.json['refresh_token'])).status, 200);
      oauthError(await refresh('nonsense'), 400, 'invalid_grant');
      oauthError(await token({ grant_type: 'refresh_token', refresh_token: String(third.json['refresh_token']), client_id: CLIENTS.loopback }), 400, 'invalid_grant');
    });

    test('revoking any token of a session ends it and takes the device away', async () => {
      const { code, verifier } = await codeFor(`${API} ${DEVICE}REVOKEDDEV`);
      const tokens = (await exchange(code, verifier)).json;
      const revoke = (form: Record<string, string>): Promise<Answer> => mas.call('/oauth2/revoke', { form });
      oauthError(await revoke({ token: String(tokens['access_token']), client_id: CLIENTS.loopback }), 401, 'unauthorized_client');
      const done = await revoke({ token: String(tokens['refresh_token']), client_id: CLIENTS.web });
      assert.deepEqual([done.status, done.text], [200, '']);
      assert.equal((await introspect(tokens['access_token']))['active'], false);
      await until('the device to be gone', () => Promise.resolve(mas.synapse.users.get('alice')?.devices.has('REVOKEDDEV') === false ? true : undefined));
      assert.equal((await revoke({ token: 'nonsense', client_id: CLIENTS.web })).status, 200);
      oauthError(await revoke({ token: 'nonsense', client_id: 'nonsense' }), 401, 'invalid_client');
    });

    test('the token endpoint tells mistakes apart', async () => {
      oauthError(await token({ grant_type: 'password', username: 'alice', password: 'alice-password', client_id: CLIENTS.web }), 400, 'unsupported_grant_type');
      oauthError(await token({ grant_type: 'authorization_code', code: 'nonsense', client_id: CLIENTS.web }), 400, 'invalid_grant');
      oauthError(await token({ grant_type: 'authorization_code', client_id: CLIENTS.web }), 500, 'server_error');
      oauthError(await token({ client_id: CLIENTS.web }), 500, 'server_error');
      oauthError(await token({ grant_type: 'client_credentials', client_id: 'nonsense' }), 401, 'invalid_client');
      oauthError(await token({ grant_type: 'client_credentials', client_id: CLIENTS.admin, client_secret: CLIENT_SECRET }), 401, 'invalid_client');
      oauthError(await token({ grant_type: 'client_credentials', client_id: CLIENTS.admin }), 401, 'invalid_client');
      oauthError(await token({ grant_type: 'client_credentials' }, { authorization: `Basic ${Buffer.from(`${CLIENTS.admin}:wrong`).toString('base64')}` }), 401, 'invalid_client');
      oauthError(await token({ grant_type: 'client_credentials', client_id: CLIENTS.web }, BASIC), 400, 'invalid_grant');
      oauthError(await token({ grant_type: 'client_credentials' }, { authorization: 'Bearer x' }), 401, 'invalid_client');
      oauthError(await token({ grant_type: 'client_credentials' }, { authorization: 'Nonsense x' }), 400, 'invalid_request');
    });

    test('a client acts for itself only with scopes it was given', async () => {
      const plain = await token({ grant_type: 'client_credentials' }, BASIC);
      assert.deepEqual([plain.status, Object.keys(plain.json).toSorted()], [200, ['access_token', 'expires_in', 'token_type']]);
      const admin = await token({ grant_type: 'client_credentials', scope: 'urn:mas:admin' }, BASIC);
      assert.deepEqual([admin.status, admin.json['scope']], [200, 'urn:mas:admin']);
      const api = await token({ grant_type: 'client_credentials', scope: API }, BASIC);
      assert.deepEqual([api.status, api.json], [403, { error: 'invalid_scope', error_description: `scope '${API}' not allowed` }]);
      oauthError(await token({ grant_type: 'client_credentials', scope: 'urn:mas:admin', client_id: CLIENTS.web }), 403, 'invalid_scope');
      assert.equal((await introspect(admin.json['access_token']))['username'] ?? null, null);
      assert.equal((await mas.call('/oauth2/userinfo', { headers: { authorization: `Bearer ${String(admin.json['access_token'])}` } })).status, 401);
      assert.equal((await mas.call('/oauth2/userinfo')).status, 401);
    });

    test('device code: asked, typed in, confirmed, exchanged', async () => {
      const start = await mas.call('/oauth2/device', { form: { client_id: CLIENTS.loopback, scope: `${API} ${DEVICE}CODEBYTYPE` } });
      assert.equal(start.status, 200, start.text);
      const { device_code: code, user_code: userCode, ...rest } = start.json;
      assert.deepEqual(rest, { verification_uri: `${mas.base}/link`, expires_in: 1200, interval: 5 });
      assert.match(String(userCode), /^[A-Z0-9]{6}$/);
      const poll = (sent = String(code)): Promise<Answer> => token({ grant_type: 'urn:ietf:params:oauth:grant-type:device_code', device_code: sent, client_id: CLIENTS.loopback });
      oauthError(await poll(), 403, 'authorization_pending');
      oauthError(await poll('nonsense'), 400, 'invalid_grant');
      const browser = new Browser(mas);
      assert.equal((await browser.submit('/link', { code: 'WRONG0' })).status, 200);
      const linked = await browser.submit('/link', { code: String(userCode).toLowerCase() });
      assert.equal(linked.status, 303);
      const page = linked.location ?? '';
      assert.match(page, /^\/device\/[0-9A-Z]{26}$/);
      const login = await browser.go(page);
      assert.match(login.location ?? '', /^\/login\?kind=continue_device_code_grant&id=/);
      assert.equal((await browser.submit(login.location ?? '', { username: 'alice', password: 'alice-password' })).location, page);
      assert.equal((await browser.submit(page, { action: 'consent' })).status, 500);
      oauthError(await poll(), 403, 'authorization_pending');
      assert.equal((await browser.submit(page, { action: 'consent', confirm_device: 'on' })).status, 200);
      const tokens = await poll();
      assert.equal(tokens.status, 200, tokens.text);
      assert.equal(tokens.json['scope'], `${API} ${DEVICE}CODEBYTYPE`);
      assert.match(String(tokens.json['refresh_token']), /^mar_/);
      assert.equal(mas.synapse.users.get('alice')?.devices.has('CODEBYTYPE'), true);
      oauthError(await poll(), 400, 'invalid_grant');
      const second = (await mas.call('/oauth2/device', { form: { client_id: CLIENTS.loopback, scope: API } })).json;
      const { location } = await browser.submit('/link', { code: String(second['user_code']) });
      assert.equal((await browser.submit(location ?? '', { action: 'reject' })).status, 200);
      oauthError(await poll(String(second['device_code'])), 403, 'access_denied');
    });

    test('registration: what fits the policy is made once, what does not is told why', async () => {
      const post = (json: unknown): Promise<Answer> => mas.call('/oauth2/registration', { json });
      const native = { application_type: 'native', client_name: 'Test', client_uri: 'https://client.example.test/', redirect_uris: ['http://127.0.0.1/', 'test.example.client:/callback'], grant_types: ['authorization_code', 'refresh_token'], token_endpoint_auth_method: 'none' };
      const [first, second] = [await post(native), await post(native)];
      assert.deepEqual([first.status, second.status], [201, 201]);
      assert.equal(first.json['client_id'], second.json['client_id']);
      const { client_id: id, client_id_issued_at: issued, redirect_uris: uris, ...rest } = first.json;
      assert.match(String(id), /^[0-9A-HJKMNP-TV-Z]{26}$/);
      assert.equal(typeof issued, 'number');
      assert.deepEqual((uris as string[]).toSorted(), native.redirect_uris.toSorted());
      assert.deepEqual({ ...rest, client_secret: rest['client_secret'] ?? null, client_secret_expires_at: rest['client_secret_expires_at'] ?? null },
        { application_type: 'native', client_name: 'Test', client_uri: 'https://client.example.test/', grant_types: ['authorization_code', 'refresh_token'], token_endpoint_auth_method: 'none', client_secret: null, client_secret_expires_at: null });
      const confidential = await post({ client_uri: 'https://app.example.test/', redirect_uris: ['https://app.example.test/cb'], token_endpoint_auth_method: 'client_secret_post' });
      assert.equal(confidential.status, 201);
      assert.match(String(confidential.json['client_secret']), /^[A-Za-z0-9]{20}$/);
      const ok = { client_uri: 'https://client.example.test/', redirect_uris: ['https://client.example.test/cb'], token_endpoint_auth_method: 'none' };
      const refused: [string, object, string, string | undefined][] = [
        ['no client_uri', { ...ok, client_uri: undefined }, 'invalid_redirect_uri', undefined],
        ['plain http', { ...ok, client_uri: 'http://client.example.test/' }, 'invalid_client_metadata', 'invalid client_uri'],
        ['another host', { ...ok, redirect_uris: ['https://other.example.test/cb'] }, 'invalid_redirect_uri', 'invalid redirect_uri'],
        ['web on localhost', { ...ok, redirect_uris: ['http://localhost/cb'] }, 'invalid_redirect_uri', 'invalid redirect_uri'],
        ['scheme of somebody else', { ...native, redirect_uris: ['test.example.other:/callback'] }, 'invalid_redirect_uri', 'invalid redirect_uri'],
        ['scheme with a host', { ...native, redirect_uris: ['test.example.client://callback'] }, 'invalid_redirect_uri', 'invalid redirect_uri'],
        ['terms elsewhere', { ...ok, tos_uri: 'https://elsewhere.test/' }, 'invalid_client_metadata', 'tos_uri not on the same host as the client_uri'],
        ['no addresses', { ...ok, redirect_uris: undefined }, 'invalid_redirect_uri', 'The value of one or more redirection URIs is invalid.'],
        ['empty addresses', { ...ok, redirect_uris: [] }, 'invalid_redirect_uri', 'invalid redirect_uris: it must have at least one redirect_uri'],
        ['a fragment', { ...ok, redirect_uris: ['https://client.example.test/#x'] }, 'invalid_redirect_uri', 'The value of one or more redirection URIs is invalid.'],
        ['a public suffix', { ...ok, client_uri: 'https://github.io/', redirect_uris: ['https://github.io/cb'] }, 'invalid_client_metadata', 'client_uri is not using a valid domain'],
        ['own credentials without a secret', { ...ok, grant_types: ['authorization_code', 'client_credentials'] }, 'invalid_client_metadata', 'client_credentials grant_type requires some form of client authentication'],
      ];
      for (const [name, body, error, description] of refused) {
        const answer = await post(body);
        assert.deepEqual([answer.status, answer.json['error']], [400, error], `${name}: ${answer.text}`);
        if (description !== undefined) assert.equal(answer.json['error_description'], description, name);
      }
      assert.equal((await mas.call('/oauth2/registration', { method: 'POST', body: 'nonsense', headers: { 'content-type': 'application/json' } })).status, 400);
    });

    test('SSO of old clients: page, click, login token, once', async () => {
      const start = await mas.call('/_matrix/client/v3/login/sso/redirect?redirectUrl=http%3A%2F%2F127.0.0.1%3A5555%2Fcb%3Fx%3D1');
      assert.equal(start.status, 303);
      const page = start.headers.get('location') ?? '';
      assert.match(page, new RegExp(`^${mas.base}/complete-compat-sso/[0-9A-Z]{26}$`));
      const browser = new Browser(mas);
      const login = await browser.go(page);
      assert.match(login.location ?? '', /^\/login\?kind=continue_compat_sso_login&id=/);
      assert.equal((await browser.submit(login.location ?? '', { username: 'bob', password: 'bob-password' })).location, new URL(page).pathname);
      const back = new URL((await browser.submit(page)).location ?? '');
      assert.equal(`${back.origin}${back.pathname}${back.search.split('&')[0] ?? ''}`, 'http://127.0.0.1:5555/cb?x=1');
      const post = (): Promise<Answer> => mas.call('/_matrix/client/v3/login', { json: { type: 'm.login.token', token: back.searchParams.get('loginToken'), device_id: 'SSODEVICE1' } });
      const answer = await post();
      assert.deepEqual([answer.status, answer.json['user_id'], answer.json['device_id']], [200, '@bob:example.test', 'SSODEVICE1']);
      const again = await post();
      assert.deepEqual([again.status, again.json], [403, { errcode: 'M_FORBIDDEN', error: 'Invalid login token' }]);
      assert.equal((await mas.call('/_matrix/client/v3/login/sso/redirect')).status, 400);
      assert.equal((await mas.call('/_matrix/client/v3/login/sso/redirect/oidc-x?redirectUrl=nonsense')).status, 400);
    });

    test('signing out, the account pages and what a locked person sees', async () => {
      const browser = new Browser(mas);
      assert.match((await browser.go('/account')).location ?? '', /^\/account\/$/);
      assert.match((await browser.go('/account/')).location ?? '', /^\/login\?kind=manage_account$/);
      assert.match((await browser.go('/account/?action=org.matrix.devices_list')).location ?? '', /^\/login\?kind=manage_account&action=org\.matrix\.devices_list$/);
      assert.equal((await browser.submit('/login', { username: 'bob', password: 'bob-password' })).location, '/');
      assert.equal((await browser.go('/login')).location, '/');
      assert.equal((await browser.go('/account/')).status, 200);
      const index = await browser.go('/');
      assert.equal(index.status, 200);
      assert.equal((await browser.go('/logout', { csrf: index.csrf ?? '' })).location, '/login');
      assert.equal((await browser.go('/login')).status, 200);
      assert.equal((await browser.go('/nonsense')).status, 404);
      assert.equal((await mas.run(['manage', 'lock-user', 'locked'])).code, 0);
      const locked = await new Browser(mas).submit('/login', { username: 'locked', password: 'locked-password' });
      assert.deepEqual([locked.status, locked.location], [200, null]);
    });
  });
}
