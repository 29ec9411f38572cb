import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { linesOf, parsed } from './settings.ts';

const sso = 'SSO cannot be enabled when OAuth delegation is enabled';

/** Synapse's own sentences (synapse/config/mas.py, v1.163.2). */
const delegated: readonly (readonly [string, object, string])[] = [
  ['password_config.enabled', { password_config: { enabled: true } }, 'Password auth cannot be enabled when OAuth delegation is enabled'],
  ['password_config.enabled', { password_config: { enabled: 'only_for_reauth' } }, 'Password auth cannot be enabled when OAuth delegation is enabled'],
  ['enable_registration', { enable_registration: true, registration_requires_token: true }, 'Registration cannot be enabled when OAuth delegation is enabled'],
  ['disable_registration', { disable_registration: false }, 'Registration cannot be enabled when OAuth delegation is enabled'],
  ['user_consent', { user_consent: { version: '1.0' } }, 'User consent cannot be enabled when OAuth delegation is enabled'],
  ['saml2_config', { saml2_config: { sp_config: {} } }, sso],
  ['cas_config', { cas_config: { server_url: 'https://cas.example.com' } }, sso],
  ['jwt_config', { jwt_config: { enabled: true, algorithm: 'HS256' } }, sso],
  ['password_providers', { password_providers: [{ module: 'x' }] }, 'Password auth providers cannot be enabled when OAuth delegation is enabled'],
  ['enable_registration_captcha', { enable_registration_captcha: true }, 'CAPTCHA cannot be enabled when OAuth delegation is enabled'],
  ['login_via_existing_session.enabled', { login_via_existing_session: { enabled: true } }, 'Login via existing session cannot be enabled when OAuth delegation is enabled'],
  ['refresh_token_lifetime', { refresh_token_lifetime: '24h' }, 'refresh_token_lifetime cannot be set when OAuth delegation is enabled'],
  ['nonrefreshable_access_token_lifetime', { nonrefreshable_access_token_lifetime: '24h' }, 'nonrefreshable_access_token_lifetime cannot be set when OAuth delegation is enabled'],
  ['session_lifetime', { session_lifetime: '24h' }, 'session_lifetime cannot be set when OAuth delegation is enabled'],
  ['enable_3pid_changes', { enable_3pid_changes: true }, 'enable_3pid_changes cannot be enabled when OAuth delegation is enabled'],
  ['allow_guest_access', { allow_guest_access: true }, 'Synapse config has guest access enabled, which MAS does not support (GuestsEnabled of syn2mas check)'],
];

describe('what Synapse refuses beside MAS is told in its own words', () => {
  for (const [path, synapseSettings, sentence] of delegated) {
    it(`${path}: ${JSON.stringify(synapseSettings)}`, () => {
      const lines = linesOf({ phase: 'delegated', synapseSettings });
      assert.equal(lines.length, 1, lines.join('\n'));
      assert.ok(lines[0]?.startsWith(`synapseSettings.${path}: ${sentence} (got `), lines[0]);
    });
    it(`${path} is a matter of the operator in phase legacy`, () => { assert.deepEqual(parsed({ synapseSettings }).synapseSettings, synapseSettings); });
  }

  it('not for the same keys switched off', () => {
    const off = { password_config: { enabled: false }, enable_registration: false, saml2_config: { enabled: false, sp_config: {} }, jwt_config: { algorithm: 'HS256' }, user_consent: {},
      enable_3pid_changes: false, login_via_existing_session: { enabled: false }, refresh_token_lifetime: null, password_providers: [] };
    assert.deepEqual(parsed({ phase: 'delegated', synapseSettings: off }).synapseSettings, off);
  });
});

describe('what Synapse refuses in any phase', () => {
  for (const phase of ['legacy', 'delegated', 'committed']) {
    it(`left-over msc3861 names its replacement (${phase})`, () => {
      assert.deepEqual(linesOf({ phase, synapseSettings: { experimental_features: { msc3861: { enabled: false } } } }), [
        'synapseSettings.experimental_features.msc3861: experimental_features.msc3861 was removed. Use the matrix_authentication_service configuration instead. (got a map); remove the key and set matrix:phase to delegated: the stack writes matrix_authentication_service with the secret that Synapse and MAS share',
      ]);
    });
  }
  for (const [path, synapseSettings, sentence] of [
    ['experimental_features.msc4108_delegation_endpoint', { experimental_features: { msc4108_enabled: true, msc4108_delegation_endpoint: 'https://x.example.com/' } }, 'You cannot have MSC4108 both enabled and delegated at the same time'],
    ['experimental_features.msc4388_mode', { experimental_features: { msc4388_mode: 'on' } }, "msc4388_mode must be one of 'off', 'open' or 'authenticated'"],
    ['database.name', { database: { name: 'sqlite3', args: { database: '/data/homeserver.db' } } }, 'the database is SQLite, which syn2mas and MAS cannot read'],
    ['enable_registration', { enable_registration: true }, 'You have enabled open registration without any verification'],
  ] as const) {
    it(path, () => {
      const lines = linesOf({ synapseSettings });
      assert.ok(lines.some((line) => line.startsWith(`synapseSettings.${path}: ${sentence} (got `)), lines.join('\n'));
    });
  }
});

describe('what MAS refuses or silently does not do is told', () => {
  for (const [what, masSettings, line] of [
    ['its database would be Synapse\'s', { database: { database: 'synapse' } }, /^masSettings\.database\.database: MAS's database would be Synapse's, and both have a table users/],
    ['a second factor', { totp: { enabled: true } }, /^masSettings\.totp: MAS has no second factor \(TOTP\) of its own/],
    ['a second factor in a section', { account: { totp_enabled: true } }, /^masSettings\.account\.totp_enabled: MAS has no second factor/],
    ['a section that it does not read', { acount: {} }, /^masSettings\.acount: unknown key; did you mean account\?$/],
    ['a key that it does not read', { account: { email_changes_allowed: true } }, /^masSettings\.account\.email_changes_allowed: unknown key; did you mean email_change_allowed\?$/],
    ['a section that is no map', { account: true }, /^masSettings\.account: a map is expected here/],
    ['half a captcha', { captcha: { service: 'hcaptcha', site_key: 'x' } }, /^masSettings\.captcha\.secret_key: missing, MAS does not start with a captcha service alone; write \{secret: NAME\}$/],
    ['a transport that does not exist', { email: { transport: 'pigeon' } }, /^masSettings\.email\.transport: not one of blackhole, smtp, sendmail \(got "pigeon"\)/],
    ['half an smtp transport', { email: { transport: 'smtp', mode: 'tls' } }, /^masSettings\.email\.hostname: missing, the smtp transport needs it; write the mail server$/],
    ['a user name without password', { email: { transport: 'smtp', mode: 'tls', hostname: 'm', username: 'u' } }, /^masSettings\.email\.username: user name and password come together/],
    ['sendmail without a command', { email: { transport: 'sendmail' } }, /^masSettings\.email\.command: missing/],
    ['registration that waits for a mail', { account: { password_registration_enabled: true, password_registration_email_required: true } }, /^masSettings\.account\.password_registration_enabled: registration waits for a mail that the blackhole transport never sends/],
    ['recovery that waits for a mail', { account: { password_recovery_enabled: true } }, /^masSettings\.account\.password_recovery_enabled: recovery waits for a mail/],
  ] as const) {
    it(what, () => {
      const lines = linesOf({ masSettings });
      assert.equal(lines.length, 1, lines.join('\n'));
      assert.match(lines[0] ?? '', line);
    });
  }
});
