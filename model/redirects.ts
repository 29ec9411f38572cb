/**
 * Redirect URIs as MAS compares them: the parsed URLs must be equal, query included; only a loopback URI that is registered
 * without a port matches any port (MAS crates/data-model/src/oauth2/client.rs, v1.22.0). RFC 8252 for native apps.
 */
import type { Issue } from './issues.ts';

export const loopbackHosts: readonly string[] = ['127.0.0.1', '[::1]', 'localhost'];

/** Schemes that a browser or system acts on by itself; no app can own them. */
const ownedSchemes = new Set(['about', 'blob', 'chrome', 'data', 'file', 'ftp', 'intent', 'javascript', 'mailto', 'sms', 'tel', 'vbscript', 'view-source', 'ws', 'wss']);

type Check = Omit<Issue, 'path' | 'got'>;

/** @returns what is wrong with one redirect URI of a client of this type; nothing when it can work. */
export function redirectIssues(path: string, uri: string, type: string): Issue[] {
  return redirectChecks(uri, type).map((check) => ({ path, got: JSON.stringify(uri), ...check }));
}

function redirectChecks(uri: string, type: string): Check[] {
  const found: Check[] = [];
  if (uri.includes('*')) {
    found.push({ problem: 'a redirect URI has no wildcards, MAS compares it as it stands',
      fix: 'write each one out; a loopback URI without a port, like http://127.0.0.1/callback, matches any port' });
  }
  if (uri.includes('#')) found.push({ problem: 'a redirect URI has no fragment (RFC 6749 3.1.2)', fix: 'remove # and what follows' });
  if (found.length > 0) return found;
  if (!URL.canParse(uri)) return [{ problem: 'not a URL', fix: 'write it like https://app.example.com/callback' }];
  const url = new URL(uri);
  const scheme = url.protocol.slice(0, -1);
  if (url.username !== '' || url.password !== '') found.push({ problem: 'a redirect URI holds no user name or password', fix: 'remove what stands before @' });
  if (scheme === 'http' || scheme === 'https') return [...found, ...webChecks(uri, url, type)];
  return [...found, ...schemeChecks(uri, url, scheme, type)];
}

function webChecks(uri: string, url: URL, type: string): Check[] {
  const found: Check[] = [];
  const loopback = loopbackHosts.includes(url.hostname);
  if (type === 'native-scheme') {
    found.push({ problem: 'a native-scheme client has a scheme of its own', fix: 'write it like com.example.app:/callback, or make the client native-loopback or custom' });
  } else if (url.protocol === 'http:' && !loopback) {
    found.push({ problem: 'plain http gives the code to whoever listens; only loopback hosts may have it', fix: `write https://${url.host}${url.pathname}` });
  } else if (type === 'native-loopback' && !loopback) {
    found.push({ problem: 'a native-loopback client listens on its own machine', fix: 'write it like http://127.0.0.1/callback, or make the client confidential or custom' });
  }
  if (!/^https?:\/\/[^/?]+\//i.test(uri)) found.push({ problem: 'the redirect URI has no path', fix: `write ${url.origin}/ or ${url.origin}/callback, byte for byte as the client sends it` });
  return found;
}

function schemeChecks(uri: string, url: URL, scheme: string, type: string): Check[] {
  const found: Check[] = [];
  if (ownedSchemes.has(scheme)) return [{ problem: `the scheme ${scheme} belongs to the browser or system`, fix: 'write one of the app, like com.example.app:/callback' }];
  if (type !== 'native-scheme' && type !== 'custom') {
    found.push({ problem: `a ${type} client has no scheme of its own`, fix: 'write an https URL, or make the client native-scheme' });
  }
  const written = uri.slice(0, uri.indexOf(':'));
  if (written !== scheme) found.push({ problem: 'the scheme has capital letters, which browsers make small', fix: `write ${scheme}${uri.slice(written.length)}` });
  if (url.host === '' && url.pathname.replaceAll('/', '') === '') {
    found.push({ problem: 'the redirect URI has no path', fix: `write ${scheme}:/callback, byte for byte as the client sends it` });
  } else if (url.host === '' && uri.startsWith(`${written}:///`)) {
    found.push({ problem: 'three slashes are an empty host', fix: `write ${scheme}:${url.pathname}` });
  }
  return found;
}
