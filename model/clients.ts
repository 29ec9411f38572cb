/** Client entries: what a type derives, needs and forbids. Ids follow from server name and entry name, the same in every stack. */
import type { Issue } from './issues.ts';
import type { Client, PublicUrls } from './model.ts';
import { redirectIssues } from './redirects.ts';
import { masAdminScope, matrixScopes, scopeIssues } from './scopes.ts';
import type { ClientSettings } from './schema.ts';
import { derivedUlid, ulidPattern } from './ulid.ts';

type Type = Client['type'];

/** What each type may say for itself; the rest follows. */
const rules: { readonly [T in Type]: { readonly redirects: 'derived' | 'required' | 'none'; readonly secret: 'required' | 'none' | 'byMethod'; readonly scopes: readonly string[] } } = {
  'element-web': { redirects: 'derived', secret: 'none', scopes: matrixScopes },
  'native-loopback': { redirects: 'derived', secret: 'none', scopes: ['openid', ...matrixScopes] },
  'native-scheme': { redirects: 'required', secret: 'none', scopes: ['openid', ...matrixScopes] },
  confidential: { redirects: 'required', secret: 'required', scopes: ['openid'] },
  device: { redirects: 'none', secret: 'none', scopes: ['openid', ...matrixScopes] },
  service: { redirects: 'none', secret: 'required', scopes: [] },
  custom: { redirects: 'required', secret: 'byMethod', scopes: ['openid'] },
};

/** Name of the client that the stack's own jobs use at MAS's admin API. */
export const adminClientName = 'matrix-stack-admin';

/** The stack's own confidential client; its secret is `masAdminClient`. */
export function adminClient(serverName: string): Client {
  return { name: adminClientName, type: 'service', clientId: clientIdOf(serverName, adminClientName), authMethod: 'client_secret_basic',
    secret: { secret: 'masAdminClient' }, redirectUris: [], scopes: [masAdminScope], admin: true };
}

/** @returns the ULID of a client that gives none. */
export function clientIdOf(serverName: string, name: string): string {
  return derivedUlid('client', serverName, name);
}

/** @returns a client with all that follows from its type, from public URLs and server name. */
export function derivedClient(settings: ClientSettings, serverName: string, urls: PublicUrls): Client {
  const { name, type } = settings;
  const rule = rules[type];
  const authMethod = settings.authMethod ?? (rule.secret === 'required' || (rule.secret === 'byMethod' && settings.secret !== undefined) ? 'client_secret_basic' : 'none');
  const clientUri = settings.clientUri ?? (type === 'element-web' ? urls.element : undefined);
  return {
    name,
    type,
    clientId: settings.clientId ?? clientIdOf(serverName, name),
    authMethod,
    ...(settings.secret === undefined ? {} : { secret: settings.secret }),
    ...(clientUri === undefined ? {} : { clientUri }),
    redirectUris: redirectsOf(settings, urls),
    scopes: settings.scopes ?? (settings.admin && type === 'service' ? [masAdminScope] : rule.scopes),
    admin: settings.admin,
  };
}

function redirectsOf(settings: ClientSettings, urls: PublicUrls): readonly string[] {
  if (settings.type === 'element-web') {
    // Element Web sends the first one; builds before 1.11.90 the second.
    return urls.element === undefined ? [] : [`${urls.element}?no_universal_links=true`, urls.element];
  }
  if (settings.type === 'native-loopback' && settings.redirectUris === undefined) {
    const path = settings.path ?? '/callback';
    return ['127.0.0.1', '[::1]', 'localhost'].map((host) => `http://${host}${path}`);
  }
  return settings.redirectUris ?? [];
}

