import type * as pulumi from '@pulumi/pulumi';
import type { Model, Service } from '../model/model.ts';
import { publicUrls } from '../model/model.ts';

/** What the `record` step prints. */
interface Recorded {
  readonly lastMove?: unknown;
}

/**
 * What people and other stacks need to know; never a secret.
 * @param recorded JSON of the last step.
 */
export function stackOutputs(model: Model, modelDigest: string, recorded: pulumi.Output<string>): pulumi.Inputs {
  const urls = publicUrls(model);
  return {
    phase: model.phase,
    serverName: model.serverName,
    urls: { homeserver: urls.homeserver, apex: urls.apex, ...(urls.element === undefined ? {} : { element: urls.element }) },
    issuer: urls.issuer,
    clients: Object.fromEntries(model.clients.map((client) => [client.name, {
      issuer: urls.issuer, clientId: client.clientId, authMethod: client.authMethod, redirectUris: client.redirectUris, scopes: client.scopes }])),
    versions: Object.fromEntries(Object.entries(model.images).map(([service, image]) => [service as Service, image.version])),
    standins: Object.entries(model.images).filter(([, image]) => image.standin).map(([service]) => service),
    modelDigest,
    lastMove: recorded.apply((text) => (JSON.parse(text === '' ? '{}' : text) as Recorded).lastMove ?? null),
  };
}
