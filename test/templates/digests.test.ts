import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Model } from '../../model/model.ts';
import { modelDigest, rehearsalDigest, renderAll } from '../../templates/all.ts';
import { digestOf } from '../../templates/file.ts';
import { parsed, settingsOf, shipped, type Settings } from '../model/settings.ts';
import { placeholder } from './rendered.ts';

const digest = (model: Model, key = 'key', secret = placeholder): string => modelDigest(renderAll(model, secret), model, key);

describe('the model digest', () => {
  it('is the same for the same settings, and for legacy and delegated', () => {
    assert.match(digest(parsed()), /^[0-9a-f]{64}$/);
    assert.equal(digest(parsed()), digest(parsed()));
    assert.equal(digest(parsed({ phase: 'delegated' })), digest(parsed()));
  });

  it('counts neither acceptLoss nor migration', () => {
    assert.equal(digest(parsed({ acceptLoss: '3:newPasswords', migration: { acceptWarnings: ['GuestsInDatabase'], switchTimeout: 9 } })), digest(parsed()));
  });

  for (const [what, over] of [['a host', { hosts: { homeserver: 'm.example.com', auth: 'auth.example.com' } }], ['a client', { clients: [{ name: 'd', type: 'device' }] }], ['an image', { images: { edge: 'r.example.com/nginx:1.30.1' } }],
    ['an admin', { adminUsers: ['alice'] }], ['a section of homeserver.yaml', { synapseSettings: { retention: { enabled: true } } }], ['a section of config.yaml', { masSettings: { branding: { service_name: 'X' } } }]] as const) {
    it(`changes with ${what}`, () => { assert.notEqual(digest(parsed(over)), digest(parsed())); });
  }

  it('changes with a secret, and tells nothing about it without the key', () => {
    assert.notEqual(digest(parsed(), 'key', (name) => (name === 'masEncryption' ? 'other' : placeholder(name))), digest(parsed()));
    assert.notEqual(digest(parsed(), 'other key'), digest(parsed()));
  });
});

describe('the rehearsal digest', () => {
  it('is one value for the shipped prod and staging files', () => {
    assert.equal(rehearsalDigest(shipped('staging')), rehearsalDigest(shipped('prod')));
  });

  it('does not depend on the phase, which a rehearsal goes through', () => {
    assert.equal(rehearsalDigest(shipped('staging', { phase: 'delegated' })), rehearsalDigest(shipped('prod')));
    assert.equal(rehearsalDigest(shipped('prod', { phase: 'committed' })), rehearsalDigest(shipped('prod')));
  });

  it('does not depend on what only one of them can have', () => {
    const prod = rehearsalDigest(shipped('prod'));
    for (const over of [{ adopt: { from: 'dump', volume: 'v', file: 'f' } }, { acceptLoss: '3:newPasswords' }, { recover: true }, { dockerHost: 'ssh://other' }, { ports: { https: 8443, http: 8080 } }, { tls: { mode: 'offloaded', trustedProxies: ['10.0.0.1'] } }] as Settings[]) {
      assert.equal(rehearsalDigest(shipped('prod', over)), prod, JSON.stringify(over));
    }
  });

  it("follows hosts into the operator's own settings", () => {
    const settings = (host: string): Settings => ({ synapseSettings: { email: { client_base_url: `https://element.${host}/` } }, masSettings: { branding: { tos_uri: `https://${host}/terms` } } });
    assert.equal(rehearsalDigest(shipped('staging', settings('staging.example.com'))), rehearsalDigest(shipped('prod', settings('example.com'))));
  });

  const changed: Settings = {
    clients: [{ name: 'desktop', type: 'native-loopback' }], adminUsers: ['bob'], federation: false, reportStats: true, exposeSynapseAdmin: true, maxUploadMiB: 51,
    registration: { dynamic: true }, synapseSettings: { retention: { enabled: true } }, masSettings: { branding: { service_name: 'Other' } }, backup: { keep: 3 },
    migration: { switchTimeout: 5 }, images: { mas: 'r.example.com/mas:1.22.0' }, serverName: 'other.example', demo: true,
  };
  for (const [key, value] of Object.entries(changed)) {
    it(`changes with ${key}`, () => { assert.notEqual(rehearsalDigest(shipped('prod', { [key]: value })), rehearsalDigest(shipped('prod'))); });
  }

  it('does not depend on the order of keys in a file', () => {
    const reversed = Object.fromEntries(Object.entries(settingsOf('prod')['synapseSettings'] as object).reverse());
    assert.equal(rehearsalDigest(shipped('prod', { synapseSettings: reversed })), rehearsalDigest(shipped('prod')));
  });
});

describe('volumes', () => {
  it('have one owner each', () => {
    const owners = renderAll(parsed(), placeholder).map((volume) => volume.owner);
    assert.deepEqual(owners, [...new Set(owners)]);
  });

  it('have a secret digest wherever a file holds a secret', () => {
    for (const volume of renderAll(parsed({ pepper: { secret: 'pepper' } }), placeholder)) {
      assert.equal(volume.files.some((file) => file.content.includes('value-of-')), volume.secret && volume.files.length > 0, volume.owner);
      if (volume.secret) assert.notEqual(digestOf(volume, 'a'), digestOf(volume, 'b'), volume.owner);
    }
  });

  it('are all rendered in less than 50 ms', () => {
    const model = shipped('prod');
    renderAll(model, placeholder);
    const times = Array.from({ length: 5 }, () => { const start = performance.now(); renderAll(model, placeholder); return performance.now() - start; });
    assert.ok(Math.min(...times) < 50, times.join(', '));
  });
});
