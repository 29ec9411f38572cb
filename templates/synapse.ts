/** homeserver.yaml and what it names, for the Synapse of either side. One image and one database serve both, one at a time. */
import { delegatedOnly } from '../model/fatal.ts';
import { layered, without } from '../model/free-form.ts';
import { publicUrls, type FreeFormMap, type Model } from '../model/model.ts';
import { databases, innerPorts, paths, roles } from '../model/names.ts';
import type { Side } from './routes.ts';
import { toYaml, type RenderedFile, type RenderedVolume, type SecretLookup } from './file.ts';
import { bySection, resolved } from './secret-values.ts';
import { databaseAddress, innerUrls, passLine } from './urls.ts';

/** What Synapse is started with; later files replace whole top-level sections of earlier ones. */
export const synapseConfigFiles = [`${paths.config}/homeserver.yaml`, `${paths.secrets}/secrets.yaml`] as const;

/** Sections that would let a mirror act outside: mail, push, previews, calls and other servers. */
const outward: readonly string[] = ['email', 'push', 'url_preview_enabled', 'turn_uris', 'federation_domain_whitelist', 'trusted_key_servers', 'matrix_rtc', 'modules', 'http_proxy', 'https_proxy', 'account_threepid_delegates'];

/**
 * Config and secret volume of one side: owners `synapse-<side>` (mounted at /config) and `synapse-<side>-secrets` (at /secrets).
 * Run as `python -m synapse.app.homeserver -c /config/homeserver.yaml -c /secrets/secrets.yaml`.
 */
export function synapseVolumes(model: Model, side: Side, secret: SecretLookup): RenderedVolume[] {
  const { uid, gid } = synapseUser(model);
  const sections = bySection(homeserverSettings(model, side));
  return [
    { owner: `synapse-${side}`, secret: false, uid, gid, files: [
      { path: 'homeserver.yaml', content: toYaml(resolved(sections.open, secret)) },
      { path: 'log.yaml', content: toYaml(logConfig) },
    ] },
    { owner: `synapse-${side}-secrets`, secret: true, uid, gid, files: [
      { path: 'secrets.yaml', content: toYaml(resolved(sections.secret, secret)) },
      ...secretFiles(model, side, secret),
    ] },
  ];
}

/** @returns uid and gid that Synapse runs as. */
export function synapseUser(model: Model): { readonly uid: number; readonly gid: number } {
  return { uid: model.images.synapse?.uid ?? 991, gid: model.images.synapse?.gid ?? 991 };
}

/** The whole of homeserver.yaml before secrets are split off: ours that may be overridden < operator's < ours that must not be. */
export function homeserverSettings(model: Model, side: Side): FreeFormMap {
  const operators = without(model.synapseSettings, [...(side === 'legacy' ? delegatedOnly : []), ...(model.mirror === undefined ? [] : outward)]);
  return layered(layered(defaults, operators), owned(model, side));
}

/** Synapse's own defaults hold for all that is not named here. */
const defaults: FreeFormMap = {
  database: { args: { cp_min: 5, cp_max: 10, keepalives_idle: 30, keepalives_interval: 10, keepalives_count: 3 } },
  enable_registration: false,
  suppress_key_server_warning: true,
  trusted_key_servers: [{ server_name: 'matrix.org' }],
};

function owned(model: Model, side: Side): FreeFormMap {
  const federates = model.federation && model.mirror === undefined;
  const { host, port, ssl } = databaseAddress(model.postgres);
  return {
    server_name: model.serverName,
    public_baseurl: publicUrls(model).homeserver,
    serve_server_wellknown: false,
    report_stats: model.reportStats && model.mirror === undefined,
    listeners: [{
      port: innerPorts.synapse, type: 'http', tls: false, x_forwarded: true, bind_addresses: ['0.0.0.0'],
      resources: [{ names: ['client', ...(federates ? ['federation'] : []), 'health'], compress: false }],
    }],
    database: { name: 'psycopg2', args: {
      user: roleOf(side), dbname: databases.synapse, host, port, sslmode: ssl, ...(ssl === 'verify-full' ? { sslrootcert: 'system' } : {}),
      passfile: `${paths.secrets}/pgpass`, application_name: `synapse-${side}`,
    } },
    media_store_path: `${paths.synapseData}/media`,
    max_upload_size: `${model.maxUploadMiB}M`,
    log_config: `${paths.config}/log.yaml`,
    signing_key_path: `${paths.secrets}/signing.key`,
    macaroon_secret_key_path: `${paths.secrets}/macaroon`,
    form_secret_path: `${paths.secrets}/form`,
    // Without a listener of their own others' requests end here; an empty list also stops what this server would send.
    ...(federates ? {} : { federation_domain_whitelist: [] }),
    ...(model.mirror === undefined ? {} : isolation),
    ...(model.appservices.length === 0 || model.mirror !== undefined ? {} : { app_service_config_files: model.appservices.map(({ id }) => `${paths.secrets}/${registrationFile(id)}`) }),
    ...loginSettings(model, side),
  };
}

