import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { issueLine } from '../../model/issues.ts';
import { redirectIssues } from '../../model/redirects.ts';

/** @returns the lines about one redirect URI at path `uri`. */
function lines(uri: string, type: string): readonly string[] {
  return redirectIssues('uri', uri, type).map(issueLine);
}

describe('redirect URIs that work', () => {
  for (const [uri, type] of [
    ['http://127.0.0.1/callback', 'native-loopback'],
    ['http://[::1]:8765/callback', 'native-loopback'],
    ['http://localhost/', 'custom'],
    ['https://app.example.com/cb?x=1', 'confidential'],
    ['com.example.app:/callback', 'native-scheme'],
    ['matrix-client-android://callback', 'native-scheme'],
    ['com.example.app://oidc/callback', 'custom'],
  ] as const) {
    it(uri, () => { assert.deepEqual(lines(uri, type), []); });
  }
});

describe('redirect URIs that cannot work are told', () => {
  for (const [uri, type, line] of [
    ['http://127.0.0.1:*', 'native-loopback', 'uri: a redirect URI has no wildcards, MAS compares it as it stands (got "http://127.0.0.1:*"); write each one out; a loopback URI without a port, like http://127.0.0.1/callback, matches any port'],
    ['https://*.example.com/', 'confidential', 'uri: a redirect URI has no wildcards, MAS compares it as it stands (got "https://*.example.com/"); write each one out; a loopback URI without a port, like http://127.0.0.1/callback, matches any port'],
    ['https://app.example.com/#done', 'custom', 'uri: a redirect URI has no fragment (RFC 6749 3.1.2) (got "https://app.example.com/#done"); remove # and what follows'],
    ['https://app.example.com', 'confidential', 'uri: the redirect URI has no path (got "https://app.example.com"); write https://app.example.com/ or https://app.example.com/callback, byte for byte as the client sends it'],
    ['http://127.0.0.1:8765', 'native-loopback', 'uri: the redirect URI has no path (got "http://127.0.0.1:8765"); write http://127.0.0.1:8765/ or http://127.0.0.1:8765/callback, byte for byte as the client sends it'],
    ['http://app.example.com/cb', 'confidential', 'uri: plain http gives the code to whoever listens; only loopback hosts may have it (got "http://app.example.com/cb"); write https://app.example.com/cb'],
    ['http://127.0.0.2/callback', 'native-loopback', 'uri: plain http gives the code to whoever listens; only loopback hosts may have it (got "http://127.0.0.2/callback"); write https://127.0.0.2/callback'],
    ['https://app.example.com/cb', 'native-loopback', 'uri: a native-loopback client listens on its own machine (got "https://app.example.com/cb"); write it like http://127.0.0.1/callback, or make the client confidential or custom'],
    ['https://app.example.com/cb', 'native-scheme', 'uri: a native-scheme client has a scheme of its own (got "https://app.example.com/cb"); write it like com.example.app:/callback, or make the client native-loopback or custom'],
    ['javascript:alert(1)', 'custom', 'uri: the scheme javascript belongs to the browser or system (got "javascript:alert(1)"); write one of the app, like com.example.app:/callback'],
    ['com.example.app:', 'native-scheme', 'uri: the redirect URI has no path (got "com.example.app:"); write com.example.app:/callback, byte for byte as the client sends it'],
    ['com.example.app:/', 'native-scheme', 'uri: the redirect URI has no path (got "com.example.app:/"); write com.example.app:/callback, byte for byte as the client sends it'],
    ['com.example.app:///callback', 'native-scheme', 'uri: three slashes are an empty host (got "com.example.app:///callback"); write com.example.app:/callback'],
    ['Com.Example.App:/callback', 'native-scheme', 'uri: the scheme has capital letters, which browsers make small (got "Com.Example.App:/callback"); write com.example.app:/callback'],
    ['com.example.app:/callback', 'confidential', 'uri: a confidential client has no scheme of its own (got "com.example.app:/callback"); write an https URL, or make the client native-scheme'],
    ['https://user:pw@app.example.com/', 'custom', 'uri: a redirect URI holds no user name or password (got "https://user:pw@app.example.com/"); remove what stands before @'],
    ['app.example.com/cb', 'custom', 'uri: not a URL (got "app.example.com/cb"); write it like https://app.example.com/callback'],
  ] as const) {
    it(`${uri} of a ${type} client`, () => { assert.deepEqual(lines(uri, type), [line]); });
  }
});
