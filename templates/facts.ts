import { adminClient } from '../model/clients.ts';
import { publicUrls, type Image, type Model } from '../model/model.ts';
import { aliases, innerPorts, namesOf, type ContainerRole } from '../model/names.ts';
import type { StackFacts } from '../steps/contract.ts';
import { databaseAddress } from './urls.ts';

/** Every container that the stack may have: a rollback stops those that its own phase no longer makes. */
export function containerRolesOf(model: Pick<Model, 'postgres' | 'hosts'>): readonly ContainerRole[] {
  return [
    ...(model.postgres.mode === 'managed' ? ['postgres' as const] : []),
    'synapse-legacy', 'synapse-delegated', 'mas',
    ...(model.hosts.element === undefined ? [] : ['element' as const]),
    'edge',
  ];
}

/**
 * What every host job is told about its stack.
 * @param fileVolumes volume name by owner.
 * @param ca PEM of the stack's own certificate authority, null where a public one signs.
 */
export function factsOf(model: Model, fileVolumes: { readonly [owner: string]: string }, modelDigest: string, ca: string | null = null): StackFacts {
  const names = namesOf(model.stack);
  const urls = publicUrls(model);
  const address = databaseAddress(model.postgres);
  const managed = model.postgres.mode === 'managed';
  const tls = model.tls.mode !== 'offloaded';
  const clients = [...model.clients, adminClient(model.serverName)];
  return {
    stack: model.stack,
    serverName: model.serverName,
    demo: model.demo,
    containers: Object.fromEntries(containerRolesOf(model).map((role) => [role, names.container(role)])),
    networks: { data: names.network('data'), backend: names.network('backend'), apps: names.network('apps') },
    volumes: { markers: names.volume('markers'), backups: names.volume('backups'), synapseData: names.volume('synapse'), postgresData: managed ? names.volume('postgres') : null },
    files: fileVolumes,
    images: { synapse: image(model, 'synapse').reference, mas: image(model, 'mas').reference, postgres: image(model, 'postgres').reference, edge: image(model, 'edge').reference, runner: image(model, 'runner').reference },
    versions: { synapse: image(model, 'synapse').version, mas: image(model, 'mas').version, postgresMajor: managed ? 17 : Number.parseInt(image(model, 'postgres').version, 10) },
    users: { synapse: userOf(image(model, 'synapse')), mas: userOf(image(model, 'mas')), postgres: userOf(image(model, 'postgres')) },
    database: { host: address.host, port: address.port, adminUser: model.postgres.mode === 'managed' ? 'postgres' : model.postgres.adminUser, ssl: address.ssl, managed },
    edge: { host: aliases.edge, port: tls ? innerPorts.edgeHttps : innerPorts.edgeHttp, tls, ca },
    urls: { homeserver: urls.homeserver, issuer: urls.issuer, apex: urls.apex, element: urls.element ?? null, apexServed: model.hosts.apex.served },
    clients: clients.map(({ name, clientId, redirectUris, authMethod }) => ({ name, clientId, redirectUris, authMethod })),
    adminClientId: adminClient(model.serverName).clientId,
    dynamicRegistration: model.registration.dynamic,
    // A mirror's Synapse knows none, so that it cannot reach a bridge.
    appservices: model.mirror === undefined ? model.appservices.map(({ id, senderLocalpart }) => ({ id, senderLocalpart })) : [],
    modelDigest,
    acceptWarnings: model.migration.acceptWarnings,
    switchTimeout: model.migration.switchTimeout,
  };
}

/** @throws Error when the model was not made by parseSettings, which sets every image. */
function image(model: Model, service: keyof Model['images']): Image {
  const found = model.images[service];
  if (found === undefined) throw new Error(`no image for ${service}: the model was not made by parseSettings`);
  return found;
}

/** @returns `uid:gid` as Docker takes it. */
function userOf({ uid, gid }: Image): string {
  return `${uid}:${gid}`;
}
