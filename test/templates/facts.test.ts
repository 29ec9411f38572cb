import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { factsOf } from '../../templates/facts.ts';
import { parsed } from '../model/settings.ts';
import { dataOf, placeholder, textOf } from './rendered.ts';

describe('facts of a stack', () => {
  it('name what lies on the Docker host', () => {
    const facts = factsOf(parsed(), { mas: 'matrix-prod-files-mas-0' }, 'd'.repeat(64));
    assert.deepEqual(facts.containers, { postgres: 'matrix-prod-postgres', 'synapse-legacy': 'matrix-prod-synapse-legacy', 'synapse-delegated': 'matrix-prod-synapse-delegated', mas: 'matrix-prod-mas', element: 'matrix-prod-element', edge: 'matrix-prod-edge' });
    assert.deepEqual(facts.files, { mas: 'matrix-prod-files-mas-0' });
    assert.equal(facts.volumes.postgresData, 'matrix-prod-data-postgres');
    assert.deepEqual(facts.versions, { synapse: '1.163.2', mas: '1.22.0', postgresMajor: 17 });
    assert.deepEqual(facts.users, { synapse: '991:991', mas: '65532:65532', postgres: '999:999' });
    assert.deepEqual(facts.database, { host: 'postgres', port: 5432, adminUser: 'postgres', ssl: 'disable', managed: true });
  });

  it('name the containers of every phase in each: a way back stops those that its own phase no longer makes', () => {
    const containers = (phase: string): object => factsOf(parsed({ phase }), {}, '').containers;
    assert.deepEqual(containers('committed'), containers('legacy'));
  });

  it('have every client as MAS gets it, with the own admin client', () => {
    const model = parsed({ clients: [{ name: 'desktop', type: 'native-loopback' }] });
    const { clients, adminClientId } = factsOf(model, {}, '');
    const mas = dataOf(model, 'mas', 'config.yaml') as { clients: { client_id: string; redirect_uris: string[]; client_auth_method: string }[] };
    assert.deepEqual(clients.map((client) => [client.clientId, client.redirectUris, client.authMethod]), mas.clients.map((client) => [client.client_id, client.redirect_uris, client.client_auth_method]));
    assert.equal(adminClientId, clients.at(-1)?.clientId);
  });

  it('hold no secret but a public certificate', () => {
    const model = parsed({ pepper: { secret: 'pepper' } });
    const facts = factsOf(model, {}, '', 'CERTIFICATE');
    assert.equal(facts.edge.ca, 'CERTIFICATE');
    assert.ok(!JSON.stringify(facts).includes('value-of-'));
  });

  it('reach the edge without TLS where a proxy in front has it', () => {
    const { edge } = factsOf(parsed({ tls: { mode: 'offloaded', trustedProxies: ['10.0.0.1'] } }), {}, '');
    assert.deepEqual([edge.tls, edge.port], [false, 8080]);
  });

  it('know an external database', () => {
    const facts = factsOf(parsed({ postgres: { mode: 'external', host: 'db', adminUser: 'root', adminPassword: { secret: 'web' } } }), {}, '');
    assert.deepEqual(facts.database, { host: 'db', port: 5432, adminUser: 'root', ssl: 'require', managed: false });
    assert.deepEqual([facts.volumes.postgresData, facts.containers.postgres], [null, undefined]);
  });
});

describe('secrets of host jobs', () => {
  it('are the values that the services have', () => {
    const model = parsed({ appservices: [{ id: 'bridge', url: null, asToken: { secret: 'bridgeAs' }, hsToken: { secret: 'bridgeHs' }, senderLocalpart: 'bot' }] });
    const secrets = dataOf(model, 'runner-secrets', 'runner.json') as { matrixSecret: string; roles: { mas: string }; asTokens: object; admin: string; masAdminClient: string };
    assert.equal(secrets.matrixSecret, textOf(model, 'mas-secrets', 'matrix'));
    assert.equal(secrets.roles.mas, textOf(model, 'mas-secrets', 'database'));
    assert.deepEqual(secrets.asTokens, { bridge: 'value-of-bridgeAs' });
    assert.deepEqual([secrets.admin, secrets.masAdminClient], [placeholder('postgresPassword'), placeholder('masAdminClient')]);
  });

  it('hold the password of an external server', () => {
    const model = parsed({ postgres: { mode: 'external', host: 'db', adminUser: 'root', adminPassword: { secret: 'web' } } });
    assert.equal(dataOf(model, 'runner-secrets', 'runner.json')['admin'], 'value-of-web');
  });
});
