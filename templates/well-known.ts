import type { Model } from '../model/model.ts';
import { publicUrls } from '../model/model.ts';
import { toJson } from './file.ts';
import type { Side } from './routes.ts';

/**
 * `/.well-known/matrix/client` for a live side.
 * `org.matrix.msc2965.authentication` is for older clients; current ones ask `/_matrix/client/v1/auth_metadata`.
 */
export function wellKnownClient(model: Model, side: Side): object {
  const urls = publicUrls(model);
  return {
    'm.homeserver': { base_url: urls.homeserver },
    ...(side === 'delegated' ? { 'org.matrix.msc2965.authentication': { issuer: urls.issuer, account: `${urls.issuer}account/` } } : {}),
  };
}

/** `/.well-known/matrix/server`: host and port of the federation API. */
export function wellKnownServer(model: Model): object {
  const { hostname, port } = new URL(publicUrls(model).homeserver);
  return { 'm.server': `${hostname}:${port === '' ? '443' : port}` };
}

/**
 * `/.well-known/matrix/support`: the server's administrators.
 * @returns undefined without any: the specification wants at least one contact.
 */
export function wellKnownSupport(model: Model): object | undefined {
  if (model.adminUsers.length === 0) return undefined;
  return { contacts: model.adminUsers.map((name) => ({ role: 'm.role.admin', matrix_id: `@${name}:${model.serverName}` })) };
}

/** What to serve by hand where the apex host is not ours (`hosts.apex.served: false`): address and text of each document. */
export function wellKnownElsewhere(model: Model, side: Side): readonly { readonly url: string; readonly text: string }[] {
  const support = wellKnownSupport(model);
  const documents: readonly (readonly [string, object])[] = [['client', wellKnownClient(model, side)], ['server', wellKnownServer(model)],
    ...(support === undefined ? [] : [['support', support] as const])];
  return documents.map(([name, document]) => ({ url: `https://${model.hosts.apex.name}/.well-known/matrix/${name}`, text: toJson(document) }));
}
