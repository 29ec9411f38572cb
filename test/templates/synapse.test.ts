import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { paths } from '../../model/names.ts';
import { synapseConfigFiles } from '../../templates/synapse.ts';
import { parsed } from '../model/settings.ts';
import { dataOf, homeserverOf, placeholder, textOf, volumeOf } from './rendered.ts';

const sides = ['legacy', 'delegated'] as const;
const mirror = { mirror: { of: 'live' }, hosts: { homeserver: 'm.s.example.com', auth: 'a.s.example.com', apex: { name: 's.example.com' } } };
const bridge = { id: 'bridge', url: 'http://bridge:29317', asToken: { secret: 'bridgeAs' }, hsToken: { secret: 'bridgeHs' }, senderLocalpart: 'bridgebot', namespaces: { users: [{ exclusive: true, regex: '@_b_.*' }] } };

describe('homeserver.yaml of either side', () => {
  for (const side of sides) {
    it(`${side}: agrees with the stack on name, URL, port and paths`, () => {
      const config = homeserverOf(parsed({ ports: { https: 8443 }, maxUploadMiB: 20, reportStats: true }), side);
      assert.equal(config['server_name'], 'example.com');
      assert.equal(config['public_baseurl'], 'https://matrix.example.com:8443/');
      assert.equal(config['max_upload_size'], '20M');
      assert.equal(config['report_stats'], true);
      assert.equal(config['serve_server_wellknown'], false);
      assert.equal(config['media_store_path'], '/data/media');
      assert.deepEqual(config['listeners'], [{ port: 8008, type: 'http', tls: false, x_forwarded: true, bind_addresses: ['0.0.0.0'], resources: [{ names: ['client', 'federation', 'health'], compress: false }] }]);
      assert.equal(config['enable_registration'], false);
      assert.equal(config['suppress_key_server_warning'], true);
    });

    it(`${side}: has a database role of its own and its password in a libpq password file`, () => {
      const model = parsed();
      assert.deepEqual(homeserverOf(model, side)['database'], { name: 'psycopg2', args: {
        cp_min: 5, cp_max: 10, keepalives_idle: 30, keepalives_interval: 10, keepalives_count: 3,
        user: `synapse_${side}`, dbname: 'synapse', host: 'postgres', port: 5432, sslmode: 'disable', passfile: '/secrets/pgpass', application_name: `synapse-${side}`,
      } });
      assert.equal(textOf(model, `synapse-${side}-secrets`, 'pgpass'), `postgres:5432:synapse:synapse_${side}:value-of-roleSynapse${side === 'legacy' ? 'Legacy' : 'Delegated'}\n`);
      assert.equal(textOf(model, `synapse-${side}-secrets`, 'pgpass', () => 'a:b\\c'), `postgres:5432:synapse:synapse_${side}:a\\:b\\\\c\n`);
    });

    it(`${side}: names no file that the volumes do not hold`, () => {
      const model = parsed({ pepper: { secret: 'pepper' }, appservices: [bridge], upstreamProviders: [{ idpId: 'google', name: 'Google', issuer: 'https://g.example.com/', clientId: 'x', clientSecret: { secret: 'google' } }] });
      const held = [`synapse-${side}`, `synapse-${side}-secrets`].flatMap((owner) => volumeOf(model, owner).files.map((file) => `${owner.endsWith('-secrets') ? paths.secrets : paths.config}/${file.path}`));
      const named = [...textOf(model, `synapse-${side}`, 'homeserver.yaml').matchAll(/\/(?:config|secrets)\/[\w.-]+/g)].map(([path]) => path);
      assert.ok(named.length > 4);
      for (const path of [...named, ...synapseConfigFiles]) assert.ok(held.includes(path), `${path} is not among ${held.join(', ')}`);
    });

    it(`${side}: holds no secret, the secret volume is read by Synapse's user alone`, () => {
      const model = parsed({ pepper: { secret: 'pepper' }, synapseSettings: { turn_shared_secret: { secret: 'turn' }, email: { smtp_host: 'mail', smtp_pass: { secret: 'smtp' } } } });
      assert.ok(!textOf(model, `synapse-${side}`, 'homeserver.yaml').includes('value-of-'));
      const { secret, uid, gid } = volumeOf(model, `synapse-${side}-secrets`);
      assert.deepEqual({ secret, uid, gid }, { secret: true, uid: 991, gid: 991 });
    });

    it(`${side}: moves a section that holds a secret whole, because Synapse merges by section`, () => {
      const model = parsed({ synapseSettings: { email: { smtp_host: 'mail', smtp_pass: { secret: 'smtp' } } } });
      assert.equal(dataOf(model, `synapse-${side}`, 'homeserver.yaml')['email'], undefined);
      assert.deepEqual(dataOf(model, `synapse-${side}-secrets`, 'secrets.yaml')['email'], { smtp_host: 'mail', smtp_pass: 'value-of-smtp' });
    });

    it(`${side}: logs to standard error`, () => {
      const log = dataOf(parsed(), `synapse-${side}`, 'log.yaml') as { root: object; handlers: { console: { stream: string } } };
      assert.equal(log.handlers.console.stream, 'ext://sys.stderr');
      assert.deepEqual(log.root, { level: 'INFO', handlers: ['console'] });
    });

    it(`${side}: registers appservices from secret files`, () => {
      const model = parsed({ appservices: [bridge] });
      assert.deepEqual(homeserverOf(model, side)['app_service_config_files'], ['/secrets/appservice-bridge.yaml']);
      assert.deepEqual(dataOf(model, `synapse-${side}-secrets`, 'appservice-bridge.yaml'), { id: 'bridge', url: 'http://bridge:29317', as_token: 'value-of-bridgeAs', hs_token: 'value-of-bridgeHs',
        sender_localpart: 'bridgebot', rate_limited: true, namespaces: { users: [{ exclusive: true, regex: '@_b_.*' }] } });
    });

    it(`${side}: does not federate when told not to`, () => {
      const config = homeserverOf(parsed({ federation: false }), side) as { listeners: { resources: { names: string[] }[] }[]; federation_domain_whitelist: string[] };
      assert.deepEqual(config.federation_domain_whitelist, []);
      assert.deepEqual(config.listeners[0]?.resources[0]?.names, ['client', 'health']);
    });

    it(`${side}: of a mirror has no way out`, () => {
      const config = homeserverOf(parsed({ ...mirror, reportStats: true, appservices: [bridge], synapseSettings: { email: { smtp_host: 'mail' }, url_preview_enabled: true, turn_uris: ['turn:x'], push: { enabled: true } } }), side);
      assert.deepEqual(config['federation_domain_whitelist'], []);
      assert.deepEqual(config['trusted_key_servers'], []);
      assert.deepEqual(config['push'], { enabled: false });
      assert.equal(config['url_preview_enabled'], false);
      assert.equal(config['report_stats'], false);
      for (const key of ['email', 'turn_uris', 'app_service_config_files']) assert.equal(config[key], undefined, key);
    });
  }

  it("layers the operator's sections over ours, key by key", () => {
    const config = homeserverOf(parsed({ synapseSettings: { database: { args: { cp_max: 20 } }, rc_login: { address: { per_second: 5 } }, trusted_key_servers: [] } }), 'legacy');
    const { args } = config['database'] as { args: { cp_max: number; cp_min: number; user: string } };
    assert.deepEqual([args.cp_max, args.cp_min, args.user], [20, 5, 'synapse_legacy']);
    assert.deepEqual(config['rc_login'], { address: { per_second: 5 } });
    assert.deepEqual(config['trusted_key_servers'], []);
  });

  it('reaches an external database with TLS', () => {
    const { args } = homeserverOf(parsed({ postgres: { mode: 'external', host: 'db.example.com', port: 6432, adminUser: 'root', adminPassword: { secret: 'web' }, sslMode: 'verify-full' } }), 'legacy')['database'] as { args: object };
    assert.deepEqual(Object.entries(args).filter(([key]) => ['host', 'port', 'sslmode', 'sslrootcert'].includes(key)), [['host', 'db.example.com'], ['port', 6432], ['sslmode', 'verify-full'], ['sslrootcert', 'system']]);
  });
});

