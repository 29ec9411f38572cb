import type pg from 'pg';
import { CommandError, withContext } from '../cli/errors.ts';
import type { ProviderConfig } from '../config/clients.ts';
import type { LoadedScheme } from '../config/secrets.ts';
import { databaseError } from '../db/connect.ts';
import type { SynapseConfig } from './synapse-config.ts';
import { isInProgress, TABLES } from './writer.ts';

/** Findings, in the words of crates/syn2mas/src/synapse_reader/checks.rs so that whoever parses them meets the same lines. */
export interface Findings { readonly errors: string[]; readonly warnings: string[] }

/** The parts of MAS's configuration that the checks compare with. */
export interface MasSide {
  readonly schemes: readonly LoadedScheme[];
  readonly homeserver: string;
  readonly captchaService?: string;
  readonly tosUri?: string;
  readonly providers: readonly ProviderConfig[];
}

/** Password rows brought from Synapse get this version (mas_writer/mod.rs `MIGRATED_PASSWORD_VERSION`). */
export const MIGRATED_PASSWORD_VERSION = 1;

const GUEST_ISSUE = 'https://github.com/element-hq/matrix-authentication-service/issues/1445';

/** `synapse_config_check` and `synapse_config_check_against_mas_config`, in their order. */
export function checkConfig(synapse: SynapseConfig, mas: MasSide): Findings {
  const errors: string[] = [];
  const warnings: string[] = [];
  if (synapse.enableRegistration) warnings.push('Synapse config has registration enabled. This must be disabled after migration before bringing Synapse back online.');
  if (synapse.hasUserConsent) warnings.push('Synapse config has `user_consent` enabled. This should be disabled after migration.');
  const external: [boolean, string][] = [[synapse.cas, 'CAS'], [synapse.saml2, 'SAML2'], [synapse.jwt, 'JWT'],
    [synapse.passwordEnabled && !synapse.localdbEnabled, 'non-standard password provider plugin']];
  for (const [on, name] of external) {
    if (on) warnings.push(`Synapse config contains ${name} auth configuration which will need to be manually mapped as an upstream OAuth 2.0 provider during migration.`);
  }
  if (synapse.enable3pidChanges === true) errors.push('Synapse config has `enable_3pid_changes` explicitly enabled, which must be disabled or removed.');
  if (synapse.loginViaExistingSession) errors.push('Synapse config has `login_via_existing_session.enabled` set to true, which must be disabled.');

  const scheme = mas.schemes.find((candidate) => candidate.version === MIGRATED_PASSWORD_VERSION);
  if (scheme === undefined) {
    errors.push("MAS config is missing a password hashing scheme with version '1'");
  } else {
    if (scheme.algorithm !== 'bcrypt') {
      errors.push("Password scheme version '1' in the MAS config must use the Bcrypt algorithm, so that Synapse passwords can be imported and will be compatible.");
    }
    const pepper = synapse.pepper === undefined ? undefined : Buffer.from(synapse.pepper);
    const same = pepper === undefined ? scheme.secret === undefined : scheme.secret?.equals(pepper) === true;
    if (!same) {
      errors.push("Password scheme version '1' in the MAS config must have the same secret as the `pepper` value from Synapse, so that Synapse passwords can be imported and will be compatible.");
    }
  }
  if (synapse.allowGuestAccess) {
    errors.push(`Guest support is enabled in the Synapse configuration. Guests aren't supported by MAS, but if you don't have any then you could disable the option. See ${GUEST_ISSUE}`);
  }
  if (synapse.serverName !== mas.homeserver) {
    errors.push(`MAS configuration has the wrong \`matrix.homeserver\` set (${JSON.stringify(mas.homeserver)}), it should match Synapse's \`server_name\` (${JSON.stringify(synapse.serverName)})`);
  }
  if (synapse.enableRegistrationCaptcha && mas.captchaService === undefined) {
    warnings.push('Synapse config has a registration CAPTCHA enabled, but no CAPTCHA has been configured in MAS. You may wish to manually configure this.');
  }
  if (synapse.hasUserConsent && mas.tosUri === undefined) {
    warnings.push('Synapse config has `user_consent` enabled but MAS has not been configured with terms of service. You may wish to set up a `tos_uri` in your MAS branding configuration to replace the user consent.');
  }
  return { errors, warnings };
}

/** The MAS database must be empty, unless a migration was left half done (mas_writer/checks.rs `mas_pre_migration_checks`). */
export async function checkMasDatabase(mas: pg.ClientBase): Promise<void> {
  if (await isInProgress(mas).catch((error: unknown) => { throw withContext('Unable to check if syn2mas is already in progress', error); })) return;
  for (const table of TABLES) {
    let rows: number | null;
    try {
      rows = (await mas.query(`select 1 from ${table} limit 1`)).rowCount;
    } catch (error) {
      throw withContext(`Query against ${table} failed — is this actually a MAS database?`, databaseError(error));
    }
    if (rows !== 0) throw new CommandError(`The MAS database is not empty: rows found in at least \`${table}\`. Please drop and recreate the database, then try again.`);
  }
}

/** `synapse_database_check`: guests, other third-party ids, providers of linked accounts. Orphan rows are not looked for. */
export async function checkSynapseDatabase(synapse: pg.ClientBase, config: SynapseConfig, mas: MasSide, ignoreMissingAuthProviders: boolean): Promise<Findings> {
  const errors: string[] = [];
  const warnings: string[] = [];
  const query = async <Row extends pg.QueryResultRow>(sql: string): Promise<Row[]> => {
    try {
      return (await synapse.query<Row>(sql)).rows;
    } catch (error) {
      throw new CommandError(`query failed: ${databaseError(error).message}`, { cause: databaseError(error) });
    }
  };
  const guests = (await query<{ count: number }>('select count(*) from users where is_guest <> 0'))[0]?.count ?? 0;
  if (guests > 0) warnings.push(`Synapse database contains ${String(guests)} guests which will be migrated are not supported by MAS. See ${GUEST_ISSUE}`);
  const phones = (await query<{ count: number }>("select count(*) from user_threepids where medium <> 'email'"))[0]?.count ?? 0;
  if (phones > 0) warnings.push(`Synapse database contains ${String(phones)} non-email 3PIDs (probably phone numbers), which will be migrated but are not supported by MAS.`);
  const used = await query<{ auth_provider: string; count: number }>('select auth_provider, count(*) from user_external_ids group by auth_provider order by auth_provider');
  for (const { auth_provider: provider, count } of used) {
    const users = String(count);
    if (provider === 'oauth-delegated') {
      errors.push(`Synapse database has ${users} mapping entries from a previously-configured MAS instance. If this is from a previous migration attempt, run the following SQL query against the Synapse database: \`DELETE FROM user_external_ids WHERE auth_provider = 'oauth-delegated';\` and then run the migration again.`);
    } else if (!config.oidcIssuers.has(provider)) {
      const finding = `Synapse database contains ${users} users associated to the OpenID Connect or OAuth2 provider '${provider}' but the Synapse configuration does not contain this provider.`;
      (ignoreMissingAuthProviders ? warnings : errors).push(finding);
    } else if (!mas.providers.some((candidate) => candidate.synapseIdpId === provider)) {
      const issuer = JSON.stringify(config.oidcIssuers.get(provider) ?? '<unspecified>');
      errors.push(`Synapse config contains an OpenID Connect or OAuth2 provider '${provider}' (issuer: ${issuer}) used by ${users} users which must also be configured in the MAS configuration as an upstream provider.`);
    }
  }
  return { errors, warnings };
}
