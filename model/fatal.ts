/**
 * Combinations that Synapse, syn2mas or MAS refuse at start, told before anything runs, in their own words.
 * Synapse 1.163.2: synapse/config/{mas,experimental,homeserver}.py. MAS 1.22.0: crates/syn2mas/src/synapse_reader/checks.rs, crates/config.
 */
import { at, isMap } from './free-form.ts';
import { shown, type Issue } from './issues.ts';
import type { FreeForm, FreeFormMap, Phase } from './model.ts';

interface Rule {
  readonly path: string;
  readonly refused: (value: FreeForm | undefined, all: FreeFormMap) => boolean;
  /** The program's own sentence. */
  readonly says: string;
  readonly fix: string;
}

const on = (value: FreeForm | undefined): boolean => value === true;
const set = (value: FreeForm | undefined): boolean => value !== undefined && value !== null && value !== 0 && value !== false && value !== '';
const filled = (value: FreeForm | undefined): boolean => (Array.isArray(value) ? value.length > 0 : isMap(value) && Object.keys(value).length > 0);
const section = (byDefault: boolean) => (value: FreeForm | undefined): boolean => filled(value) && isMap(value) && (value['enabled'] ?? byDefault) === true;

const remove = 'remove the key and run `pulumi up` before the move';
const sso = 'SSO cannot be enabled when OAuth delegation is enabled';
const ssoFix = `${remove}; MAS takes OpenID providers over from matrix:upstreamProviders, for others put an OpenID provider in front`;

/** Refused by Synapse once MAS is the only login, or by syn2mas on the way there. */
const delegated: readonly Rule[] = [
  { path: 'password_config.enabled', refused: (value) => on(value) || value === 'only_for_reauth', says: 'Password auth cannot be enabled when OAuth delegation is enabled',
    fix: 'remove the key: passwords are then on in legacy and off in Synapse after it' },
  { path: 'enable_registration', refused: on, says: 'Registration cannot be enabled when OAuth delegation is enabled', fix: `${remove}; masSettings.account.password_registration_enabled opens registration in MAS` },
  { path: 'disable_registration', refused: (value) => value === false, says: 'Registration cannot be enabled when OAuth delegation is enabled', fix: remove },
  { path: 'user_consent', refused: filled, says: 'User consent cannot be enabled when OAuth delegation is enabled', fix: `${remove}; masSettings.branding.tos_uri asks for consent in MAS` },
  { path: 'saml2_config', refused: section(true), says: sso, fix: ssoFix },
  { path: 'cas_config', refused: section(true), says: sso, fix: ssoFix },
  { path: 'jwt_config', refused: section(false), says: sso, fix: ssoFix },
  { path: 'password_providers', refused: filled, says: 'Password auth providers cannot be enabled when OAuth delegation is enabled', fix: remove },
  { path: 'enable_registration_captcha', refused: on, says: 'CAPTCHA cannot be enabled when OAuth delegation is enabled', fix: `${remove}; masSettings.captcha does it in MAS` },
  { path: 'login_via_existing_session.enabled', refused: on, says: 'Login via existing session cannot be enabled when OAuth delegation is enabled', fix: remove },
  { path: 'refresh_token_lifetime', refused: set, says: 'refresh_token_lifetime cannot be set when OAuth delegation is enabled', fix: remove },
  { path: 'nonrefreshable_access_token_lifetime', refused: set, says: 'nonrefreshable_access_token_lifetime cannot be set when OAuth delegation is enabled', fix: remove },
  { path: 'session_lifetime', refused: set, says: 'session_lifetime cannot be set when OAuth delegation is enabled', fix: remove },
  { path: 'enable_3pid_changes', refused: on, says: 'enable_3pid_changes cannot be enabled when OAuth delegation is enabled', fix: remove },
  { path: 'allow_guest_access', refused: on, says: 'Synapse config has guest access enabled, which MAS does not support (GuestsEnabled of syn2mas check)', fix: remove },
];

