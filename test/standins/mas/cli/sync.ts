import type pg from 'pg';
import { trimmedSecret } from '../config/secrets.ts';
import type { ClientConfig, ProviderConfig } from '../config/clients.ts';
import { advisoryKey, databaseError } from '../db/connect.ts';
import { type Encrypter } from '../db/encrypter.ts';
import { ulidOf, uuidOf } from '../db/ids.ts';
import { inContext } from './errors.ts';
import { log } from './log.ts';

const TARGET = 'mas_cli::sync';

export interface SyncRequest {
  readonly clients: readonly ClientConfig[];
  readonly providers: readonly ProviderConfig[];
  readonly encrypter: Encrypter;
  readonly prune: boolean;
  readonly dryRun: boolean;
}

function id(ulid: string): string {
  const uuid = uuidOf(ulid);
  if (uuid === undefined) throw new Error(`invalid ULID ${ulid}`);
  return uuid;
}

async function deleteProvider(client: pg.ClientBase, provider: string): Promise<void> {
  await client.query('delete from user_session_authentications where upstream_oauth_authorization_session_id in (select upstream_oauth_authorization_session_id from upstream_oauth_authorization_sessions where upstream_oauth_provider_id = $1)', [provider]);
  for (const table of ['upstream_oauth_authorization_sessions', 'upstream_oauth_links', 'upstream_oauth_providers']) {
    await client.query(`delete from ${table} where upstream_oauth_provider_id = $1`, [provider]);
  }
}

async function syncProviders(client: pg.ClientBase, request: SyncRequest): Promise<void> {
  const wanted = new Set(request.providers.filter((provider) => provider.enabled).map((provider) => id(provider.id)));
  const rows = await client.query<{ upstream_oauth_provider_id: string; disabled_at: Date | null }>('select upstream_oauth_provider_id, disabled_at from upstream_oauth_providers');
  const enabled = new Set<string>();
  const disabled = new Set<string>();
  for (const row of rows.rows) {
    const provider = row.upstream_oauth_provider_id;
    if (row.disabled_at === null && wanted.has(provider)) {
      enabled.add(provider);
      continue;
    }
    if (row.disabled_at === null) {
      log('INFO', TARGET, 'Disabling provider', { 'provider.id': ulidOf(provider) });
      if (!request.dryRun) await client.query('update upstream_oauth_providers set disabled_at = now() where upstream_oauth_provider_id = $1', [provider]);
    }
    disabled.add(provider);
  }
  if (request.prune) {
    for (const provider of disabled) {
      log('INFO', TARGET, 'Deleting provider', { 'provider.id': ulidOf(provider) });
      if (!request.dryRun) await deleteProvider(client, provider);
    }
  } else if (disabled.size === 1) {
    log('WARN', TARGET, 'A provider is soft-deleted in the database. Run `mas-cli config sync --prune` to delete it.');
  } else if (disabled.size > 1) {
    log('WARN', TARGET, `${String(disabled.size)} providers are soft-deleted in the database. Run \`mas-cli config sync --prune\` to delete them.`);
  }
  for (const [order, provider] of request.providers.entries()) {
    if (!provider.enabled) continue;
    const uuid = id(provider.id);
    log('INFO', TARGET, enabled.has(uuid) ? 'Updating provider' : disabled.has(uuid) ? 'Enabling and updating provider' : 'Adding provider', { 'provider.id': provider.id });
    if (request.dryRun) continue;
    const secret = provider.secret === undefined ? null : request.encrypter.encrypt(trimmedSecret(provider.secret));
    await client.query(`insert into upstream_oauth_providers (upstream_oauth_provider_id, issuer, scope, client_id, encrypted_client_secret, token_endpoint_auth_method, created_at,
        claims_imports, discovery_mode, human_name, brand_name, ui_order)
      values ($1, $2, $3, $4, $5, $6, now(), $7, $8, $9, $10, $11)
      on conflict (upstream_oauth_provider_id) do update set issuer = excluded.issuer, scope = excluded.scope, client_id = excluded.client_id,
        encrypted_client_secret = excluded.encrypted_client_secret, token_endpoint_auth_method = excluded.token_endpoint_auth_method, claims_imports = excluded.claims_imports,
        discovery_mode = excluded.discovery_mode, human_name = excluded.human_name, brand_name = excluded.brand_name, ui_order = excluded.ui_order, disabled_at = null`,
    [uuid, provider.issuer ?? null, provider.scope, provider.clientId, secret, provider.authMethod, JSON.stringify(provider.claimsImports), provider.discoveryMode,
      provider.humanName ?? null, provider.brandName ?? null, order]);
  }
}

