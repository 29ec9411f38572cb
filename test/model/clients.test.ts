import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { adminClient } from '../../model/clients.ts';
import { ulidPattern } from '../../model/ulid.ts';
import { linesOf, parsed, shipped } from './settings.ts';

/** @returns the only client of a stack. */
function client(entry: object, over: object = {}): ReturnType<typeof parsed>['clients'][number] {
  const found = parsed({ clients: [entry], ...over }).clients[0];
  assert.ok(found !== undefined);
  return found;
}

describe('client ids', () => {
  it('follow from server name and entry name alone, the same in every stack', () => {
    const entry = { name: 'desktop', type: 'native-loopback' };
    assert.equal(client(entry).clientId, '1MQ8GFS0RA87G42M6BFGP1PVKY');
    assert.deepEqual(shipped('staging').clients.map((each) => each.clientId), shipped('prod').clients.map((each) => each.clientId));
    assert.notEqual(client(entry, { serverName: 'other.example' }).clientId, client(entry).clientId);
    assert.notEqual(client({ ...entry, name: 'laptop' }).clientId, client(entry).clientId);
  });

  it('are ULIDs that fit 128 bits', () => {
    for (const serverName of ['a.example', 'b.example', 'c.example', 'd.example', 'e.example', 'f.example', 'g.example']) assert.match(adminClient(serverName).clientId, ulidPattern);
  });

  it('are kept when given', () => {
    assert.equal(client({ name: 'desktop', type: 'native-loopback', clientId: '01JABCDEFGHJKMNPQRSTVWXYZ0' }).clientId, '01JABCDEFGHJKMNPQRSTVWXYZ0');
    assert.match(linesOf({ clients: [{ name: 'd', type: 'device', clientId: '9JABCDEFGHJKMNPQRSTVWXYZ01' }] })[0] ?? '', /^clients\[0\]\.clientId: not a ULID, which MAS needs/);
  });
});

describe('a client derives from its type', () => {
  it('element-web: the URI that Element sends, and that of older builds', () => {
    const element = client({ name: 'element', type: 'element-web' });
    assert.deepEqual(element.redirectUris, ['https://element.example.com/?no_universal_links=true', 'https://element.example.com/']);
    assert.deepEqual([element.authMethod, element.clientUri], ['none', 'https://element.example.com/']);
  });

  it('element-web follows from hosts.element although nobody lists it, under the id of an entry named element', () => {
    assert.deepEqual(parsed().clients, [client({ name: 'element', type: 'element-web' })]);
    assert.deepEqual(parsed({ clients: [{ name: 'chat', type: 'element-web' }] }).clients.map(({ name }) => name), ['chat']);
    assert.deepEqual(parsed({ hosts: { homeserver: 'm.example.com', auth: 'a.example.com' } }).clients, []);
    assert.deepEqual(linesOf({ clients: [{ name: 'element', type: 'device' }] }), ['hosts.element.name: clients[0].name has the same name (got "element"); choose another name']);
  });

  it('element-web on another port', () => {
    assert.equal(client({ name: 'element', type: 'element-web' }, { ports: { https: 8443 } }).redirectUris[1], 'https://element.example.com:8443/');
  });

  it('native-loopback: all three loopback hosts, without a port, which matches any', () => {
    assert.deepEqual(client({ name: 'd', type: 'native-loopback' }).redirectUris, ['http://127.0.0.1/callback', 'http://[::1]/callback', 'http://localhost/callback']);
    assert.equal(client({ name: 'd', type: 'native-loopback', path: '/done' }).redirectUris[0], 'http://127.0.0.1/done');
  });

  it('confidential: basic authentication and openid', () => {
    const web = client({ name: 'web', type: 'confidential', redirectUris: ['https://web.example.com/cb'], secret: { secret: 'web' } });
    assert.deepEqual([web.authMethod, web.scopes, web.secret], ['client_secret_basic', ['openid'], { secret: 'web' }]);
  });

  it('service: the admin scope only when told', () => {
    assert.deepEqual(client({ name: 's', type: 'service', secret: { secret: 'web' } }).scopes, []);
    assert.deepEqual(client({ name: 's', type: 'service', secret: { secret: 'web' }, admin: true }).scopes, ['urn:mas:admin']);
  });

  it('custom: public without a secret, confidential with one', () => {
    const custom = { name: 'c', type: 'custom', redirectUris: ['https://c.example.com/cb'] };
    assert.equal(client(custom).authMethod, 'none');
    assert.equal(client({ ...custom, secret: { secret: 'web' } }).authMethod, 'client_secret_basic');
  });
});