describe('the legacy Synapse', () => {
  it('takes passwords, with the pepper, and has its own providers', () => {
    const config = homeserverOf(parsed({ pepper: { secret: 'pepper' }, synapseSettings: { password_config: { policy: { enabled: true } } },
      upstreamProviders: [{ idpId: 'google', name: 'Google', issuer: 'https://g.example.com/', clientId: 'x', clientSecret: { secret: 'google' }, scopes: ['openid', 'email'] }] }), 'legacy');
    assert.deepEqual(config['password_config'], { policy: { enabled: true }, enabled: true, localdb_enabled: true, pepper: 'value-of-pepper' });
    assert.deepEqual(config['oidc_providers'], [{ idp_id: 'google', idp_name: 'Google', issuer: 'https://g.example.com/', client_id: 'x', client_secret_path: '/secrets/oidc-google', scopes: ['openid', 'email'] }]);
    assert.equal(config['matrix_authentication_service'], undefined);
    assert.equal(config['registration_shared_secret_path'], '/secrets/registration');
  });

  it('is rendered without features that need MAS: it would not start', () => {
    const synapseSettings = { experimental_features: { msc4108_enabled: true, msc4388_mode: 'open', msc4222_enabled: true } };
    assert.deepEqual(homeserverOf(parsed({ synapseSettings }), 'legacy')['experimental_features'], { msc4222_enabled: true });
    assert.deepEqual(homeserverOf(parsed({ synapseSettings }), 'delegated')['experimental_features'], synapseSettings.experimental_features);
    assert.equal(homeserverOf(parsed({ synapseSettings: { experimental_features: { msc4108_enabled: true } } }), 'legacy')['experimental_features'], undefined);
  });
});

describe('the delegated Synapse', () => {
  it('asks MAS, with the secret that both have', () => {
    const model = parsed();
    assert.deepEqual(homeserverOf(model, 'delegated')['matrix_authentication_service'], { enabled: true, endpoint: 'http://mas:8080/', secret_path: '/secrets/mas' });
    assert.equal(textOf(model, 'synapse-delegated-secrets', 'mas'), textOf(model, 'mas-secrets', 'matrix'));
    assert.equal(textOf(model, 'synapse-delegated-secrets', 'mas'), placeholder('masMatrixSecret'));
  });

  it('has no login of its own, and keeps the pepper', () => {
    const config = homeserverOf(parsed({ pepper: { secret: 'pepper' }, upstreamProviders: [{ idpId: 'google', name: 'Google', issuer: 'https://g.example.com/', clientId: 'x', clientSecret: { secret: 'google' } }] }), 'delegated');
    assert.deepEqual(config['password_config'], { enabled: false, pepper: 'value-of-pepper' });
    for (const key of ['oidc_providers', 'registration_shared_secret_path']) assert.equal(config[key], undefined, key);
  });
});
