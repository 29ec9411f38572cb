import type { ConfigValue } from './value.ts';

/** A secret given inline or as a path; which of the two decides whether it is trimmed (see secrets.ts). */
export type Given = { readonly kind: 'inline'; readonly text: string } | { readonly kind: 'file'; readonly path: string };

/** Reads `name` xor `name_file`; undefined when neither is set (crates/config/src/sections/mod.rs `ClientSecretRaw` and its likes). */
export function givenOrFile(section: ConfigValue, name: string): Given | undefined {
  const inline = section.at(name);
  const file = section.at(`${name}_file`);
  if (inline.present && file.present) throw section.error(`Cannot specify both \`${name}\` and \`${name}_file\``);
  if (inline.present) return { kind: 'inline', text: inline.string() };
  return file.present ? { kind: 'file', path: file.string() } : undefined;
}

function optionalString(section: ConfigValue, key: string): string | undefined {
  const value = section.at(key);
  return value.present ? value.string() : undefined;
}

function flag(section: ConfigValue, key: string, fallback: boolean): boolean {
  const value = section.at(key);
  return value.present ? value.boolean() : fallback;
}

/** `database` (crates/config/src/sections/database.rs). Times in seconds. */
export interface DatabaseConfig {
  readonly uri?: string;
  readonly host?: string;
  readonly port?: number;
  readonly socket?: string;
  readonly username?: string;
  readonly password?: string;
  readonly passwordFile?: string;
  readonly database?: string;
  readonly sslMode?: string;
  readonly maxConnections: number;
  readonly connectTimeout: number;
}

export function parseDatabase(section: ConfigValue): DatabaseConfig {
  const text = (key: string): string | undefined => optionalString(section, key);
  const port = section.at('port');
  const config: DatabaseConfig = {
    uri: text('uri'), host: text('host'), port: port.present ? port.integer('u16', 1, 65535) : undefined, socket: text('socket'),
    username: text('username'), password: text('password'), passwordFile: text('password_file'), database: text('database'),
    sslMode: section.at('ssl_mode').present ? section.at('ssl_mode').oneOf(['disable', 'allow', 'prefer', 'require', 'verify-ca', 'verify-full']) : undefined,
    maxConnections: section.at('max_connections').present ? section.at('max_connections').integer('a nonzero u32', 1, 4294967295) : 10,
    connectTimeout: section.at('connect_timeout').present ? section.at('connect_timeout').integer('u64', 0, Number.MAX_SAFE_INTEGER) : 30,
  };
  return config;
}

/** Cross-checks of `database` (`validate` in database.rs). */
export function validateDatabase(section: ConfigValue, config: DatabaseConfig): void {
  const split = [config.host, config.port, config.socket, config.username, config.password, config.passwordFile, config.database];
  if (config.uri !== undefined && split.some((value) => value !== undefined)) {
    throw section.error('uri must not be specified if host, port, socket, username, password, password_file, or database are specified');
  }
  if (config.password !== undefined && config.passwordFile !== undefined) {
    throw section.error('password must not be specified if password_file is specified');
  }
  const pairs = ['ssl_ca', 'ssl_certificate', 'ssl_key'];
  for (const name of pairs) {
    if (section.at(name).present && section.at(`${name}_file`).present) throw section.error(`${name} must not be specified if ${name}_file is specified`);
  }
  const has = (name: string): boolean => section.at(name).present || section.at(`${name}_file`).present;
  if (has('ssl_key') !== has('ssl_certificate')) {
    throw section.error('both a ssl_certificate and a ssl_key must be set at the same time or none of them');
  }
}

/** `matrix` (crates/config/src/sections/matrix.rs). */
export interface MatrixConfig {
  readonly kind: 'synapse' | 'synapse_read_only' | 'synapse_legacy' | 'synapse_modern';
  readonly homeserver: string;
  readonly endpoint: URL;
  readonly secret: Given;
}

