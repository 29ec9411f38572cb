/** Reads what `syn2mas check` says. Names and sentences are those of crates/syn2mas/src/synapse_reader/checks.rs (MAS v1.22.0). */

export interface Finding {
  /** Name that `matrix:migration.acceptWarnings` takes; `Unknown` for a sentence this version does not know. */
  readonly name: string;
  readonly text: string;
}

export interface CheckReport {
  readonly errors: readonly Finding[];
  readonly warnings: readonly Finding[];
}

const known: readonly (readonly [RegExp, string])[] = [
  [/missing a password hashing scheme with version/, 'MissingPasswordScheme'],
  [/must use the Bcrypt algorithm/, 'PasswordSchemeNotBcrypt'],
  [/same secret as the `pepper`/, 'PasswordSchemeWrongPepper'],
  [/^Guest support is enabled/, 'GuestsEnabled'],
  [/`enable_3pid_changes` explicitly enabled/, 'ThreepidChangesEnabled'],
  [/`login_via_existing_session\.enabled`/, 'LoginViaExistingSessionEnabled'],
  [/wrong `matrix\.homeserver`/, 'ServerNameMismatch'],
  [/mapping entries from a previously-configured MAS/, 'ExistingOAuthDelegated'],
  [/must also be configured in the MAS configuration as an upstream/, 'MasMissingOAuthProvider'],
  [/does not contain this provider/, 'SynapseMissingOAuthProvider'],
  [/manually mapped to an upstream OpenID Connect/, 'UpstreamOidcProvider'],
  [/manually mapped as an upstream OAuth 2\.0/, 'ExternalAuthSystem'],
  [/has registration enabled/, 'DisableRegistrationAfterMigration'],
  [/has not been configured with terms of service/, 'ShouldPortUserConsentAsTerms'],
  [/has `user_consent` enabled\. This should be disabled/, 'DisableUserConsentAfterMigration'],
  [/registration CAPTCHA enabled/, 'ShouldPortRegistrationCaptcha'],
  [/guests which will be migrated/, 'GuestsInDatabase'],
  [/non-email 3PIDs/, 'NonEmailThreepidsInDatabase'],
];

export function parseCheck(output: string): CheckReport {
  const section = (title: string): Finding[] => {
    const start = output.indexOf(`===== ${title} =====`);
    if (start < 0) return [];
    const rest = output.slice(start + title.length + 12);
    const end = rest.indexOf('\n===== ');
    return [...(end < 0 ? rest : rest.slice(0, end)).matchAll(/^• (.+)$/gm)].map((match) => {
      const text = (match[1] ?? '').trim();
      return { text, name: known.find(([pattern]) => pattern.test(text))?.[1] ?? 'Unknown' };
    });
  };
  return { errors: section('Errors'), warnings: section('Warnings') };
}

/** The `Error: …` line with its causes, as anyhow prints them; the last line otherwise. */
export function firstError(output: string): string {
  const at = output.lastIndexOf('Error: ');
  const text = at >= 0 ? output.slice(at) : output.trim().split('\n').slice(-2).join(' ');
  return text.trim().split(/\n\s*\n?(?:Stack backtrace|Location)/)[0]?.replace(/\s+/g, ' ').slice(0, 600) ?? '';
}
