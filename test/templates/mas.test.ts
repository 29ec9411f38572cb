import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { Ajv, type AnySchemaObject } from 'ajv';
import { masKeys } from '../../model/mas-keys.ts';
import { masOwned } from '../../model/overrides.ts';
import { publicUrls } from '../../model/model.ts';
import { paths } from '../../model/names.ts';
import { masConfigFiles, syn2masFiles } from '../../templates/mas.ts';
import { parsed, shipped, type Settings } from '../model/settings.ts';
import { dataOf, homeserverOf, placeholder, textOf, volumeOf, type Parsed } from './rendered.ts';

const rich = {
  pepper: { secret: 'pepper' }, adminUsers: ['alice'],
  clients: [{ name: 'element', type: 'element-web' }, { name: 'web', type: 'confidential', redirectUris: ['https://web.example.com/cb'], secret: { secret: 'web' }, clientUri: 'https://web.example.com/' },
    { name: 'reports', type: 'service', secret: { secret: 'turn' }, admin: true }, { name: 'terminal', type: 'device' }],
  upstreamProviders: [{ idpId: 'google', name: 'Google', issuer: 'https://g.example.com/', clientId: 'x', clientSecret: { secret: 'google' }, scopes: ['openid', 'email'] }],
  masSettings: { email: { transport: 'smtp', mode: 'tls', hostname: 'mail', username: 'u', password: { secret: 'smtp' } }, passwords: { minimum_complexity: 4 }, policy: { data: { registration: { x: 1 } } } },
};

interface Config extends Parsed {
  readonly http: { readonly public_base: string; readonly issuer: string; readonly trusted_proxies: string[]; readonly listeners: { readonly name: string; readonly resources: { readonly name: string }[]; readonly binds: object[] }[] };
  readonly clients: readonly Parsed[];
  readonly passwords: { readonly enabled: boolean; readonly schemes: readonly Parsed[] };
  readonly policy: { readonly data: Parsed };
}

const config = (over: Settings = {}): Config => dataOf(parsed(over), 'mas', 'config.yaml') as Config;

