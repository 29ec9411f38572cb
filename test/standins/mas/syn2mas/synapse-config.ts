import type pg from 'pg';
import { CommandError, withContext } from '../cli/errors.ts';
import { loadYaml } from '../config/load.ts';
import { type ConfigValue } from '../config/value.ts';

/** What syn2mas reads of homeserver.yaml (crates/syn2mas/src/synapse_reader/config/mod.rs `Config`). */
export interface SynapseConfig {
  readonly serverName: string;
  readonly database: pg.ClientConfig | CommandError;
  readonly passwordEnabled: boolean;
  readonly localdbEnabled: boolean;
  readonly pepper?: string;
  readonly allowGuestAccess: boolean;
  readonly enableRegistration: boolean;
  readonly enableRegistrationCaptcha: boolean;
  readonly enable3pidChanges?: boolean;
  readonly hasUserConsent: boolean;
  readonly loginViaExistingSession: boolean;
  readonly cas: boolean;
  readonly saml2: boolean;
  readonly jwt: boolean;
  /** Issuer by the provider id that Synapse stores in `user_external_ids`. */
  readonly oidcIssuers: ReadonlyMap<string, string | undefined>;
}

function flag(section: ConfigValue, key: string, fallback: boolean): boolean {
  const value = section.at(key);
  return value.present ? value.boolean() : fallback;
}

function text(section: ConfigValue, key: string): string | undefined {
  const value = section.at(key);
  return value.present ? value.string() : undefined;
}

/** Connection of `database.args`; sslmode and passfile are not read, missing ones come from libpq's environment (`to_sqlx_postgres`). */
function database(section: ConfigValue): pg.ClientConfig | CommandError {
  const name = section.required('name').string();
  const args = section.at('args');
  const options = {
    application_name: 'syn2mas-synapse', host: text(args, 'host'), user: text(args, 'user'), password: text(args, 'password'),
    port: args.at('port').present ? args.at('port').integer('u16', 0, 65535) : undefined,
    database: text(args, 'dbname') ?? text(args, 'database'),
  };
  if (name !== 'psycopg2') return new CommandError(`syn2mas does not support the ${name} database driver`);
  if (args.at('database').present && args.at('dbname').present) {
    return new CommandError('Only one of `database` and `dbname` may be specified in the Synapse database configuration, not both.');
  }
  return options;
}

/** Synapse stores `oidc` for the old single provider or an entry without id, `oidc-<id>` otherwise (`all_oidc_providers`). */
function oidcIssuers(root: ConfigValue): Map<string, string | undefined> {
  const issuers = new Map<string, string | undefined>();
  const legacy = root.at('oidc_config');
  // The old section counts only when it is filled in (oidc.rs `has_required_fields`).
  if (legacy.present && legacy.at('client_id').present && legacy.at('issuer').present) issuers.set(text(legacy, 'idp_id') ?? 'oidc', text(legacy, 'issuer'));
  const providers = root.at('oidc_providers');
  for (const provider of providers.present ? providers.list() : []) {
    const id = text(provider, 'idp_id');
    issuers.set(id === undefined || id === 'oidc' ? 'oidc' : `oidc-${id}`, text(provider, 'issuer'));
  }
  return issuers;
}

/** Loads and merges the Synapse files; they are merged deeply here although Synapse itself merges only top-level keys. */
export function loadSynapseConfig(files: readonly string[]): SynapseConfig {
  try {
    const root = loadYaml(files, 'replace');
    const password = root.at('password_config');
    const enabled = (key: string): boolean => flag(root.at(key), 'enabled', false);
    return {
      // `only_for_reauth` is legal for Synapse but not a boolean, so it fails here (mas.md 4.1).
      passwordEnabled: flagStrict(password, 'enabled'), localdbEnabled: flagStrict(password, 'localdb_enabled'), pepper: text(password, 'pepper'),
      allowGuestAccess: flag(root, 'allow_guest_access', false), enableRegistration: flag(root, 'enable_registration', false),
      enableRegistrationCaptcha: flag(root, 'enable_registration_captcha', false),
      enable3pidChanges: root.at('enable_3pid_changes').present ? root.at('enable_3pid_changes').boolean() : undefined,
      hasUserConsent: root.at('user_consent').present, loginViaExistingSession: enabled('login_via_existing_session'),
      cas: enabled('cas_config'), saml2: enabled('saml2_config'), jwt: enabled('jwt_config'), oidcIssuers: oidcIssuers(root),
      database: database(root.required('database')), serverName: root.required('server_name').string(),
    };
  } catch (error) {
    throw withContext('Failed to load Synapse configuration', error);
  }
}

function flagStrict(section: ConfigValue, key: string): boolean {
  return flag(section, key, true);
}
