import { rootConfig } from '../config/config.ts';
import { trimmedSecret } from '../config/secrets.ts';
import type { ConfigValue } from '../config/value.ts';
import { CommandError, withContext } from './errors.ts';
import { log, type Level } from './log.ts';

interface Answer { readonly status: number; readonly text: string }

async function ask(url: URL, bearer?: string): Promise<Answer | undefined> {
  try {
    const response = await fetch(url, { headers: bearer === undefined ? {} : { authorization: `Bearer ${bearer}` }, signal: AbortSignal.timeout(60_000) });
    return { status: response.status, text: await response.text() };
  } catch {
    return undefined;
  }
}

function parse(text: string | undefined): unknown {
  try {
    return JSON.parse(text ?? '');
  } catch {
    return undefined;
  }
}

function tell(level: Level, sentence: string): void {
  log(level, 'mas_cli::commands::doctor', sentence);
}

function isSuccess(answer: Answer | undefined): boolean {
  return answer !== undefined && answer.status >= 200 && answer.status < 300;
}

/** What a fake token gets: anything but 401 means that the homeserver does not ask MAS properly. */
async function checkWhoami(endpoint: URL): Promise<void> {
  const url = new URL('/_matrix/client/v3/account/whoami', endpoint);
  const answer = await ask(url, 'averyinvalidtokenireallyhopethisisnotvalid');
  if (answer === undefined) tell('ERROR', `❌ Can't reach the homeserver at "${url.href}".`);
  else if (answer.status === 401) tell('INFO', `✅ Homeserver at "${url.href}" is reachable, and it correctly rejected an invalid token.`);
  else tell(answer.status < 400 || answer.status === 503 ? 'ERROR' : 'WARN', `${answer.status < 400 || answer.status === 503 ? '❌' : '⚠️'} The homeserver at "${url.href}" replied with ${String(answer.status)}.`);
}

/** A call without its parameter: 400 means that the shared secret was accepted. mas-cli prints the secret when it was not; the stand-in does not. */
async function checkSharedSecret(endpoint: URL, secret: string): Promise<void> {
  const url = new URL('/_synapse/mas/is_localpart_available', endpoint);
  const answer = await ask(url, secret);
  if (answer?.status === 400) tell('INFO', `✅ The Synapse MAS API is reachable with authentication at "${url.href}".`);
  else tell('ERROR', answer === undefined ? `❌ Can't reach the Synapse MAS API at "${url.href}".` : `❌ A Synapse MAS API endpoint at "${url.href}" replied with ${String(answer.status)}.`);
}

function preferredSso(text: string): boolean {
  const body = parse(text) as { flows?: { type?: string; oauth_aware_preferred?: boolean; 'org.matrix.msc3824.delegated_oidc_compatibility'?: boolean }[] } | undefined;
  return body?.flows?.some((flow) => flow.type === 'm.login.sso' && (flow.oauth_aware_preferred === true || flow['org.matrix.msc3824.delegated_oidc_compatibility'] === true)) === true;
}

/** `doctor`: looks at the deployment from outside and ALWAYS exits 0; whoever wants to know reads the marks (crates/cli/src/commands/doctor.rs). */
export async function doctor(root: ConfigValue): Promise<number> {
  tell('INFO', '💡 Running diagnostics, make sure that both MAS and Synapse are running, and that MAS is using the same configuration files as this tool.');
  const config = rootConfig(root);
  const { homeserver, endpoint } = config.matrix;
  if (!/^[A-Za-z0-9.-]+$|^\[[0-9A-Fa-f:.]+\]$/.test(homeserver)) {
    throw withContext('The homeserver host in the config (`matrix.homeserver`) is not a valid domain.', new CommandError('invalid international domain name'));
  }
  const secret = trimmedSecret(config.matrix.secret);
  if ((config.http.issuer ?? config.http.publicBase).protocol !== 'https:') {
    tell('WARN', '⚠️ The issuer in the config (`http.issuer`/`http.public_base`) is not an HTTPS URL.');
  }
  const wellKnown = new URL(`https://${homeserver}/.well-known/matrix/client`);
  const found = await ask(wellKnown);
  if (found === undefined) tell('WARN', `⚠️ Failed to fetch well-known document at "${wellKnown.href}".`);
  else if (!isSuccess(found)) tell('WARN', `⚠️ Matrix client well-known replied with ${String(found.status)}, expected 2xx.`);
  if (found !== undefined && parse(found.text) === undefined) tell('WARN', `⚠️ Invalid JSON for the well-known document at "${wellKnown.href}".`);
  const document = parse(found?.text) as { 'm.homeserver'?: { base_url?: unknown } } | undefined;
  const discovered = document?.['m.homeserver']?.base_url;
  const versions = new URL('/_matrix/client/versions', endpoint);
  const reachable = await ask(versions);
  if (isSuccess(reachable)) {
    tell('INFO', `✅ Homeserver is reachable at "${versions.href}"`);
    await checkWhoami(endpoint);
    await checkSharedSecret(endpoint, secret);
  } else {
    tell('ERROR', reachable === undefined ? `❌ Can't reach the homeserver at "${versions.href}".` : `❌Can't reach the homeserver at "${versions.href}", got ${String(reachable.status)}.`);
  }
  const login = new URL('/_matrix/client/v3/login', typeof discovered === 'string' && URL.canParse(discovered) ? discovered : endpoint);
  const flows = await ask(login);
  if (flows === undefined) tell('WARN', `⚠️ Can't reach the legacy login API at "${login.href}".`);
  else if (!isSuccess(flows)) tell('ERROR', `The legacy login API at "${login.href}" replied with ${String(flows.status)}.`);
  else if (preferredSso(flows.text)) tell('INFO', `✅ The legacy login API at "${login.href}" is reachable and is handled by MAS.`);
  else tell('WARN', `⚠️ The legacy login API at "${login.href}" is reachable, but it doesn't look to be handled by MAS.`);
  return 0;
}
