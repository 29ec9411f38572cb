import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { issueLine } from '../../model/issues.ts';
import { scopeIssues } from '../../model/scopes.ts';

const api = 'urn:matrix:client:api:*';
const told = (...scopes: string[]): readonly string[] => scopeIssues('scopes', scopes).map(issueLine);

describe('scopes that MAS grants', () => {
  for (const scopes of [['openid', 'email'], [api, 'urn:matrix:client:device:ABCDEFGHIJ'], [api, 'urn:matrix:client:device:<device id>'],
    ['openid', 'urn:matrix:org.matrix.msc2967.client:api:*', 'urn:matrix:org.matrix.msc2967.client:device:ABCDEFGHIJ'], ['urn:synapse:admin:*', 'urn:mas:admin', api]]) {
    it(scopes.join(' '), () => { assert.deepEqual(told(...scopes), []); });
  }
});

describe('scopes that MAS refuses are told', () => {
  it('profile', () => {
    assert.deepEqual(told('openid', 'profile'), ['scopes[1]: MAS refuses the scope profile: its error page has no way back to the client (got "profile"); write openid; userinfo then holds sub and username, the display name comes from the Matrix API']);
  });
  it('a device id of less than 10 characters', () => {
    assert.deepEqual(told(api, 'urn:matrix:client:device:ABC'), ['scopes[1]: a device id has 10 characters or more (got "urn:matrix:client:device:ABC"); write urn:matrix:client:device:<device id> or a longer id']);
  });
  it('a device id with other characters', () => { assert.match(told(api, 'urn:matrix:client:device:ABC DEFG HIJ')[0] ?? '', /^scopes\[1\]: a device id has letters, digits and/); });
  it('stable and unstable ones together', () => {
    assert.match(told(api, 'urn:matrix:org.matrix.msc2967.client:device:ABCDEFGHIJ')[0] ?? '', /^scopes: stable and unstable Matrix scopes are mixed, which MAS refuses/);
  });
  it('two devices', () => { assert.match(told(api, 'urn:matrix:client:device:ABCDEFGHIJ', 'urn:matrix:client:device:ABCDEFGHIK')[0] ?? '', /^scopes: more than one device scope/); });
  it('a device without the API', () => { assert.match(told('urn:matrix:client:device:ABCDEFGHIJ')[0] ?? '', /^scopes: a device scope needs the API scope beside it; add urn:matrix:client:api/); });
  it('a misspelt one', () => { assert.deepEqual(told('open_id'), ['scopes[0]: a scope that MAS never grants (got "open_id"); did you mean openid?']); });
});
