/** MAS's config.yaml, and the pair of files that syn2mas reads. */
import { adminClient } from '../model/clients.ts';
import { isMap } from '../model/free-form.ts';
import { publicUrls, type Client, type FreeFormMap, type Model, type UpstreamProvider } from '../model/model.ts';
import { databases, innerPorts, paths, roles } from '../model/names.ts';
import { toYaml, type RenderedFile, type RenderedVolume, type SecretLookup } from './file.ts';
import type { MasClient, MasConfig, MasProvider, MasScheme, Section } from './mas-config.ts';
import { byLeaf, resolved } from './secret-values.ts';
import { homeserverSettings, passwordSettings } from './synapse.ts';
import { databaseAddress, innerUrls } from './urls.ts';

/** What `mas-cli` is started with; MAS merges them at every depth. */
export const masConfigFiles = [`${paths.config}/config.yaml`, `${paths.secrets}/secrets.yaml`] as const;

/** The two files of the syn2mas volume, which is mounted at /secrets. */
export const syn2masFiles = { mas: `${paths.secrets}/mas.yaml`, synapse: `${paths.secrets}/synapse.yaml` } as const;

/** uid of the image's user `nonroot`: mas-cli runs as it, syn2mas too. */
function masUser(model: Model): { readonly uid: number; readonly gid: number } {
  return { uid: model.images.mas?.uid ?? 65532, gid: model.images.mas?.gid ?? 65532 };
}

/** Owners `mas` (mounted at /config) and `mas-secrets` (at /secrets). */
export function masVolumes(model: Model, secret: SecretLookup): RenderedVolume[] {
  const settings = byLeaf(operatorsSettings(model));
  return [
    { owner: 'mas', secret: false, ...masUser(model), files: [{ path: 'config.yaml', content: toYaml(masConfig(model, sectionsOf(settings.open, secret), roles.mas)) }] },
    { owner: 'mas-secrets', secret: true, ...masUser(model), files: [
      { path: 'secrets.yaml', content: toYaml(resolved(settings.secret, secret)) },
      ...secretFiles(model, secret, 'roleMas'),
    ] },
  ];
}

/**
 * Owner `syn2mas`, one secret volume mounted at /secrets: MAS's config and the legacy homeserver.yaml in one file each, both with
 * the role `syn2mas`. syn2mas reads no libpq password file and merges no Synapse sections as Synapse does.
 */
export function syn2masVolumes(model: Model, secret: SecretLookup): RenderedVolume[] {
  return [{ owner: 'syn2mas', secret: true, ...masUser(model), files: [
    { path: 'mas.yaml', content: toYaml(masConfig(model, sectionsOf(operatorsSettings(model), secret), roles.syn2mas)) },
    { path: 'synapse.yaml', content: toYaml(legacyForSyn2mas(model, secret)) },
    ...secretFiles(model, secret, 'roleSyn2mas'),
  ] }];
}

function legacyForSyn2mas(model: Model, secret: SecretLookup): unknown {
  const { host, port } = databaseAddress(model.postgres);
  // Paths of Synapse's own files and listeners say nothing to syn2mas.
  const { listeners: _l, log_config: _c, ...settings } = homeserverSettings(model, 'legacy');
  return resolved({ ...settings, database: { name: 'psycopg2', args: { user: roles.syn2mas, password: { secret: 'roleSyn2mas' }, dbname: databases.synapse, host, port } } }, secret);
}

/** In a mirror nothing is mailed, measured or asked of others. */
function operatorsSettings(model: Model): FreeFormMap {
  const { email: _email, telemetry: _telemetry, captcha: _captcha, ...inward } = model.masSettings;
  return model.mirror === undefined ? model.masSettings : inward;
}

interface Sections { readonly [section: string]: Section | undefined }

function sectionsOf(settings: FreeFormMap, secret: SecretLookup): Sections {
  return Object.fromEntries(Object.entries(settings).map(([name, section]) => [name,
    isMap(section) ? Object.fromEntries(Object.entries(section).map(([key, value]) => [key, resolved(value, secret)])) : {}]));
}

