import { isIP } from 'node:net';
import { CommandError } from '../cli/errors.ts';
import { log } from '../cli/log.ts';
import { newId, timeOf } from '../db/ids.ts';
import { MIGRATED_PASSWORD_VERSION } from './checks.ts';
import type { SynapseReader } from './reader.ts';
import type { MasWriter } from './writer.ts';

const TARGET = 'syn2mas::migration';

export interface MigrationOptions {
  readonly serverName: string;
  /** MAS provider UUID by the id Synapse stores. */
  readonly providers: ReadonlyMap<string, string>;
  readonly ignoreMissingAuthProviders: boolean;
}

interface KnownUser { readonly id?: string; readonly admin: boolean; readonly tokensAreSkipped: boolean; }

/** The localpart of a user of this server; anything else stops the migration (`extract_localpart`). */
function localpart(user: string, serverName: string): string {
  const fail = (reason: string): CommandError =>
    new CommandError(`failed to extract localpart of FullUserId(${JSON.stringify(user)}): ${reason}`, { cause: new CommandError(reason) });
  if (!user.startsWith('@')) throw fail('user ID does not start with `@` sigil');
  const colon = user.indexOf(':');
  if (colon < 0) throw fail('user ID does not have a `:` separator');
  const found = user.slice(colon + 1);
  if (found !== serverName) throw fail(`wrong server name: expected ${JSON.stringify(serverName)}, got ${JSON.stringify(found)}`);
  return user.slice(1, colon);
}

/** Moves everything in MAS's order: users, third-party ids, links, tokens, pairs, devices (crates/syn2mas/src/migration.rs). */
export class Migration {
  readonly #reader: SynapseReader;
  readonly #writer: MasWriter;
  readonly #options: MigrationOptions;
  readonly #users = new Map<string, KnownUser>();
  readonly #sessions = new Map<string, string>();
  readonly #now = new Date();

  constructor(reader: SynapseReader, writer: MasWriter, options: MigrationOptions) {
    this.#reader = reader;
    this.#writer = writer;
    this.#options = options;
  }

  async run(): Promise<void> {
    await this.#step('users', () => this.#migrateUsers());
    await this.#step('third-party IDs', () => this.#migrateThreepids());
    await this.#step('upstream links (external IDs)', () => this.#migrateExternalIds());
    await this.#step('non-refreshable access tokens', () => this.#migrateAccessTokens());
    await this.#step('refreshable token pairs', () => this.#migrateTokenPairs());
    await this.#step('devices', () => this.#migrateDevices());
    await this.#reader.finish();
    await this.#writer.finish();
  }

