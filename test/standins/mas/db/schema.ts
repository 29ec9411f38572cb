/**
 * The tables of MAS 1.22.0 that the stand-in or its readers touch, with MAS's own table, column and constraint names
 * (facts of crates/storage-pg/migrations at v1.22.0; the statements are our own). A table is given as its columns; `!` means
 * NOT NULL, `@name` the primary key, `*` a unique column, `>table.column` a foreign key.
 */
type Columns = Readonly<Record<string, string>>;

const TIME = 'timestamptz';

/** Parents come before their children. */
export const TABLES: Readonly<Record<string, Columns>> = {
  users: { user_id: '@uuid', username: 'text! *', created_at: `${TIME}!`, locked_at: TIME, can_request_admin: 'boolean! default false', is_guest: 'boolean! default false', deactivated_at: TIME },
  user_passwords: { user_password_id: '@uuid', user_id: 'uuid! >users.user_id', hashed_password: 'text!', created_at: `${TIME}!`, version: 'integer!', upgraded_from_id: 'uuid >user_passwords.user_password_id set null' },
  user_emails: { user_email_id: '@uuid', user_id: 'uuid! >users.user_id cascade', email: 'text!', created_at: `${TIME}!` },
  user_unsupported_third_party_ids: { user_id: 'uuid! >users.user_id cascade', medium: 'text!', address: 'text!', created_at: `${TIME}!` },
  user_terms: { user_terms_id: '@uuid', user_id: 'uuid! >users.user_id cascade', terms_url: 'text!', created_at: `${TIME}!` },
  user_sessions: { user_session_id: '@uuid', user_id: 'uuid! >users.user_id', created_at: `${TIME}!`, finished_at: TIME, user_agent: 'text', last_active_at: TIME, last_active_ip: 'inet' },
  user_registration_tokens: { user_registration_token_id: '@uuid', token: 'text! *', usage_limit: 'integer', times_used: 'integer! default 0', created_at: `${TIME}!`, last_used_at: TIME, expires_at: TIME, revoked_at: TIME },
  upstream_oauth_providers: { upstream_oauth_provider_id: '@uuid', issuer: 'text', scope: 'text!', client_id: 'text!', encrypted_client_secret: 'text', token_endpoint_signing_alg: 'text',
    token_endpoint_auth_method: 'text!', created_at: `${TIME}!`, claims_imports: "jsonb! default '{}'", discovery_mode: "text! default 'oidc'", pkce_mode: "text! default 'auto'",
    human_name: 'text', brand_name: 'text', disabled_at: TIME, ui_order: 'integer! default 0' },
  upstream_oauth_links: { upstream_oauth_link_id: '@uuid', upstream_oauth_provider_id: 'uuid! >upstream_oauth_providers.upstream_oauth_provider_id', user_id: 'uuid >users.user_id', subject: 'text!', created_at: `${TIME}!`, human_account_name: 'text' },
  upstream_oauth_authorization_sessions: { upstream_oauth_authorization_session_id: '@uuid', upstream_oauth_provider_id: 'uuid! >upstream_oauth_providers.upstream_oauth_provider_id',
    upstream_oauth_link_id: 'uuid >upstream_oauth_links.upstream_oauth_link_id', id_token: 'text', state: 'text! *', code_challenge_verifier: 'text', nonce: 'text', created_at: `${TIME}!`,
    completed_at: TIME, consumed_at: TIME, unlinked_at: TIME, user_session_id: 'uuid >user_sessions.user_session_id set null' },
  user_session_authentications: { user_session_authentication_id: '@uuid', user_session_id: 'uuid! >user_sessions.user_session_id', created_at: `${TIME}!`,
    user_password_id: 'uuid >user_passwords.user_password_id set null', upstream_oauth_authorization_session_id: 'uuid >upstream_oauth_authorization_sessions.upstream_oauth_authorization_session_id set null' },
  compat_sessions: { compat_session_id: '@uuid', user_id: 'uuid! >users.user_id', device_id: 'text', created_at: `${TIME}!`, finished_at: TIME, is_synapse_admin: 'boolean! default false',
    last_active_at: TIME, last_active_ip: 'inet', user_session_id: 'uuid >user_sessions.user_session_id', user_agent: 'text', human_name: 'text' },
  compat_access_tokens: { compat_access_token_id: '@uuid', compat_session_id: 'uuid! >compat_sessions.compat_session_id', access_token: 'text! *', created_at: `${TIME}!`, expires_at: TIME },
  compat_refresh_tokens: { compat_refresh_token_id: '@uuid', compat_session_id: 'uuid! >compat_sessions.compat_session_id', compat_access_token_id: 'uuid! >compat_access_tokens.compat_access_token_id',
    refresh_token: 'text! *', created_at: `${TIME}!`, consumed_at: TIME },
  compat_sso_logins: { compat_sso_login_id: '@uuid', redirect_uri: 'text!', login_token: 'text! *', compat_session_id: 'uuid >compat_sessions.compat_session_id set null', created_at: `${TIME}!`,
    fulfilled_at: TIME, exchanged_at: TIME, user_session_id: 'uuid >user_sessions.user_session_id cascade' },
  oauth2_clients: { oauth2_client_id: '@uuid', encrypted_client_secret: 'text', grant_type_authorization_code: 'boolean!', grant_type_refresh_token: 'boolean!', client_name: 'text', logo_uri: 'text',
    client_uri: 'text', policy_uri: 'text', tos_uri: 'text', jwks_uri: 'text', jwks: 'jsonb', id_token_signed_response_alg: 'text', token_endpoint_auth_method: 'text',
    token_endpoint_auth_signing_alg: 'text', initiate_login_uri: 'text', userinfo_signed_response_alg: 'text', created_at: TIME, is_static: 'boolean! default false', redirect_uris: "text[]! default '{}'",
    application_type: 'text', contacts: "text[]! default '{}'", grant_type_client_credentials: 'boolean! default false', grant_type_device_code: 'boolean! default false', metadata_digest: 'text *' },
  oauth2_sessions: { oauth2_session_id: '@uuid', user_session_id: 'uuid >user_sessions.user_session_id', oauth2_client_id: 'uuid! >oauth2_clients.oauth2_client_id', created_at: `${TIME}!`, finished_at: TIME,
    user_id: 'uuid >users.user_id cascade', scope_list: 'text[]!', last_active_at: TIME, last_active_ip: 'inet', user_agent: 'text', human_name: 'text' },
  oauth2_access_tokens: { oauth2_access_token_id: '@uuid', oauth2_session_id: 'uuid! >oauth2_sessions.oauth2_session_id', access_token: 'text! *', created_at: `${TIME}!`, expires_at: TIME, revoked_at: TIME, first_used_at: TIME },
  oauth2_refresh_tokens: { oauth2_refresh_token_id: '@uuid', oauth2_session_id: 'uuid! >oauth2_sessions.oauth2_session_id', oauth2_access_token_id: 'uuid >oauth2_access_tokens.oauth2_access_token_id set null',
    refresh_token: 'text! *', created_at: `${TIME}!`, consumed_at: TIME, revoked_at: TIME, next_oauth2_refresh_token_id: 'uuid >oauth2_refresh_tokens.oauth2_refresh_token_id set null' },
  oauth2_authorization_grants: { oauth2_authorization_grant_id: '@uuid', oauth2_client_id: 'uuid! >oauth2_clients.oauth2_client_id', oauth2_session_id: 'uuid >oauth2_sessions.oauth2_session_id',
    authorization_code: 'text *', redirect_uri: 'text!', scope: 'text!', state: 'text', nonce: 'text', response_mode: 'text!', code_challenge_method: 'text', code_challenge: 'text',
    response_type_code: 'boolean!', response_type_id_token: 'boolean!', created_at: `${TIME}!`, fulfilled_at: TIME, cancelled_at: TIME, exchanged_at: TIME, login_hint: 'text', locale: 'text',
    user_session_id: 'uuid >user_sessions.user_session_id set null', raw_parameters: 'jsonb' },
  oauth2_device_code_grant: { oauth2_device_code_grant_id: '@uuid', oauth2_client_id: 'uuid! >oauth2_clients.oauth2_client_id cascade', scope: 'text!', user_code: 'text! *', device_code: 'text! *',
    created_at: `${TIME}!`, expires_at: `${TIME}!`, fulfilled_at: TIME, rejected_at: TIME, exchanged_at: TIME, oauth2_session_id: 'uuid >oauth2_sessions.oauth2_session_id cascade',
    user_session_id: 'uuid >user_sessions.user_session_id', ip_address: 'inet', user_agent: 'text', locale: 'text' },
  personal_sessions: { personal_session_id: '@uuid', owner_user_id: 'uuid >users.user_id', owner_oauth2_client_id: 'uuid >oauth2_clients.oauth2_client_id', actor_user_id: 'uuid! >users.user_id', human_name: 'text!',
    scope_list: 'text[]!', created_at: `${TIME}!`, revoked_at: TIME, last_active_at: TIME, last_active_ip: 'inet' },
  personal_access_tokens: { personal_access_token_id: '@uuid', personal_session_id: 'uuid! >personal_sessions.personal_session_id', access_token_sha256: 'bytea! *', created_at: `${TIME}!`, expires_at: TIME, revoked_at: TIME },
  queue_jobs: { queue_job_id: '@uuid', status: "text! default 'available'", created_at: `${TIME}!`, completed_at: TIME, queue_name: 'text!', payload: "jsonb! default '{}'", metadata: "jsonb! default '{}'", failed_at: TIME, failed_reason: 'text', attempt: 'integer! default 0', scheduled_at: TIME },
};