/** @returns what is wrong with one entry by the rules of its type. */
export function clientIssues(path: string, settings: ClientSettings, elementHost: string | undefined): Issue[] {
  const issues: Issue[] = [];
  const { type } = settings;
  const rule = rules[type];
  if (settings.name === adminClientName) issues.push({ path: `${path}.name`, problem: 'this name belongs to the stack itself', got: adminClientName, fix: 'choose another one' });
  if (settings.clientId !== undefined && !ulidPattern.test(settings.clientId)) {
    issues.push({ path: `${path}.clientId`, problem: 'not a ULID, which MAS needs', got: JSON.stringify(settings.clientId),
      fix: 'write 26 characters of 0-9 and A-Z without I, L, O, U, beginning with 0-7, or remove the key: it then follows from the name' });
  }
  issues.push(...secretIssues(path, settings));
  if (rule.redirects !== 'required' && settings.redirectUris !== undefined && type !== 'native-loopback') {
    issues.push({ path: `${path}.redirectUris`, problem: rule.redirects === 'derived' ? `redirect URIs of an ${type} client follow from matrix:hosts` : `a ${type} client is never redirected to`, fix: 'remove the key' });
  } else {
    if (rule.redirects === 'required' && (settings.redirectUris ?? []).length === 0) {
      issues.push({ path: `${path}.redirectUris`, problem: `a ${type} client needs a redirect URI`, fix: 'write those that it sends, byte for byte' });
    }
    issues.push(...(settings.redirectUris ?? []).flatMap((uri, index) => redirectIssues(`${path}.redirectUris[${index}]`, uri, type)));
  }
  if (settings.path !== undefined) {
    if (type !== 'native-loopback') issues.push({ path: `${path}.path`, problem: 'only native-loopback clients have a path', fix: 'remove the key' });
    else if (settings.redirectUris !== undefined) issues.push({ path: `${path}.path`, problem: 'path and redirectUris say the same thing', fix: 'keep one of them' });
    else if (!/^\/[^?#*\s]*$/.test(settings.path)) issues.push({ path: `${path}.path`, problem: 'not a path', got: JSON.stringify(settings.path), fix: 'write it like /callback' });
  }
  if (type === 'element-web' && elementHost === undefined) {
    issues.push({ path, problem: 'there is no host for Element Web', fix: 'set matrix:hosts.element' });
  }
  if (settings.clientUri !== undefined && !/^https:\/\/[^/\s]+/.test(settings.clientUri)) {
    issues.push({ path: `${path}.clientUri`, problem: 'not an https URL', got: JSON.stringify(settings.clientUri), fix: 'write it like https://app.example.com/' });
  }
  if (settings.admin && type !== 'service' && type !== 'custom') {
    issues.push({ path: `${path}.admin`, problem: `a ${type} client acts for people, whose rights decide`, fix: 'remove the key and list the people under matrix:adminUsers' });
  }
  issues.push(...scopeIssues(`${path}.scopes`, settings.scopes ?? []));
  return issues;
}

function secretIssues(path: string, settings: ClientSettings): Issue[] {
  const { type } = settings;
  const wanted = rules[type].secret;
  const method = settings.authMethod;
  if (wanted === 'none') {
    const issues: Issue[] = [];
    if (settings.secret !== undefined) issues.push({ path: `${path}.secret`, problem: `a ${type} client is public, it can keep no secret`, fix: 'remove the key' });
    if (method !== undefined && method !== 'none') issues.push({ path: `${path}.authMethod`, problem: `a ${type} client is public`, got: method, fix: 'remove the key' });
    return issues;
  }
  const missing = { path: `${path}.secret`, problem: `a ${type} client${wanted === 'byMethod' ? ` with ${method ?? ''}` : ''} needs a secret`, fix: 'write secret: {secret: NAME}' };
  if (wanted === 'required') {
    if (method === 'none') return [{ path: `${path}.authMethod`, problem: `a ${type} client proves itself by its secret`, got: 'none', fix: 'write client_secret_basic or client_secret_post' }];
    return settings.secret === undefined ? [missing] : [];
  }
  if (method === 'none' && settings.secret !== undefined) return [{ path: `${path}.secret`, problem: 'authMethod none has no secret', fix: 'remove one of the two keys' }];
  return method !== undefined && method !== 'none' && settings.secret === undefined ? [missing] : [];
}

/** @returns an issue for each name, id or redirect URI that two clients share. */
export function sharedByClients(clients: readonly { readonly path: string; readonly client: Client }[]): Issue[] {
  const issues: Issue[] = [];
  const seen = new Map<string, string>();
  const once = (kind: string, value: string, path: string, fix: string): void => {
    const first = seen.get(`${kind} ${value}`);
    if (first === undefined) seen.set(`${kind} ${value}`, path);
    else if (!first.startsWith(`${entryOf(path)}.`)) issues.push({ path, problem: `${first} has the same ${kind}`, got: JSON.stringify(value), fix });
  };
  for (const { path, client } of clients) {
    once('name', client.name, `${path}.name`, 'choose another name');
    if (seen.get(`name ${client.name}`) === `${path}.name`) once('client id', client.clientId, `${path}.clientId`, 'give one of them another id');
    client.redirectUris.forEach((uri, index) => { once('redirect URI', comparable(uri), `${path}.redirectUris[${index}]`, 'let each client have its own: the code must reach the one that asked'); });
  }
  return issues;
}

/** @returns `clients[0]` of `clients[0].name`, `hosts.element` of `hosts.element.name`. */
function entryOf(path: string): string {
  return path.slice(0, path.lastIndexOf('.'));
}

/** Two spellings that MAS takes for one URL are one. */
function comparable(uri: string): string {
  return URL.canParse(uri) ? new URL(uri).href : uri;
}
