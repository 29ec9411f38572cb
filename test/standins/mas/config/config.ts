import { withContext } from '../cli/errors.ts';
import { parseClients, parseProviders, validateClients, validateProviders, type ClientConfig, type ProviderConfig } from './clients.ts';
import { parseHttp, validateHttp, type HttpConfig } from './http.ts';
import { parsePolicy, type PolicyConfig } from './policy.ts';
import { parseRateLimits, type RateLimits } from './rate-limits.ts';
import { parseAccount, parseDatabase, parseMatrix, parsePasswords, parseSecrets, parseSmallSections, validateDatabase, validatePasswords,
  type AccountConfig, type DatabaseConfig, type MatrixConfig, type PasswordsConfig, type SecretsConfig, type SmallSections } from './sections.ts';
import type { ConfigValue } from './value.ts';

/** What the server needs (crates/config/src/sections/mod.rs `AppConfig`). */
export interface AppConfig {
  readonly account: AccountConfig;
  readonly database: DatabaseConfig;
  readonly http: HttpConfig;
  readonly matrix: MatrixConfig;
  readonly passwords: PasswordsConfig;
  readonly policy: PolicyConfig;
  readonly rateLimits: RateLimits;
  readonly secrets: SecretsConfig;
  readonly small: SmallSections;
}

/** What `config sync` needs (`SyncConfig`). */
export interface SyncConfig {
  readonly database: DatabaseConfig;
  readonly secrets: SecretsConfig;
  readonly clients: readonly ClientConfig[];
  readonly providers: readonly ProviderConfig[];
}

/** Parses sections that are present first, in the order of their names, then reports absent ones: the order serde sees a map in. */
function demand(root: ConfigValue, required: readonly string[]): void {
  for (const name of required) root.required(name);
}

/** `database` alone; the default connects by libpq's environment. */
export function databaseConfig(root: ConfigValue): DatabaseConfig {
  const section = root.at('database');
  const config = parseDatabase(section);
  validateDatabase(section, config);
  return config;
}

export function passwordsConfig(root: ConfigValue): PasswordsConfig {
  const section = root.at('passwords');
  const config = parsePasswords(section);
  validatePasswords(section, config);
  return config;
}

export function matrixConfig(root: ConfigValue): MatrixConfig {
  return parseMatrix(root.required('matrix'));
}

export function clientsConfig(root: ConfigValue): ClientConfig[] {
  const clients = parseClients(root.at('clients'));
  validateClients(root.at('clients'), clients);
  return clients;
}

export function providersConfig(root: ConfigValue): ProviderConfig[] {
  const providers = parseProviders(root.at('upstream_oauth2'));
  validateProviders(root.at('upstream_oauth2'), providers);
  return providers;
}

export function syncConfig(root: ConfigValue): SyncConfig {
  const clients = parseClients(root.at('clients'));
  const database = parseDatabase(root.at('database'));
  const secrets = root.at('secrets').present ? parseSecrets(root.at('secrets')) : undefined;
  const providers = parseProviders(root.at('upstream_oauth2'));
  if (secrets === undefined) throw root.missing('secrets');
  validateDatabase(root.at('database'), database);
  validateClients(root.at('clients'), clients);
  validateProviders(root.at('upstream_oauth2'), providers);
  return { database, secrets, clients, providers };
}

export function appConfig(root: ConfigValue): AppConfig {
  const account = parseAccount(root.at('account'));
  const small = parseSmallSections(root);
  const database = parseDatabase(root.at('database'));
  const http = parseHttp(root.at('http'));
  const matrix = root.at('matrix').present ? parseMatrix(root.at('matrix')) : undefined;
  const passwords = parsePasswords(root.at('passwords'));
  const policy = parsePolicy(root.at('policy'));
  const rateLimits = parseRateLimits(root.at('rate_limiting'));
  const secrets = root.at('secrets').present ? parseSecrets(root.at('secrets')) : undefined;
  demand(root, ['secrets', 'matrix']);
  if (secrets === undefined) throw root.missing('secrets');
  if (matrix === undefined) throw root.missing('matrix');
  validateHttp(root.at('http'), http);
  validateDatabase(root.at('database'), database);
  validatePasswords(root.at('passwords'), passwords);
  return { account, database, http, matrix, passwords, policy, rateLimits, secrets, small };
}

/** Every section, as `config check` and `config dump` read it (`RootConfig`). Opens no file the configuration refers to. */
export function rootConfig(root: ConfigValue): AppConfig & SyncConfig {
  const clients = parseClients(root.at('clients'));
  const app = appConfig(root);
  const providers = parseProviders(root.at('upstream_oauth2'));
  validateClients(root.at('clients'), clients);
  validateProviders(root.at('upstream_oauth2'), providers);
  return { ...app, clients, providers };
}

/** Read by `main` before any command runs (crates/cli/src/main.rs): a bad telemetry section fails every command. */
export function checkTelemetry(root: ConfigValue): void {
  const section = root.at('telemetry');
  if (!section.present) return;
  try {
    const exporter = (name: string, kinds: readonly string[]): void => {
      const value = section.at(name).at('exporter');
      if (value.present) value.oneOf(kinds);
    };
    exporter('tracing', ['none', 'stdout', 'otlp']);
    exporter('metrics', ['none', 'stdout', 'otlp', 'prometheus']);
  } catch (error) {
    throw withContext('Failed to load telemetry config', error);
  }
}
