/**
 * Pages for people, in one small layout of our own. What is copied from mas-cli is their structure: names of fields, forms without
 * `action` that post to their own address, the separate sign-out form (templates/pages/*.html).
 */

/** Text made safe inside HTML. */
export function escape(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${String(character.charCodeAt(0))};`);
}

/** A whole page. Its first words say that this is a stand-in. */
export function page(title: string, body: string): string {
  return `<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${escape(title)}</title>
<style>body{font:16px/1.5 system-ui,sans-serif;max-width:26rem;margin:10vh auto;padding:0 1rem}form{margin:1rem 0}label{display:block;margin:.5rem 0}input[type=text],input[type=password]{display:block;width:100%;font:inherit}.note{color:#666;font-size:.8rem}.error{color:#a00}</style>
</head><body><p class="note">Stand-in for Matrix Authentication Service, for demonstrations and tests</p><h1>${escape(title)}</h1>${body}</body></html>`;
}

function csrfField(csrf: string): string {
  return `<input type="hidden" name="csrf" value="${escape(csrf)}" />`;
}

/** The sign-out form; `next` comes back as fields, so that the person returns here after another login. */
function signOut(csrf: string, text: string, next: Readonly<Record<string, string>> = {}): string {
  const fields = Object.entries(next).map(([name, value]) => `<input type="hidden" name="${escape(name)}" value="${escape(value)}" />`).join('');
  return `<form method="POST" action="/logout">${csrfField(csrf)}${fields}<button type="submit">${escape(text)}</button></form>`;
}

/** Any failure that a person sees. */
export function errorPage(reason: string): string {
  return page('Something went wrong', `<p class="error">${escape(reason)}</p>`);
}

export function loginPage(options: { csrf: string; username?: string; error?: string; providers: readonly { id: string; name: string }[]; passwords: boolean; query: string }): string {
  const error = options.error === undefined ? '' : `<p class="error">${escape(options.error)}</p>`;
  const form = options.passwords ? `<form method="POST">${error}${csrfField(options.csrf)}
<label>Username <input type="text" name="username" value="${escape(options.username ?? '')}" autocomplete="username" required></label>
<label>Password <input type="password" name="password" autocomplete="password" required></label><button type="submit">Continue</button></form>` : '';
  const links = options.providers.map((provider) => `<p><a href="/upstream/authorize/${provider.id}${escape(options.query)}">${escape(provider.name)}</a></p>`).join('');
  return page('Sign in', form + links);
}

export function consentPage(options: { csrf: string; client: string; mxid: string; scope: readonly string[]; cancel: string; next: Readonly<Record<string, string>> }): string {
  return page(`Continue to ${options.client}?`, `<p>${escape(options.mxid)}</p><ul>${options.scope.map((scope) => `<li>${escape(scope)}</li>`).join('')}</ul>
<form method="POST">${csrfField(options.csrf)}<button type="submit">Continue</button></form>
${signOut(options.csrf, 'Use another account', options.next)}<p><a href="${escape(options.cancel)}">Cancel</a></p>`);
}

export function ssoPage(options: { csrf: string; host: string; mxid: string; next: Readonly<Record<string, string>> }): string {
  return page(`Continue to ${options.host}?`, `<p>${escape(options.mxid)}</p><form method="POST">${csrfField(options.csrf)}<button type="submit">Continue</button></form>${signOut(options.csrf, 'Use another account', options.next)}`);
}

/** What the policy refused. It has a sign-out form but none that goes on. */
export function policyPage(options: { csrf: string; violations: readonly string[]; next: Readonly<Record<string, string>> }): string {
  return page('The authorization request was denied by the policy enforced by this service', `<ul>${options.violations.map((violation) => `<li>${escape(violation)}</li>`).join('')}</ul>${signOut(options.csrf, 'Sign out', options.next)}`);
}

export function deviceLinkPage(options: { csrf: string; code: string; invalid: boolean }): string {
  return page('Link a device', `<form method="POST">${csrfField(options.csrf)}${options.invalid ? '<p class="error">This code is not valid</p>' : ''}
<label>Code <input type="text" name="code" value="${escape(options.code)}" autocomplete="off" required></label><button type="submit">Continue</button></form>`);
}

export function deviceConsentPage(options: { csrf: string; client: string; mxid: string; scope: readonly string[]; next: Readonly<Record<string, string>> }): string {
  return page(`Allow access to ${options.client}?`, `<p>${escape(options.mxid)}</p><ul>${options.scope.map((scope) => `<li>${escape(scope)}</li>`).join('')}</ul>
<form method="POST">${csrfField(options.csrf)}<label><input type="checkbox" name="confirm_device" required> I confirm that this is my device</label><button type="submit" name="action" value="consent">Continue</button></form>
${signOut(options.csrf, 'Use another account', options.next)}
<form method="POST">${csrfField(options.csrf)}<button type="submit" name="action" value="reject">Cancel</button></form>`);
}

export function deviceDonePage(granted: boolean, client: string): string {
  return page(granted ? 'Access granted' : 'Access denied', `<p>${escape(client)}</p><p>You can close this window.</p>`);
}

/** `response_mode=form_post`: a form that posts itself to the client. */
export function formPostPage(uri: string, fields: Readonly<Record<string, string>>): string {
  const inputs = Object.entries(fields).map(([name, value]) => `<input type="hidden" name="${escape(name)}" value="${escape(value)}" />`).join('');
  return page('Redirecting', `<form method="POST" action="${escape(uri)}">${inputs}<noscript><button type="submit">Continue</button></noscript></form><script>document.forms[0].submit()</script>`);
}

export function indexPage(csrf: string, username: string | undefined): string {
  return username === undefined ? page('Account', '<p><a href="/login">Sign in</a></p>')
    : page('Account', `<p>Signed in as ${escape(username)}</p><p><a href="/account/">My account</a></p>${signOut(csrf, 'Sign out')}`);
}

/** A plain list instead of mas-cli's account application. */
export function accountPage(options: { csrf: string; mxid: string; sessions: readonly { name: string; device: string | null }[]; notice?: string }): string {
  const sessions = options.sessions.map((session) => `<li>${escape(session.name)}${session.device === null ? '' : ` (${escape(session.device)})`}</li>`).join('');
  return page('My account', `${options.notice === undefined ? '' : `<p>${escape(options.notice)}</p>`}<p>${escape(options.mxid)}</p><h2>Sessions</h2><ul>${sessions}</ul>${signOut(options.csrf, 'Sign out')}`);
}

export function inactivePage(csrf: string, why: 'deactivated' | 'locked' | 'ended', next: Readonly<Record<string, string>>): string {
  const title = { deactivated: 'Account deleted', locked: 'Account locked', ended: 'Session ended' }[why];
  return page(title, signOut(csrf, 'Sign out', next));
}