  async #step(what: string, work: () => Promise<{ migrated: number; skipped: number }>): Promise<void> {
    const started = Date.now();
    const { migrated, skipped } = await work();
    await this.#writer.settle();
    log('INFO', TARGET, `${String(migrated)} ${what} migrated (${String(skipped)} skipped) in ${((Date.now() - started) / 1000).toFixed(1)}s`);
  }

  #known(user: string, table: string): KnownUser {
    const known = this.#users.get(localpart(user, this.#options.serverName));
    if (known === undefined) throw new CommandError(`user ${user} was not found for migration but a row in ${table} was found for them`);
    return known;
  }

  async #migrateUsers(): Promise<{ migrated: number; skipped: number }> {
    const count = { migrated: 0, skipped: 0 };
    const { serverName } = this.#options;
    for (const user of await this.#reader.users()) {
      if (user.appservice_id !== null && user.name.endsWith(`:${serverName}`) && user.name.slice(0, -serverName.length - 1).includes(':')) {
        log('WARN', TARGET, `AS user ${user.name} has invalid localpart, ignoring!`);
        continue;
      }
      const username = localpart(user.name, serverName);
      const created = new Date(user.creation_ts * 1000);
      const isAppservice = user.appservice_id !== null;
      const id = isAppservice ? undefined : newId(created.getTime());
      this.#users.set(username, { id, admin: user.admin !== 0, tokensAreSkipped: isAppservice || user.deactivated !== 0 || user.is_guest !== 0 });
      if (id === undefined) {
        count.skipped++;
        continue;
      }
      this.#writer.write('users', { user_id: 'uuid', username: 'text', created_at: 'timestamptz', locked_at: 'timestamptz', deactivated_at: 'timestamptz', can_request_admin: 'bool', is_guest: 'bool' },
        [id, username, created, user.locked ? created : null, user.deactivated !== 0 ? created : null, user.admin !== 0, user.is_guest !== 0]);
      if (user.password_hash !== null) {
        this.#writer.write('user_passwords', { user_password_id: 'uuid', user_id: 'uuid', hashed_password: 'text', created_at: 'timestamptz', version: 'int' },
          [newId(created.getTime()), id, user.password_hash, created, MIGRATED_PASSWORD_VERSION]);
      }
      count.migrated++;
    }
    return count;
  }

  async #migrateThreepids(): Promise<{ migrated: number; skipped: number }> {
    const count = { migrated: 0, skipped: 0 };
    for (const row of await this.#reader.threepids()) {
      const { id } = this.#known(row.user_id, 'user_threepids');
      if (id === undefined) {
        count.skipped++;
        continue;
      }
      const created = new Date(row.added_at);
      if (row.medium === 'email') {
        this.#writer.write('user_emails', { user_email_id: 'uuid', user_id: 'uuid', email: 'text', created_at: 'timestamptz' }, [newId(created.getTime()), id, row.address, created]);
      } else {
        this.#writer.write('user_unsupported_third_party_ids', { user_id: 'uuid', medium: 'text', address: 'text', created_at: 'timestamptz' }, [id, row.medium, row.address, created]);
      }
      count.migrated++;
    }
    return count;
  }

  async #migrateExternalIds(): Promise<{ migrated: number; skipped: number }> {
    const count = { migrated: 0, skipped: 0 };
    for (const row of await this.#reader.externalIds()) {
      const { id } = this.#known(row.user_id, 'user_external_ids');
      const provider = this.#options.providers.get(row.auth_provider);
      if (id === undefined || (provider === undefined && this.#options.ignoreMissingAuthProviders)) {
        count.skipped++;
        continue;
      }
      if (provider === undefined) {
        throw new CommandError(`missing a mapping for the auth provider with ID ${JSON.stringify(row.auth_provider)} (used by ${row.user_id} and maybe other users)`);
      }
      const created = timeOf(id);
      this.#writer.write('upstream_oauth_links', { upstream_oauth_link_id: 'uuid', user_id: 'uuid', upstream_oauth_provider_id: 'uuid', subject: 'text', created_at: 'timestamptz' },
        [newId(created.getTime()), id, provider, row.external_id, created]);
      count.migrated++;
    }
    return count;
  }

  /** The session of a device: the first token seen for it names the id, later ones and the device row share it. */
  #sessionOf(userId: string, deviceId: string, created: Date): string {
    const key = `${userId} ${deviceId}`;
    const session = this.#sessions.get(key) ?? newId(created.getTime());
    this.#sessions.set(key, session);
    return session;
  }

  #writeSession(values: readonly unknown[]): void {
    this.#writer.write('compat_sessions', { compat_session_id: 'uuid', user_id: 'uuid', device_id: 'text', human_name: 'text', created_at: 'timestamptz', is_synapse_admin: 'bool',
      last_active_at: 'timestamptz', last_active_ip: 'inet', user_agent: 'text' }, values);
  }

  #writeAccessToken(id: string, session: string, token: string, created: Date, validUntil: number | null): void {
    this.#writer.write('compat_access_tokens', { compat_access_token_id: 'uuid', compat_session_id: 'uuid', access_token: 'text', created_at: 'timestamptz', expires_at: 'timestamptz' },
      [id, session, token, created, validUntil === null ? null : new Date(validUntil)]);
  }

  async #migrateAccessTokens(): Promise<{ migrated: number; skipped: number }> {
    const count = { migrated: 0, skipped: 0 };
    for (const row of await this.#reader.accessTokens()) {
      const user = this.#known(row.user_id, 'access_tokens');
      if (user.id === undefined || user.tokensAreSkipped) {
        count.skipped++;
        continue;
      }
      const created = row.last_validated === null ? this.#now : new Date(row.last_validated);
      let session: string;
      if (row.device_id === null) {
        session = newId(created.getTime());
        // A session without a device is never an admin's (migration.rs).
        this.#writeSession([session, user.id, null, null, created, false, null, null, null]);
      } else {
        session = this.#sessionOf(user.id, row.device_id, created);
      }
      this.#writeAccessToken(newId(created.getTime()), session, row.token, created, row.valid_until_ms);
      count.migrated++;
    }
    return count;
  }

  async #migrateTokenPairs(): Promise<{ migrated: number; skipped: number }> {
    const count = { migrated: 0, skipped: 0 };
    for (const row of await this.#reader.tokenPairs()) {
      const user = this.#known(row.user_id, 'refresh_tokens');
      if (user.id === undefined || user.tokensAreSkipped) {
        count.skipped++;
        continue;
      }
      const created = row.last_validated === null ? this.#now : new Date(row.last_validated);
      const session = this.#sessionOf(user.id, row.device_id, created);
      const accessToken = newId(created.getTime());
      this.#writeAccessToken(accessToken, session, row.access_token, created, row.valid_until_ms);
      this.#writer.write('compat_refresh_tokens', { compat_refresh_token_id: 'uuid', compat_session_id: 'uuid', compat_access_token_id: 'uuid', refresh_token: 'text', created_at: 'timestamptz' },
        [newId(created.getTime()), session, accessToken, row.refresh_token, created]);
      count.migrated++;
    }
    return count;
  }

  async #migrateDevices(): Promise<{ migrated: number; skipped: number }> {
    const count = { migrated: 0, skipped: 0 };
    for (const row of await this.#reader.devices()) {
      const user = this.#known(row.user_id, 'devices');
      if (user.id === undefined) {
        count.skipped++;
        continue;
      }
      // Not counted as skipped, as in migration.rs.
      if (user.tokensAreSkipped) continue;
      const session = this.#sessionOf(user.id, row.device_id, new Date());
      const ip = row.ip !== null && isIP(row.ip) !== 0 ? row.ip : null;
      if (row.ip !== null && row.ip !== '-' && ip === null) log('WARN', TARGET, 'Failed to parse device IP, ignoring', { mxid: row.user_id, device_id: row.device_id, ip: row.ip });
      this.#writeSession([session, user.id, row.device_id, row.display_name, timeOf(session), user.admin, row.last_seen === null ? null : new Date(row.last_seen), ip, row.user_agent]);
      count.migrated++;
    }
    return count;
  }
}
