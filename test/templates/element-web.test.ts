import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { renderAll } from '../../templates/all.ts';
import { parsed } from '../model/settings.ts';
import { dataOf, placeholder } from './rendered.ts';

const withElement = { clients: [{ name: 'element', type: 'element-web' }] };

describe("Element Web's config.json", () => {
  it('names server and homeserver itself, so that a broken well-known stops nobody', () => {
    assert.deepEqual(dataOf(parsed(), 'element', 'config.json')['default_server_config'], { 'm.homeserver': { base_url: 'https://matrix.example.com', server_name: 'example.com' } });
  });

  it('keys its client by the issuer, byte for byte', () => {
    const model = parsed({ ...withElement, ports: { https: 8443 } });
    assert.deepEqual(dataOf(model, 'element', 'config.json')['oidc_static_clients'], { 'https://auth.example.com:8443/': { client_id: model.clients[0]?.clientId } });
    const mas = dataOf(model, 'mas', 'config.yaml') as { http: { issuer: string }; clients: { client_id: string }[] };
    assert.deepEqual([mas.http.issuer, mas.clients[0]?.client_id], ['https://auth.example.com:8443/', model.clients[0]?.clientId]);
  });

  it('is the same in every phase: its container is not replaced in a move', () => {
    assert.deepEqual(dataOf(parsed({ ...withElement, phase: 'delegated' }), 'element', 'config.json'), dataOf(parsed(withElement), 'element', 'config.json'));
  });

  it('does not exist without a host', () => {
    const model = parsed({ hosts: { homeserver: 'm.example.com', auth: 'a.example.com' } });
    assert.ok(!renderAll(model, placeholder).some((volume) => volume.owner === 'element'));
  });
});
