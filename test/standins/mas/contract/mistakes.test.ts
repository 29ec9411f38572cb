import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { startCluster, stopAll, type Cluster } from './cluster.ts';
import { CLIENT_SECRET, CLIENTS, SECRET } from './configuration.ts';
import { programs } from './program.ts';
import { serve, type Served } from './server.ts';

type Sent = NonNullable<Parameters<Served['call']>[1]>;

const BASIC = { authorization: `Basic ${Buffer.from(`${CLIENTS.admin}:${CLIENT_SECRET}`).toString('base64')}` };
const SYNAPSE = { authorization: `Bearer ${SECRET}` };
const NOBODY = '01HFVBY12TMNTYTBV8W921M5ZZ';
const web = { client_id: CLIENTS.web };
const form = (fields: Record<string, string>, headers: Record<string, string> = {}): Sent => ({ form: fields, headers });
const code = `/authorize?response_type=code&client_id=${CLIENTS.web}`;

/** Path, what is sent, the status, and for a JSON or text answer a pattern that its body has. */
const MISTAKES: readonly (readonly [string, Sent, number, RegExp?])[] = [
  ['/oauth2/token', form({}), 500, /missing field `grant_type`/],
  ['/oauth2/token', { method: 'POST' }, 400, /No credentials were presented/],
  ['/oauth2/token', { json: { grant_type: 'x' } }, 400, /No credentials were presented/],
  ['/oauth2/token', {}, 405],
  ['/oauth2/token', form({ grant_type: 'refresh_token', ...web }), 500, /missing field `refresh_token`/],
  ['/oauth2/token', form({ grant_type: 'client_credentials', scope: '', ...web }), 500, /Invalid scope format/],
  ['/oauth2/token', form({ grant_type: 'client_credentials', scope: 'a"b', ...web }), 500, /Invalid scope format/],
  ['/oauth2/token', form({ grant_type: 'client_credentials', client_secret: 'x' }, BASIC), 400, /"invalid_request"/],
  ['/oauth2/token', form({ grant_type: 'client_credentials', client_assertion_type: 'x', client_assertion: 'y' }), 400, /Unsupported client_assertion_type: x/],
  ['/oauth2/introspect', form({}, SYNAPSE), 500, /missing field `token`/],
  ['/oauth2/introspect', { json: { token: 'x' }, headers: SYNAPSE }, 400, /"invalid_request"/],
  ['/oauth2/introspect', form({ token: 'x', client_id: 'nobody' }), 401, /"invalid_client"/],
  ['/oauth2/introspect', form({ token: 'x', client_id: CLIENTS.admin, client_secret: CLIENT_SECRET }), 401, /authentication method mismatch/],
  ['/oauth2/revoke', form(web), 500, /missing field `token`/],
  ['/oauth2/revoke', form({ token: 'syt_any', ...web }), 200],
  ['/oauth2/revoke', form({ token: 'x', token_type_hint: 'unknown', ...web }), 200],
  ['/oauth2/device', form({}), 400, /No credentials were presented/],
  ['/oauth2/device', form({ ...web, scope: 'a"b' }), 500, /Invalid scope format/],
  ['/oauth2/registration', { json: {} }, 400, /"invalid_redirect_uri"/],
  ['/oauth2/registration', { json: [] }, 400, /"invalid_client_metadata"/],
  ['/oauth2/registration', form({ a: 'b' }), 400, /"invalid_request"/],
  ['/oauth2/registration', { json: { client_uri: 5 } }, 400, /"invalid_client_metadata"/],
  ['/oauth2/registration', { json: { client_uri: 'https://a.example.test/', redirect_uris: ['https://a.example.test/'], response_types: ['id_token'], token_endpoint_auth_method: 'none' } }, 400, /response type not compatible with grant types/],
  ['/oauth2/userinfo', { headers: { authorization: 'Bearer x' } }, 401],
  ['/oauth2/userinfo', { method: 'POST' }, 401],
  ['/.well-known/webfinger', {}, 400, /missing field `resource`/],
  ['/_matrix/client/v3/login', { json: { type: 'm.login.password', identifier: 'bob', password: 'x' } }, 400, /"M_BAD_JSON"/],
  ['/_matrix/client/v3/login', { json: { type: 'm.login.password', identifier: { type: 'm.id.user' }, password: 'x' } }, 400, /"M_BAD_JSON"/],
  ['/_matrix/client/v3/login', { json: { type: 'm.login.token', token: 'x', refresh_token: 'yes' } }, 400, /"M_BAD_JSON"/],
  ['/_matrix/client/v3/login', { method: 'POST' }, 400, /"M_NOT_JSON"/],
  ['/_matrix/client/v3/refresh', { method: 'POST' }, 415],
  ['/_matrix/client/v3/refresh', { json: { refresh_token: 5 } }, 422],
  ['/_matrix/client/v3/refresh', { json: { refresh_token: 'syt_x' } }, 401, /"M_UNKNOWN_TOKEN"/],
  ['/_matrix/client/v3/logout', { method: 'POST', headers: BASIC }, 400, /invalid HTTP header \(authorization\)/],
  ['/_matrix/client/v3/logout/all', { method: 'POST' }, 401, /"M_MISSING_TOKEN"/],
  ['/_matrix/client/v3/login/sso/redirect?redirectUrl=http%3A%2F%2Fu%40x.test', {}, 400],
  ['/authorize', {}, 400, /missing field/],
  [`/authorize?response_type=code&client_id=${CLIENTS.web}`, {}, 400, /missing field `scope`/],
  [`${code}&scope=`, {}, 400, /Invalid scope format/],
  [`${code}&scope=openid&redirect_uri=nonsense`, {}, 400, /relative URL without a base/],
  [`${code}&scope=openid&response_mode=nonsense`, {}, 400],
  [`${code}&scope=openid&max_age=0`, {}, 400],
  [`/authorize?response_type=id_token&response_mode=query&scope=openid&client_id=${CLIENTS.web}`, {}, 400],
  ['/consent/nonsense', {}, 400, /Invalid URL: invalid length/],
  [`/consent/${NOBODY}`, {}, 404],
  [`/consent/${NOBODY}`, form({}), 422, /missing field `csrf`/],
  [`/consent/${NOBODY}`, form({ csrf: 'x' }), 400],
  ['/login', form({}), 422, /missing field `csrf`/],
  ['/login', form({ csrf: 'x', username: 'a', password: 'b' }), 500],
  ['/login', { json: {} }, 415],
  ['/login?kind=nonsense', {}, 200],
  ['/login?kind=continue_authorization_grant&id=nonsense', {}, 200],
  ['/logout', {}, 405],
  [`/device/${NOBODY}`, {}, 303],
  ['/device/nonsense', {}, 400],
  [`/complete-compat-sso/${NOBODY}`, {}, 303],
];