/** Keys over several columns, and the unique names that readers or syn2mas see. */
const COMPOUND: readonly string[] = [
  'alter table user_unsupported_third_party_ids add constraint user_unsupported_third_party_ids_pkey primary key (user_id, medium, address)',
  'alter table upstream_oauth_links add constraint upstream_oauth_links_subject_unique unique (upstream_oauth_provider_id, subject)',
  'alter table personal_sessions add constraint personal_sessions_exactly_one_owner check ((owner_user_id is null) <> (owner_oauth2_client_id is null))',
  'create index user_emails_lower_email_idx on user_emails (lower(email))',
  'create index users_lower_username_idx on users (lower(username))',
  'create index users_username_trgm_idx on users using gin (username gin_trgm_ops)',
  'create index compat_sessions_user_fk on compat_sessions (user_id)',
  'create index compat_access_tokens_session_fk on compat_access_tokens (compat_session_id)',
  'create index compat_refresh_tokens_session_fk on compat_refresh_tokens (compat_session_id)',
];

/** Unique constraints that MAS does not name `<table>_<column>_key`. */
const UNIQUE_NAMES: Readonly<Record<string, string>> = {
  'users.username': 'users_username_unique',
  'compat_access_tokens.access_token': 'compat_access_tokens_access_token_unique',
  'compat_refresh_tokens.refresh_token': 'compat_refresh_tokens_refresh_token_unique',
  'oauth2_access_tokens.access_token': 'oauth2_access_tokens_unique',
  'oauth2_refresh_tokens.refresh_token': 'oauth2_refresh_tokens_unique',
};