const isolation: FreeFormMap = { push: { enabled: false }, url_preview_enabled: false, trusted_key_servers: [] };

function loginSettings(model: Model, side: Side): FreeFormMap {
  const pepper: FreeFormMap = model.pepper === undefined ? {} : { pepper: model.pepper };
  if (side === 'delegated') {
    return {
      matrix_authentication_service: { enabled: true, endpoint: innerUrls.mas, secret_path: `${paths.secrets}/mas` },
      // Synapse refuses a second login beside MAS. The pepper stays, so that this file can be read by syn2mas too.
      password_config: { enabled: false, ...pepper },
    };
  }
  return {
    password_config: layered({ enabled: true, localdb_enabled: true }, { ...passwordSettings(model), ...pepper }),
    registration_shared_secret_path: `${paths.secrets}/registration`,
    ...(model.upstreamProviders.length === 0 ? {} : { oidc_providers: model.upstreamProviders.map((provider) => ({
      idp_id: provider.idpId, idp_name: provider.name, issuer: provider.issuer, client_id: provider.clientId,
      client_secret_path: `${paths.secrets}/${providerFile(provider.idpId)}`, scopes: provider.scopes,
    })) }),
  };
}

/** The operator's password settings, e.g. a policy. */
export function passwordSettings(model: Model): FreeFormMap {
  const settings = model.synapseSettings['password_config'];
  return settings !== undefined && settings !== null && typeof settings === 'object' ? settings as FreeFormMap : {};
}

function secretFiles(model: Model, side: Side, secret: SecretLookup): RenderedFile[] {
  const { host, port } = databaseAddress(model.postgres);
  return [
    { path: 'pgpass', content: passLine(host, port, databases.synapse, roleOf(side), secret(side === 'legacy' ? 'roleSynapseLegacy' : 'roleSynapseDelegated')) },
    { path: 'signing.key', content: `${secret('synapseSigningKey').trimEnd()}\n` },
    { path: 'macaroon', content: secret('synapseMacaroon') },
    { path: 'form', content: secret('synapseForm') },
    ...(side === 'delegated' ? [{ path: 'mas', content: secret('masMatrixSecret') }] : [
      { path: 'registration', content: secret('synapseRegistration') },
      ...model.upstreamProviders.map(({ idpId, clientSecret }) => ({ path: providerFile(idpId), content: secret(clientSecret.secret) })),
    ]),
    ...(model.mirror === undefined ? model.appservices : []).map((appservice) => ({ path: registrationFile(appservice.id), content: toYaml({
      id: appservice.id, url: appservice.url, as_token: secret(appservice.asToken.secret), hs_token: secret(appservice.hsToken.secret),
      sender_localpart: appservice.senderLocalpart, rate_limited: appservice.rateLimited, namespaces: resolved(appservice.namespaces, secret),
    }) })),
  ];
}

function roleOf(side: Side): string {
  return side === 'legacy' ? roles.synapseLegacy : roles.synapseDelegated;
}

function registrationFile(id: string): string {
  return `appservice-${id}.yaml`;
}

function providerFile(idpId: string): string {
  return `oidc-${idpId}`;
}

/** Everything to standard error, where Docker keeps it. Statements are debug output: they hold people's data. */
const logConfig = {
  version: 1,
  disable_existing_loggers: false,
  formatters: { line: { format: '%(asctime)s - %(name)s - %(lineno)d - %(levelname)s - %(request)s - %(message)s' } },
  handlers: { console: { class: 'logging.StreamHandler', formatter: 'line', stream: 'ext://sys.stderr' } },
  loggers: { 'synapse.storage.SQL': { level: 'INFO' } },
  root: { level: 'INFO', handlers: ['console'] },
};