describe('what is wrong with a client is told', () => {
  const web = { name: 'web', type: 'confidential', redirectUris: ['https://web.example.com/cb'], secret: { secret: 'web' } };
  for (const [what, clients, line] of [
    ['a type that does not exist', [{ name: 'x', type: 'native' }], /^clients\[0\]\.type: not one of .* \(got "native"\)/],
    ['no type', [{ name: 'x' }], /^clients\[0\]\.type: missing; write one of element-web, /],
    ['one redirect URI for two clients', [web, { ...web, name: 'second' }],
      /^clients\[1\]\.redirectUris\[0\]: clients\[0\]\.redirectUris\[0\] has the same redirect URI \(got "https:\/\/web\.example\.com\/cb"\); let each client have its own/],
    ['one redirect URI in two spellings', [web, { ...web, name: 'second', redirectUris: ['HTTPS://web.example.com:443/cb'] }], /has the same redirect URI/],
    ['one loopback path for two programs', [{ name: 'a', type: 'native-loopback' }, { name: 'b', type: 'native-loopback' }], /^clients\[1\]\.redirectUris\[0\]: clients\[0\]\.redirectUris\[0\] has the same redirect URI/],
    ['one name twice', [web, { name: 'web', type: 'device' }], /^clients\[1\]\.name: clients\[0\]\.name has the same name \(got "web"\); choose another name$/],
    ['one id twice', [{ name: 'a', type: 'device', clientId: '01JABCDEFGHJKMNPQRSTVWXYZ0' }, { name: 'b', type: 'device', clientId: '01JABCDEFGHJKMNPQRSTVWXYZ0' }], /^clients\[1\]\.clientId: .* same client id/],
    ["the stack's own name", [{ name: 'matrix-stack-admin', type: 'device' }], /^clients\[0\]\.name: this name belongs to the stack itself/],
    ['no redirect URI', [{ name: 'x', type: 'native-scheme' }], /^clients\[0\]\.redirectUris: a native-scheme client needs a redirect URI/],
    ['a redirect URI of a device', [{ name: 'x', type: 'device', redirectUris: ['https://x.example.com/'] }], /^clients\[0\]\.redirectUris: a device client is never redirected to; remove the key/],
    ['a redirect URI of Element', [{ name: 'x', type: 'element-web', redirectUris: ['https://x.example.com/'] }], /^clients\[0\]\.redirectUris: redirect URIs of an element-web client follow from matrix:hosts/],
    ['a secret that a native app cannot keep', [{ name: 'x', type: 'native-loopback', secret: { secret: 'web' } }], /^clients\[0\]\.secret: a native-loopback client is public, it can keep no secret/],
    ['no secret', [{ name: 'x', type: 'confidential', redirectUris: ['https://x.example.com/'] }], /^clients\[0\]\.secret: a confidential client needs a secret; write secret: \{secret: NAME\}/],
    ['no proof', [{ ...web, authMethod: 'none' }], /^clients\[0\]\.authMethod: a confidential client proves itself by its secret \(got none\)/],
    ['a path for others', [{ ...web, path: '/x' }], /^clients\[0\]\.path: only native-loopback clients have a path/],
    ['a path that is none', [{ name: 'x', type: 'native-loopback', path: 'callback' }], /^clients\[0\]\.path: not a path \(got "callback"\); write it like \/callback/],
    ['admin rights of a program that acts for people', [{ ...web, admin: true }], /^clients\[0\]\.admin: a confidential client acts for people/],
    ['a client URI without TLS', [{ ...web, clientUri: 'http://web.example.com' }], /^clients\[0\]\.clientUri: not an https URL/],
  ] as const) {
    it(what, () => {
      const lines = linesOf({ clients });
      assert.ok(lines.some((found) => line.test(found)), lines.join('\n'));
    });
  }

  it('Element without a host', () => {
    assert.deepEqual(linesOf({ hosts: { homeserver: 'm.example.com', auth: 'a.example.com' }, clients: [{ name: 'element', type: 'element-web' }] }), ['clients[0]: there is no host for Element Web; set matrix:hosts.element']);
  });

  it('a second entry is read although the first is wrong', () => {
    assert.equal(linesOf({ clients: [{ name: 'x' }, { name: 'y' }] }).length, 2);
  });
});