for (const program of await programs()) {
  describe(`mistakes told by ${program.name}`, () => {
    let cluster: Cluster;
    let mas: Served;
    before(async () => {
      cluster = await startCluster();
      mas = await serve(program, cluster, 'mistakes');
    });
    after(() => stopAll(mas, cluster));

    test('each mistake has its status and its words', async () => {
      for (const [path, sent, status, body] of MISTAKES) {
        const answer = await mas.call(path, sent);
        const what = `${path} ${JSON.stringify(sent)}: ${answer.text.slice(0, 200)}`;
        assert.equal(answer.status, status, what);
        if (body !== undefined) assert.match(answer.text, body, what);
      }
    });

    test('parameters that mas-cli does not judge are carried on', async () => {
      const to = async (path: string): Promise<string | null> => (await mas.call(path)).headers.get('location');
      assert.match(await to(`${code}&scope=openid&code_challenge=abc`) ?? '', /^\/login\?kind=continue_authorization_grant&id=[0-9A-Z]{26}$/);
      assert.match(await to(`${code}&scope=openid&login_hint=mxid%3A%40bob%3Aexample.test`) ?? '', /&login_hint=mxid%3A%40bob%3Aexample\.test$/);
      assert.match(await to(`${code}&scope=openid&prompt=create`) ?? '', /^\/register\?kind=continue_authorization_grant&id=/);
      assert.match(await to('/_matrix/client/v3/login/sso/redirect/idp?redirectUrl=app%3A%2F%2Fx&action=register') ?? '', /\?action=register&org\.matrix\.msc3824\.action=register$/);
      assert.match(await to(`/complete-compat-sso/${NOBODY}?action=register`) ?? '', /^\/register\?kind=continue_compat_sso_login&id=/);
      assert.equal(await to('/account/?action=org.matrix.device_view&device_id=ABC'), '/login?kind=manage_account&action=org.matrix.device_view&device_id=ABC');
      assert.equal(await to('/account/?action=nonsense'), '/login?kind=manage_account');
      assert.equal(await to('/.well-known/change-password'), '/account/password/change');
    });
  });
}