export function parseMatrix(section: ConfigValue): MatrixConfig {
  const kind = section.at('kind');
  const endpoint = section.at('endpoint');
  const homeserver = optionalString(section, 'homeserver') ?? 'localhost:8008';
  const parsed = {
    kind: kind.present ? kind.oneOf(['synapse', 'synapse_read_only', 'synapse_legacy', 'synapse_modern']) : 'synapse',
    homeserver,
    endpoint: endpoint.present ? endpoint.url() : new URL('http://localhost:8008/'),
  } as const;
  const secret = givenOrFile(section, 'secret');
  if (secret === undefined) throw section.error('Missing `secret` or `secret_file`');
  return { ...parsed, secret };
}

/** One of `secrets.keys[]`. */
export interface KeyConfig { readonly kid?: string; readonly key: Given; readonly password?: Given }

/** `secrets` (crates/config/src/sections/secrets.rs). */
export interface SecretsConfig {
  readonly encryption: Given;
  readonly keys: readonly KeyConfig[];
  readonly keysDir?: string;
}

export function parseSecrets(section: ConfigValue): SecretsConfig {
  const keys = section.at('keys').present ? section.at('keys').list().map((entry) => {
    const key = givenOrFile(entry, 'key');
    if (key === undefined) throw entry.error('Missing `key` or `key_file`');
    return { kid: optionalString(entry, 'kid'), key, password: givenOrFile(entry, 'password') };
  }) : [];
  const encryption = givenOrFile(section, 'encryption');
  if (encryption === undefined) throw section.error('Missing `encryption` or `encryption_file`');
  if (encryption.kind === 'inline') {
    // serde_with's Hex checks this at parse time, so even `config check` fails.
    if (encryption.text.length % 2 === 1) throw section.error('Odd number of digits');
    if (!/^[0-9a-fA-F]*$/.test(encryption.text)) throw section.error('Invalid character in `encryption`, expected hexadecimal digits');
    if (encryption.text.length !== 64) throw section.error(`Can't convert a Byte Vector of length ${String(encryption.text.length / 2)} to the output type.`);
  }
  return { encryption, keys, keysDir: optionalString(section, 'keys_dir') };
}

export type PasswordAlgorithm = 'bcrypt' | 'argon2id' | 'pbkdf2';

/** One of `passwords.schemes[]` (crates/config/src/sections/passwords.rs). */
export interface PasswordScheme {
  readonly version: number;
  readonly algorithm: PasswordAlgorithm;
  readonly cost?: number;
  readonly secret?: string;
  readonly secretFile?: string;
  readonly unicodeNormalization: boolean;
}

/** `passwords`. */
export interface PasswordsConfig {
  readonly enabled: boolean;
  readonly schemes: readonly PasswordScheme[];
  readonly minimumComplexity: number;
}

export function parsePasswords(section: ConfigValue): PasswordsConfig {
  const schemes = section.at('schemes').present ? section.at('schemes').list().map((entry): PasswordScheme => ({
    version: entry.required('version').integer('u16', 0, 65535),
    algorithm: entry.required('algorithm').oneOf(['bcrypt', 'argon2id', 'pbkdf2']),
    cost: entry.at('cost').present ? entry.at('cost').integer('u32', 0, 4294967295) : undefined,
    secret: optionalString(entry, 'secret'),
    secretFile: optionalString(entry, 'secret_file'),
    unicodeNormalization: flag(entry, 'unicode_normalization', false),
  })) : [{ version: 1, algorithm: 'argon2id', unicodeNormalization: false } as const];
  const complexity = section.at('minimum_complexity');
  return { enabled: flag(section, 'enabled', true), schemes, minimumComplexity: complexity.present ? complexity.integer('u8', 0, 255) : 3 };
}

/** Cross-checks of `passwords` (`validate` in passwords.rs). */
export function validatePasswords(section: ConfigValue, config: PasswordsConfig): void {
  if (!config.enabled) return;
  if (config.schemes.length === 0) throw section.error('Requires at least one password scheme in the config');
  for (const scheme of config.schemes) {
    if (scheme.secret !== undefined && scheme.secretFile !== undefined) throw section.error('Cannot specify both `secret` and `secret_file`');
  }
}

