import { publicUrls, type FreeForm, type Model } from '../model/model.ts';

/** The model with everything replaced in which a staging stack must differ from the one it mirrors. */
export function neutralModel(model: Model): Model {
  const { mirror: _mirror, ...rest } = model;
  const own = publicUrls(model);
  const hosts: Model['hosts'] = { homeserver: 'matrix.neutral.invalid', auth: 'auth.neutral.invalid',
    ...(model.hosts.element === undefined ? {} : { element: 'element.neutral.invalid' }), apex: { name: 'neutral.invalid', served: true } };
  const tls: Model['tls'] = { mode: 'selfSigned' };
  const ports: Model['ports'] = { bind: ['0.0.0.0'], https: 443, http: 80 };
  const fixed = publicUrls({ hosts, tls, ports });
  const pairs = ([['element', own.element, fixed.element], ['homeserver', own.homeserver, fixed.homeserver], ['issuer', own.issuer, fixed.issuer], ['apex', own.apex, fixed.apex]] as const)
    .flatMap(([, from, to]) => (from === undefined || to === undefined ? [] : [[from, to], [from.slice(0, -1), to.slice(0, -1)]] as const));
  const moved = <T extends FreeForm>(value: T): T => replaced(value, pairs) as T;
  return {
    ...rest,
    stack: 'neutral', phase: 'delegated', hosts, tls, ports, dockerHost: 'neutral',
    postgres: model.postgres.mode === 'managed' ? model.postgres : { ...model.postgres, host: 'neutral', port: 5432, sslMode: 'disable' },
    clients: model.clients.map((client) => ({ ...client, redirectUris: client.redirectUris.map(moved), ...(client.clientUri === undefined ? {} : { clientUri: moved(client.clientUri) }) })),
    synapseSettings: moved(model.synapseSettings),
    masSettings: moved(model.masSettings),
  };
}

/** Replaces URLs that begin with one of our public ones, at any depth. */
function replaced(value: FreeForm, pairs: readonly (readonly [string, string])[]): FreeForm {
  if (typeof value === 'string') {
    const pair = pairs.find(([from]) => value === from || (value.startsWith(from) && /^[/?#]/.test(value.slice(from.length))) || (from.endsWith('/') && value.startsWith(from)));
    return pair === undefined ? value : `${pair[1]}${value.slice(pair[0].length)}`;
  }
  if (Array.isArray(value)) return value.map((entry: FreeForm) => replaced(entry, pairs));
  if (typeof value === 'object' && value !== null) return Object.fromEntries(Object.entries(value as { [key: string]: FreeForm }).map(([key, entry]) => [key, replaced(entry, pairs)]));
  return value;
}
