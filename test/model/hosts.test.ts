import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { publicUrls } from '../../model/model.ts';
import { linesOf, parsed } from './settings.ts';

const hosts = { homeserver: 'matrix.example.com', auth: 'auth.example.com' };

describe('hosts', () => {
  it('give public URLs, with a port only where it is not 443', () => {
    assert.deepEqual(publicUrls(parsed({ ports: { https: 8443 } })), { homeserver: 'https://matrix.example.com:8443/', issuer: 'https://auth.example.com:8443/', element: 'https://element.example.com:8443/', apex: 'https://example.com:8443/' });
    assert.equal(publicUrls(parsed({ ports: { https: 8443 }, tls: { mode: 'offloaded', trustedProxies: ['10.0.0.1'] } })).issuer, 'https://auth.example.com/');
  });

  it('may hold the well-known documents on the homeserver itself', () => {
    assert.equal(parsed({ serverName: 'matrix.example.com' }).hosts.apex.name, 'matrix.example.com');
  });

  for (const [what, over, line] of [
    ['MAS by http', { auth: 'http://auth.example.com/' }, 'hosts.auth: MAS needs https, and a host name is expected here, not a URL (got "http://auth.example.com/"); write auth.example.com; the issuer is then https://auth.example.com/'],
    ['a URL', { auth: 'https://auth.example.com/' }, 'hosts.auth: a host name is expected here, not a URL (got "https://auth.example.com/"); write auth.example.com; scheme and port follow from matrix:tls and matrix:ports'],
    ['a port', { homeserver: 'matrix.example.com:8448' }, 'hosts.homeserver: a host name is expected here, without a port (got "matrix.example.com:8448"); write matrix.example.com and set matrix:ports.https'],
    ['no host name', { homeserver: 'Matrix_Host' }, 'hosts.homeserver: not a host name (got "Matrix_Host"); write it like matrix.example.com, in small letters'],
    ['one host for two services', { auth: 'matrix.example.com' }, 'hosts.auth: hosts.homeserver is the same host, the edge could not tell them apart (got "matrix.example.com"); give each service a host of its own'],
  ] as const) {
    it(`refuse ${what}`, () => { assert.deepEqual(linesOf({ hosts: { ...hosts, ...over } }), [line]); });
  }
});

describe('a mirror', () => {
  const own = { homeserver: 'matrix.staging.example.com', auth: 'auth.staging.example.com', apex: { name: 'staging.example.com' } };

  it('has hosts of its own and says who may use it', () => {
    assert.deepEqual(parsed({ mirror: { of: 'prod', allow: ['192.0.2.0/24'] }, hosts: own }, 'staging').mirror, { of: 'prod', allow: ['192.0.2.0/24'] });
  });

  it('cannot answer in the name of the server that it copies', () => {
    assert.deepEqual(linesOf({ mirror: { of: 'prod' }, hosts }, { stack: 'staging' }), [
      'hosts.apex.name: a mirror needs hosts of its own, and this one is the name of the server that prod runs (got "example.com"); write another host, like staging.example.com']);
  });

  it('cannot copy itself', () => {
    assert.match(linesOf({ mirror: { of: 'prod' }, hosts: own })[0] ?? '', /^mirror\.of: a stack cannot be its own mirror/);
  });

  it('adopts nothing', () => {
    assert.match(linesOf({ mirror: { of: 'prod' }, hosts: own, adopt: { from: 'dump', volume: 'v', file: 'f' } }, { stack: 'staging' })[0] ?? '', /^adopt: a mirror takes its data from prod/);
  });
});