/** Deletes a client with its grants, sessions and tokens (crates/storage-pg/src/oauth2/client.rs `delete_by_id`). */
async function deleteClient(client: pg.ClientBase, uuid: string): Promise<void> {
  const ofSession = 'oauth2_session_id in (select oauth2_session_id from oauth2_sessions where oauth2_client_id = $1)';
  const statements = [
    'delete from oauth2_device_code_grant where oauth2_client_id = $1', 'delete from oauth2_authorization_grants where oauth2_client_id = $1',
    `delete from oauth2_refresh_tokens where ${ofSession}`, `delete from oauth2_access_tokens where ${ofSession}`,
    'delete from oauth2_sessions where oauth2_client_id = $1',
    'delete from personal_access_tokens where personal_session_id in (select personal_session_id from personal_sessions where owner_oauth2_client_id = $1)',
    'delete from personal_sessions where owner_oauth2_client_id = $1', 'delete from oauth2_clients where oauth2_client_id = $1',
  ];
  for (const statement of statements) await client.query(statement, [uuid]);
}

async function syncClients(client: pg.ClientBase, request: SyncRequest): Promise<void> {
  const wanted = new Set(request.clients.map((entry) => id(entry.clientId)));
  const rows = await client.query<{ oauth2_client_id: string }>('select oauth2_client_id from oauth2_clients where is_static');
  const existing = new Set(rows.rows.map((row) => row.oauth2_client_id));
  const gone = [...existing].filter((uuid) => !wanted.has(uuid));
  if (request.prune) {
    for (const uuid of gone) {
      log('INFO', TARGET, 'Deleting client', { 'client.id': ulidOf(uuid) });
      if (!request.dryRun) await deleteClient(client, uuid);
    }
  } else if (gone.length === 1) {
    log('WARN', TARGET, 'A static client in the database is not in the config. Run with `--prune` to delete it.');
  } else if (gone.length > 1) {
    log('WARN', TARGET, `${String(gone.length)} static clients in the database are not in the config. Run with \`--prune\` to delete them.`);
  }
  for (const entry of request.clients) {
    const uuid = id(entry.clientId);
    log('INFO', TARGET, existing.has(uuid) ? 'Updating client' : 'Adding client', { 'client.id': entry.clientId });
    if (request.dryRun) continue;
    const secret = entry.secret === undefined ? null : request.encrypter.encrypt(trimmedSecret(entry.secret));
    // Every static client gets all four grants (crates/storage-pg/src/oauth2/client.rs `upsert_static`).
    await client.query(`insert into oauth2_clients (oauth2_client_id, encrypted_client_secret, redirect_uris, grant_type_authorization_code, grant_type_refresh_token,
        grant_type_client_credentials, grant_type_device_code, token_endpoint_auth_method, jwks, client_name, client_uri, jwks_uri, is_static)
      values ($1, $2, $3, true, true, true, true, $4, $5, $6, $7, $8, true)
      on conflict (oauth2_client_id) do update set encrypted_client_secret = excluded.encrypted_client_secret, redirect_uris = excluded.redirect_uris,
        grant_type_authorization_code = true, grant_type_refresh_token = true, grant_type_client_credentials = true, grant_type_device_code = true,
        token_endpoint_auth_method = excluded.token_endpoint_auth_method, jwks = excluded.jwks, client_name = excluded.client_name, client_uri = excluded.client_uri,
        jwks_uri = excluded.jwks_uri, is_static = true`,
    [uuid, secret, entry.redirectUris, entry.authMethod, entry.jwks === undefined || entry.jwks === null ? null : JSON.stringify(entry.jwks), entry.name ?? null, entry.uri ?? null, entry.jwksUri ?? null]);
  }
}

/** Brings providers and static clients of the configuration into the database (crates/cli/src/sync.rs). A dry run rolls back. */
export async function syncConfiguration(client: pg.ClientBase, request: SyncRequest): Promise<void> {
  await inContext('could not sync the configuration with the database', async () => {
    await client.query('begin');
    try {
      log('INFO', TARGET, 'Acquiring configuration lock');
      const key = advisoryKey('MAS config sync').toString();
      await client.query('select pg_advisory_xact_lock($1)', [key]);
      log('INFO', TARGET, 'Syncing providers and clients defined in config to database', { prune: request.prune, dry_run: request.dryRun });
      await syncProviders(client, request);
      await syncClients(client, request);
      if (request.dryRun) log('INFO', TARGET, 'Dry run, rolling back changes');
      await client.query(request.dryRun ? 'rollback' : 'commit');
    } catch (error) {
      await client.query('rollback').catch(() => undefined);
      throw databaseError(error);
    }
  });
}