describe("MAS's config.yaml", () => {
  it('has one issuer, the public base, byte for byte', () => {
    const model = parsed({ ports: { https: 8443 } });
    const { http } = dataOf(model, 'mas', 'config.yaml') as Config;
    assert.deepEqual([http.public_base, http.issuer], [publicUrls(model).issuer, 'https://auth.example.com:8443/']);
  });

  it('serves people on one listener, health and admin API on another', () => {
    assert.deepEqual(config().http.listeners.map(({ name, resources, binds }) => [name, resources.map((resource) => resource.name), binds]), [
      ['web', ['discovery', 'human', 'oauth', 'compat', 'graphql', 'assets'], [{ address: '[::]:8080' }]],
      ['internal', ['health', 'adminapi'], [{ address: '0.0.0.0:8081' }]],
    ]);
  });

  it('trusts every private network, because Docker gives the edge any of them', () => {
    for (const network of ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16']) assert.ok(config().http.trusted_proxies.includes(network));
  });

  it('speaks with Synapse by the shared secret and to its own database', () => {
    assert.deepEqual(config()['matrix'], { kind: 'synapse', homeserver: 'example.com', endpoint: 'http://synapse:8008/', secret_file: '/secrets/matrix' });
    assert.deepEqual(config()['database'], { host: 'postgres', port: 5432, username: 'mas', password_file: '/secrets/database', database: 'mas', ssl_mode: 'disable' });
  });

  it('verifies what Synapse hashed; argon2id comes with committed alone', () => {
    const bcrypt = { version: 1, algorithm: 'bcrypt', unicode_normalization: true };
    assert.deepEqual(config().passwords.schemes, [bcrypt]);
    assert.deepEqual(config({ phase: 'delegated', pepper: { secret: 'pepper' } }).passwords.schemes, [{ ...bcrypt, secret_file: '/secrets/pepper' }]);
    assert.deepEqual(config({ phase: 'committed' }).passwords.schemes, [bcrypt, { version: 2, algorithm: 'argon2id' }]);
    assert.deepEqual(config({ synapseSettings: { bcrypt_rounds: 10 } }).passwords.schemes, [{ ...bcrypt, cost: 10 }]);
  });

  it('has every client with its derived id, and the own admin client', () => {
    const model = parsed(rich);
    const { clients, policy } = dataOf(model, 'mas', 'config.yaml') as Config;
    assert.deepEqual(clients.map((client) => [client['client_name'], client['client_auth_method']]), [
      ['element', 'none'], ['web', 'client_secret_basic'], ['reports', 'client_secret_basic'], ['terminal', 'none'], ['matrix-stack-admin', 'client_secret_basic']]);
    assert.deepEqual(clients[1], { client_id: model.clients[1]?.clientId, client_name: 'web', client_auth_method: 'client_secret_basic', client_uri: 'https://web.example.com/',
      client_secret_file: `/secrets/client-${model.clients[1]?.clientId ?? ''}`, redirect_uris: ['https://web.example.com/cb'] });
    assert.deepEqual(policy.data, { registration: { x: 1 }, admin_clients: [model.clients[2]?.clientId, clients[4]?.['client_id']], admin_users: ['alice'],
      client_registration: { allow_host_mismatch: false, allow_insecure_uris: false, allow_missing_client_uri: false } });
  });

  it("takes Synapse's providers over under the id that Synapse knows them by", () => {
    const model = parsed(rich);
    assert.deepEqual(dataOf(model, 'mas', 'config.yaml')['upstream_oauth2'], { providers: [{ id: model.upstreamProviders[0]?.masId, synapse_idp_id: 'oidc-google', human_name: 'Google', issuer: 'https://g.example.com/',
      client_id: 'x', client_secret_file: '/secrets/oidc-google', token_endpoint_auth_method: 'client_secret_basic', scope: 'openid email' }] });
  });

  it('mails nobody and registers nobody unless told', () => {
    assert.deepEqual(config()['email'], { transport: 'blackhole' });
    assert.deepEqual(config()['account'], { password_registration_enabled: false, password_registration_email_required: false, password_recovery_enabled: false });
    assert.deepEqual(config({ masSettings: { account: { password_registration_enabled: true } } })['account'], { password_registration_enabled: true, password_registration_email_required: false, password_recovery_enabled: false });
  });

  it('of a mirror mails nobody whatever is told', () => {
    const over = { ...rich, mirror: { of: 'live' }, hosts: { homeserver: 'm.s.example.com', auth: 'a.s.example.com', element: 'e.s.example.com', apex: { name: 's.example.com' } } };
    assert.deepEqual(config(over)['email'], { transport: 'blackhole' });
    assert.deepEqual(dataOf(parsed(over), 'mas-secrets', 'secrets.yaml'), {});
  });

  it('follows Synapse where passwords are off', () => {
    assert.equal(config({ synapseSettings: { password_config: { enabled: false } } }).passwords.enabled, false);
  });

  it('holds no secret; secrets of settings are merged from the second file', () => {
    const model = parsed(rich);
    assert.ok(!textOf(model, 'mas', 'config.yaml').includes('value-of-'));
    assert.deepEqual(dataOf(model, 'mas-secrets', 'secrets.yaml'), { email: { password: 'value-of-smtp' } });
  });

  it('names no file that the volumes do not hold', () => {
    const model = parsed(rich);
    const held = [...volumeOf(model, 'mas').files.map((file) => `${paths.config}/${file.path}`), ...volumeOf(model, 'mas-secrets').files.map((file) => `${paths.secrets}/${file.path}`)];
    const named = [...textOf(model, 'mas', 'config.yaml').matchAll(/\/(?:config|secrets)\/[\w.-]+/g)].map(([path]) => path);
    assert.ok(named.length > 6);
    for (const path of [...named, ...masConfigFiles]) assert.ok(held.includes(path), `${path} is not among ${held.join(', ')}`);
  });

  it('has no newline in what MAS reads untrimmed', () => {
    const model = parsed(rich);
    assert.equal(textOf(model, 'mas-secrets', 'encryption', (name) => `${placeholder(name)}\n`), 'value-of-masEncryption');
    assert.equal(textOf(model, 'mas-secrets', 'pepper'), 'value-of-pepper');
  });
});

describe('the files of syn2mas', () => {
  const model = parsed({ ...rich, synapseSettings: { experimental_features: { msc4108_enabled: true } } });

  it('are one secret volume, read by the user of the MAS image', () => {
    const { files, secret, uid, gid } = volumeOf(model, 'syn2mas');
    assert.deepEqual({ secret, uid, gid }, { secret: true, uid: 65532, gid: 65532 });
    for (const path of Object.values(syn2masFiles)) assert.ok(files.some((file) => `${paths.secrets}/${file.path}` === path), path);
  });

  it('reach both databases as syn2mas, Synapse\'s with the password in the file', () => {
    assert.deepEqual(dataOf(model, 'syn2mas', 'synapse.yaml')['database'], { name: 'psycopg2', args: { user: 'syn2mas', password: 'value-of-roleSyn2mas', dbname: 'synapse', host: 'postgres', port: 5432 } });
    assert.deepEqual(dataOf(model, 'syn2mas', 'mas.yaml')['database'], { host: 'postgres', port: 5432, username: 'syn2mas', password_file: '/secrets/database', database: 'mas', ssl_mode: 'disable' });
    assert.equal(textOf(model, 'syn2mas', 'database'), 'value-of-roleSyn2mas');
  });

  it("say of Synapse what syn2mas compares with MAS's config: name, pepper, providers", () => {
    const synapse = dataOf(model, 'syn2mas', 'synapse.yaml');
    const legacy = homeserverOf(model, 'legacy');
    for (const key of ['server_name', 'password_config', 'oidc_providers', 'enable_registration']) assert.deepEqual(synapse[key], legacy[key], key);
    assert.equal(textOf(model, 'syn2mas', 'pepper'), (synapse['password_config'] as { pepper: string }).pepper);
  });

  it('are otherwise what MAS itself reads', () => {
    const { database: _own, email: _mail, ...rest } = dataOf(model, 'syn2mas', 'mas.yaml');
    const { database: _theirs, email: _post, ...server } = dataOf(model, 'mas', 'config.yaml');
    assert.deepEqual(rest, server);
    const held = volumeOf(model, 'syn2mas').files.map((file) => `${paths.secrets}/${file.path}`);
    for (const [path] of textOf(model, 'syn2mas', 'mas.yaml').matchAll(/\/secrets\/[\w.-]+/g)) assert.ok(held.includes(path), path);
  });
});

const schemaFile = process.env['MAS_CONFIG_SCHEMA'];

describe(`MAS's own config schema${schemaFile === undefined ? ' (not run: MAS_CONFIG_SCHEMA is not set)' : ''}`, () => {
  if (schemaFile === undefined) return;
  const schema = JSON.parse(readFileSync(schemaFile, 'utf8')) as AnySchemaObject & { properties: { [section: string]: { $ref?: string; allOf?: { $ref: string }[] } }; definitions: { [name: string]: { properties?: object } } };
  const ajv = new Ajv({ strict: false, allErrors: true, validateFormats: false, logger: false });

  for (const [name, model] of [['prod', shipped('prod')], ['staging', shipped('staging')], ['a rich one', parsed(rich)], ['a committed one', parsed({ ...rich, phase: 'committed' })]] as const) {
    it(`accepts ${name}, and knows each of its keys`, () => {
      const data = dataOf(model, 'mas', 'config.yaml');
      assert.equal(ajv.validate(schema, data), true, ajv.errorsText());
      assert.deepEqual(Object.keys(data).filter((section) => !(section in schema.properties)), []);
    });
  }

  it('knows the same sections and keys as our list for operators', () => {
    const sections = Object.keys(schema.properties);
    assert.deepEqual(sections.filter((section) => !(section in masKeys) && !(section in masOwned)), []);
    for (const [section, keys] of Object.entries(masKeys)) {
      const reference = schema.properties[section]?.$ref ?? schema.properties[section]?.allOf?.[0]?.$ref ?? '';
      assert.deepEqual([...keys].sort(), Object.keys(schema.definitions[reference.split('/').at(-1) ?? '']?.properties ?? {}).sort(), section);
    }
  });
});
