/** Keys of MAS 1.22.0 that an operator may set. MAS ignores unknown keys silently, so a misspelt one is told here. */
import { isMap } from './free-form.ts';
import { unknownKey, type Issue } from './issues.ts';
import { masOwned } from './overrides.ts';
import type { FreeFormMap } from './model.ts';

/** Sections and their keys (MAS's config.schema.json). */
export const masKeys: { readonly [section: string]: readonly string[] } = {
  account: ['email_change_allowed', 'displayname_change_allowed', 'password_registration_enabled', 'password_registration_email_required', 'password_change_allowed',
    'password_recovery_enabled', 'password_registration_token_required', 'account_deactivation_allowed', 'login_with_email_allowed', 'registration_token_required'],
  branding: ['service_name', 'policy_uri', 'tos_uri', 'imprint'],
  captcha: ['service', 'site_key', 'secret_key'],
  email: ['from', 'reply_to', 'transport', 'mode', 'hostname', 'port', 'username', 'password', 'password_file', 'command'],
  experimental: ['access_token_ttl', 'compat_token_ttl', 'inactive_session_expiration', 'plan_management_iframe_uri', 'session_limit'],
  oauth: ['device_code_grant_enabled', 'device_code_user_code_auto_fill_enabled'],
  passwords: ['enabled', 'schemes', 'minimum_complexity'],
  policy: ['wasm_module', 'client_registration_entrypoint', 'register_entrypoint', 'authorization_grant_entrypoint', 'compat_login_entrypoint', 'password_entrypoint', 'email_entrypoint', 'data'],
  rate_limiting: ['account_recovery', 'login', 'registration', 'email_authentication'],
  telemetry: ['tracing', 'metrics', 'sentry'],
};

/** @returns an issue for each key that MAS would not read. */
export function unknownMasKeys(settings: FreeFormMap): Issue[] {
  const sections = Object.keys(masKeys);
  const owned = Object.keys(masOwned);
  return Object.entries(settings).flatMap(([section, value]) => {
    if (/^(totp|mfa|otp|two_?factor.*|2fa)$/i.test(section)) return [noSecondFactor(`masSettings.${section}`)];
    if (owned.includes(section)) return [];
    const known = masKeys[section];
    if (known === undefined) return [unknownKey('masSettings', section, sections)];
    if (!isMap(value)) return [{ path: `masSettings.${section}`, problem: 'a map is expected here', fix: `write a map with ${known.join(', ')}` }];
    return Object.keys(value).filter((key) => !known.includes(key)).map((key) =>
      /totp|mfa|otp|two_?factor|2fa/i.test(key) ? noSecondFactor(`masSettings.${section}.${key}`) : unknownKey(`masSettings.${section}`, key, known));
  });
}

/** The sentence for a second factor, which no MAS has. */
export function noSecondFactor(path: string): Issue {
  return { path, problem: 'MAS has no second factor (TOTP) of its own', fix: 'remove the key; an OpenID provider in matrix:upstreamProviders can ask for one' };
}