/** @param operators laid over ours where ours may be overridden. */
function masConfig(model: Model, operators: Sections, role: 'mas' | 'syn2mas'): MasConfig {
  const issuer = publicUrls(model).issuer;
  const { host, port, ssl } = databaseAddress(model.postgres);
  const clients = [...model.clients, adminClient(model.serverName)];
  const data = operators['policy']?.['data'];
  return {
    ...operators,
    http: {
      public_base: issuer,
      issuer,
      // The edge is the only one who speaks to MAS; Docker gives it an address of these.
      trusted_proxies: ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '127.0.0.0/8', 'fd00::/8', '::1/128'],
      listeners: [
        { name: 'web', resources: [{ name: 'discovery' }, { name: 'human' }, { name: 'oauth' }, { name: 'compat' }, { name: 'graphql' }, { name: 'assets' }],
          binds: [{ address: `[::]:${innerPorts.masWeb}` }] },
        { name: 'internal', resources: [{ name: 'health' }, { name: 'adminapi' }], binds: [{ address: `0.0.0.0:${innerPorts.masInternal}` }] },
      ],
    },
    database: { host, port, username: role, password_file: `${paths.secrets}/database`, database: databases.mas, ssl_mode: ssl },
    matrix: { kind: 'synapse', homeserver: model.serverName, endpoint: innerUrls.synapse, secret_file: `${paths.secrets}/matrix` },
    secrets: { encryption_file: `${paths.secrets}/encryption`, keys: [{ key_file: `${paths.secrets}/signing-rsa.pem` }, { key_file: `${paths.secrets}/signing-ec.pem` }] },
    passwords: { enabled: passwordSettings(model)['enabled'] !== false, ...operators['passwords'], schemes: schemes(model) },
    clients: clients.map(masClient),
    policy: { ...operators['policy'], data: {
      ...(typeof data === 'object' ? data : {}),
      admin_clients: clients.filter((client) => client.admin).map((client) => client.clientId),
      admin_users: model.adminUsers,
      client_registration: { allow_host_mismatch: false, allow_insecure_uris: false, allow_missing_client_uri: false },
    } },
    ...(model.upstreamProviders.length === 0 ? {} : { upstream_oauth2: { providers: model.upstreamProviders.map(masProvider) } }),
    // Nobody registers or recovers by mail before the operator sets a transport.
    email: { transport: 'blackhole', ...operators['email'] },
    account: { password_registration_enabled: false, password_registration_email_required: false, password_recovery_enabled: false, ...operators['account'] },
  };
}

function masProvider(provider: UpstreamProvider): MasProvider {
  return {
    id: provider.masId, synapse_idp_id: `oidc-${provider.idpId}`, human_name: provider.name, issuer: provider.issuer, client_id: provider.clientId,
    client_secret_file: `${paths.secrets}/${providerFile(provider.idpId)}`, token_endpoint_auth_method: 'client_secret_basic', scope: provider.scopes.join(' '),
  };
}

/** Scheme 1 verifies what Synapse hashed. argon2id comes when the way back is given up: until then Synapse must be able to read every hash. */
function schemes(model: Model): readonly MasScheme[] {
  const rounds = model.synapseSettings['bcrypt_rounds'];
  const bcrypt: MasScheme = {
    version: 1, algorithm: 'bcrypt', unicode_normalization: true, ...(typeof rounds === 'number' ? { cost: rounds } : {}),
    ...(model.pepper === undefined ? {} : { secret_file: `${paths.secrets}/pepper` }),
  };
  return model.phase === 'committed' ? [bcrypt, { version: 2, algorithm: 'argon2id' }] : [bcrypt];
}

function masClient(client: Client): MasClient {
  return {
    client_id: client.clientId,
    client_name: client.name,
    client_auth_method: client.authMethod,
    ...(client.clientUri === undefined ? {} : { client_uri: client.clientUri }),
    ...(client.secret === undefined ? {} : { client_secret_file: `${paths.secrets}/${clientFile(client)}` }),
    redirect_uris: client.redirectUris,
  };
}

function secretFiles(model: Model, secret: SecretLookup, role: 'roleMas' | 'roleSyn2mas'): RenderedFile[] {
  return [
    { path: 'database', content: secret(role) },
    { path: 'matrix', content: secret('masMatrixSecret') },
    { path: 'encryption', content: secret('masEncryption').trim() },
    { path: 'signing-rsa.pem', content: secret('masSigningRsa') },
    { path: 'signing-ec.pem', content: secret('masSigningEc') },
    ...(model.pepper === undefined ? [] : [{ path: 'pepper', content: secret(model.pepper.secret) }]),
    ...[...model.clients, adminClient(model.serverName)].flatMap((client) => (client.secret === undefined ? [] : [{ path: clientFile(client), content: secret(client.secret.secret) }])),
    ...model.upstreamProviders.map((provider) => ({ path: providerFile(provider.idpId), content: secret(provider.clientSecret.secret) })),
  ];
}

function clientFile(client: Client): string {
  return `client-${client.clientId}`;
}

function providerFile(idpId: string): string {
  return `oidc-${idpId}`;
}