function column(table: string, name: string, spec: string): string {
  const [, primary, type, notNull, rest] = /^(@?)(\w+(?:\[\])?)(!?)\s*(.*)$/.exec(spec) ?? [];
  const unique = /(^|\s)\*/.test(rest ?? '');
  const value = /default ('[^']*'|\S+)/.exec(rest ?? '')?.[1];
  const reference = />(\w+)\.(\w+)(?: (set null|cascade))?/.exec(rest ?? '');
  return [name, type, primary === '@' ? 'primary key' : '', notNull === '!' ? 'not null' : '', value === undefined ? '' : `default ${value}`,
    unique ? `constraint ${UNIQUE_NAMES[`${table}.${name}`] ?? `${table}_${name}_key`} unique` : '',
    reference === null ? '' : `references ${reference[1] ?? ''} (${reference[2] ?? ''})${reference[3] === undefined ? '' : ` on delete ${reference[3]}`}`,
  ].filter((part) => part !== '').join(' ');
}

/** All statements that make an empty database a MAS database. */
export function schemaStatements(): string[] {
  const tables = Object.entries(TABLES).map(([table, columns]) =>
    `create table ${table} (${Object.entries(columns).map(([name, spec]) => column(table, name, spec)).join(', ')})`);
  return [...tables, ...COMPOUND];
}