/** `account` (crates/config/src/sections/account.rs), only what the stand-in acts on or reports. */
export type AccountConfig = Readonly<Record<'emailChangeAllowed' | 'displaynameChangeAllowed' | 'passwordRegistrationEnabled'
  | 'passwordRegistrationEmailRequired' | 'passwordChangeAllowed' | 'passwordRecoveryEnabled' | 'accountDeactivationAllowed' | 'loginWithEmailAllowed'
  | 'registrationTokenRequired' | 'passwordRegistrationTokenRequired', boolean>>;

export function parseAccount(section: ConfigValue): AccountConfig {
  return {
    accountDeactivationAllowed: flag(section, 'account_deactivation_allowed', true),
    displaynameChangeAllowed: flag(section, 'displayname_change_allowed', true),
    emailChangeAllowed: flag(section, 'email_change_allowed', true),
    loginWithEmailAllowed: flag(section, 'login_with_email_allowed', false),
    passwordChangeAllowed: flag(section, 'password_change_allowed', true),
    passwordRecoveryEnabled: flag(section, 'password_recovery_enabled', false),
    passwordRegistrationEmailRequired: flag(section, 'password_registration_email_required', true),
    passwordRegistrationEnabled: flag(section, 'password_registration_enabled', false),
    passwordRegistrationTokenRequired: flag(section, 'password_registration_token_required', false),
    registrationTokenRequired: flag(section, 'registration_token_required', false),
  };
}

/** `branding`, `captcha`, `oauth`, `experimental`, `templates`: the fields that are read. */
export interface SmallSections {
  readonly tosUri?: string;
  readonly policyUri?: string;
  readonly imprint?: string;
  readonly serviceName?: string;
  readonly captchaService?: string;
  readonly deviceCodeGrantEnabled: boolean;
  readonly deviceCodeAutoFillEnabled: boolean;
  /** Seconds an OAuth access token lives; default 300. */
  readonly accessTokenTtl: number;
  /** Seconds a compatibility access token lives when the client asked for a refresh token; default 300. */
  readonly compatTokenTtl: number;
  readonly templatesPath: string;
  readonly assetsManifest: string;
  readonly translationsPath: string;
}

/** Where the official image keeps its files (build feature `docker`). */
export const SHARE = '/usr/local/share/mas-cli';

export function parseSmallSections(root: ConfigValue): SmallSections {
  const branding = root.at('branding');
  const captcha = root.at('captcha');
  const experimental = root.at('experimental');
  const oauth = root.at('oauth');
  const templates = root.at('templates');
  const url = (key: string): string | undefined => (branding.at(key).present ? branding.at(key).url().href : undefined);
  const seconds = (key: string): number => (experimental.at(key).present ? experimental.at(key).integer('i64', 60, 86400) : 300);
  const service = captcha.at('service');
  return {
    imprint: optionalString(branding, 'imprint'), policyUri: url('policy_uri'), serviceName: optionalString(branding, 'service_name'), tosUri: url('tos_uri'),
    captchaService: service.present ? service.oneOf(['recaptcha_v2', 'cloudflare_turnstile', 'hcaptcha']) : undefined,
    accessTokenTtl: seconds('access_token_ttl'), compatTokenTtl: seconds('compat_token_ttl'),
    deviceCodeGrantEnabled: flag(oauth, 'device_code_grant_enabled', true),
    deviceCodeAutoFillEnabled: flag(oauth, 'device_code_user_code_auto_fill_enabled', false),
    templatesPath: optionalString(templates, 'path') ?? `${SHARE}/templates/`,
    assetsManifest: optionalString(templates, 'assets_manifest') ?? `${SHARE}/manifest.json`,
    translationsPath: optionalString(templates, 'translations_path') ?? `${SHARE}/translations/`,
  };
}