/** Refused in every phase. */
const always: readonly Rule[] = [
  { path: 'experimental_features.msc3861', refused: filled, says: 'experimental_features.msc3861 was removed. Use the matrix_authentication_service configuration instead.',
    fix: 'remove the key and set matrix:phase to delegated: the stack writes matrix_authentication_service with the secret that Synapse and MAS share' },
  { path: 'experimental_features.msc4108_delegation_endpoint', refused: (value, all) => set(value) && on(at(all, 'experimental_features.msc4108_enabled')),
    says: 'You cannot have MSC4108 both enabled and delegated at the same time', fix: 'remove this key: Synapse hosts the rendezvous itself, MAS has none' },
  { path: 'experimental_features.msc4388_mode', refused: (value) => value !== undefined && value !== 'off' && value !== 'open' && value !== 'authenticated',
    says: "msc4388_mode must be one of 'off', 'open' or 'authenticated'", fix: 'write one of them' },
  { path: 'database.name', refused: (value) => value === 'sqlite3', says: 'the database is SQLite, which syn2mas and MAS cannot read',
    fix: 'remove the key; port the data with synapse_port_db first and bring it along with matrix:adopt' },
  { path: 'enable_registration', refused: (value, all) => on(value) && !['enable_registration_without_verification', 'enable_registration_captcha', 'registration_requires_token'].some((key) => on(at(all, key))) && !filled(at(all, 'registrations_require_3pid')),
    says: 'You have enabled open registration without any verification', fix: 'add registration_requires_token: true, or close registration' },
];

/** Features of MAS mode; the legacy Synapse is rendered without them, because it would not start. */
export const delegatedOnly: readonly string[] = ['experimental_features.msc4108_enabled', 'experimental_features.msc4108_delegation_endpoint', 'experimental_features.msc4388_mode'];

/** @returns what Synapse or syn2mas would refuse in the operator's homeserver.yaml settings when this phase is wanted. */
export function synapseFatal(settings: FreeFormMap, phase: Phase): Issue[] {
  const rules = phase === 'legacy' ? always : [...delegated, ...always.filter((rule) => !delegated.some((other) => other.path === rule.path))];
  return rules.flatMap((rule) => {
    const value = at(settings, rule.path);
    if (!rule.refused(value, settings)) return [];
    return [{ path: `synapseSettings.${rule.path}`, problem: rule.says, got: shown(rule.path, value), fix: rule.fix }];
  });
}

/** @returns what MAS would refuse, or silently not do, with the operator's settings. */
export function masFatal(settings: FreeFormMap): Issue[] {
  const issues: Issue[] = [];
  const value = (path: string): FreeForm | undefined => at(settings, path);
  const add = (path: string, problem: string, fix: string): void => {
    issues.push({ path: `masSettings.${path}`, problem, ...(value(path) === undefined ? {} : { got: shown(path, value(path)) }), fix });
  };
  const captcha = value('captcha');
  if (isMap(captcha) && set(captcha['service'])) {
    for (const key of ['site_key', 'secret_key']) if (!set(captcha[key])) add(`captcha.${key}`, 'missing, MAS does not start with a captcha service alone', key === 'secret_key' ? 'write {secret: NAME}' : 'write it');
  }
  const transport = value('email.transport') ?? 'blackhole';
  if (transport !== 'blackhole' && transport !== 'smtp' && transport !== 'sendmail') add('email.transport', 'not one of blackhole, smtp, sendmail', 'write one of them');
  if (transport === 'smtp') {
    for (const key of ['mode', 'hostname']) if (!set(value(`email.${key}`))) add(`email.${key}`, 'missing, the smtp transport needs it', key === 'mode' ? 'write plain, starttls or tls' : 'write the mail server');
    if (set(value('email.username')) !== set(value('email.password'))) add('email.username', 'user name and password come together', 'write both or none');
  }
  if (transport === 'sendmail' && !set(value('email.command'))) add('email.command', 'missing, the sendmail transport needs it', 'write the command');
  if (on(value('account.password_registration_enabled')) && transport === 'blackhole' && on(value('account.password_registration_email_required'))) {
    add('account.password_registration_enabled', 'registration waits for a mail that the blackhole transport never sends', 'set masSettings.email, or remove account.password_registration_email_required');
  }
  if (on(value('account.password_recovery_enabled')) && transport === 'blackhole') {
    add('account.password_recovery_enabled', 'recovery waits for a mail that the blackhole transport never sends', 'set masSettings.email');
  }
  return issues;
}
