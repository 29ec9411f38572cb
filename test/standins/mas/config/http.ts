import type { ConfigValue } from './value.ts';

/** Names of `http.listeners[].resources[]` (crates/config/src/sections/http.rs `Resource`). */
export const RESOURCES = ['health', 'prometheus', 'discovery', 'human', 'graphql', 'oauth', 'compat', 'assets', 'adminapi', 'connection-info'] as const;
export type Resource = (typeof RESOURCES)[number];

export type Bind = { readonly kind: 'port'; readonly host?: string; readonly port: number }
  | { readonly kind: 'address'; readonly address: string }
  | { readonly kind: 'socket'; readonly path: string; readonly mode?: string };

export interface Listener {
  readonly name?: string;
  readonly resources: readonly Resource[];
  readonly prefix?: string;
  readonly binds: readonly Bind[];
  readonly tls?: { readonly certificate?: string; readonly certificateFile?: string; readonly key?: string; readonly keyFile?: string };
}

/** `http`. Without the section MAS listens on [::]:8080 and localhost:8081; with it but without `listeners` it binds nothing. */
export interface HttpConfig {
  readonly publicBase: URL;
  readonly issuer?: URL;
  readonly trustedProxies: readonly string[];
  readonly listeners: readonly Listener[];
}

/** The defaults of `http.trusted_proxies`. 10.0.0.0/10 is what the source says (`default_trusted_proxies`), not /8. */
const TRUSTED = ['192.168.0.0/16', '172.16.0.0/12', '10.0.0.0/10', '127.0.0.0/8', 'fd00::/8', '::1/128'];

function parseBind(bind: ConfigValue): Bind {
  if (bind.at('port').present) {
    const host = bind.at('host');
    return { kind: 'port', host: host.present ? host.string() : undefined, port: bind.at('port').integer('u16', 0, 65535) };
  }
  if (bind.at('address').present) return { kind: 'address', address: bind.at('address').string() };
  if (bind.at('socket').present) {
    const mode = bind.at('mode');
    return { kind: 'socket', path: bind.at('socket').string(), mode: mode.present ? mode.string() : undefined };
  }
  throw bind.error('data did not match any variant of untagged enum BindConfig');
}

function parseListener(listener: ConfigValue): Listener {
  const text = (section: ConfigValue, key: string): string | undefined => (section.at(key).present ? section.at(key).string() : undefined);
  const tls = listener.at('tls');
  return {
    binds: listener.required('binds').list().map(parseBind),
    name: text(listener, 'name'), prefix: text(listener, 'prefix'),
    resources: listener.required('resources').list().map((resource) => resource.required('name').oneOf(RESOURCES)),
    tls: tls.present ? { certificate: text(tls, 'certificate'), certificateFile: text(tls, 'certificate_file'), key: text(tls, 'key'), keyFile: text(tls, 'key_file') } : undefined,
  };
}

export function parseHttp(section: ConfigValue): HttpConfig {
  if (!section.present) {
    return {
      publicBase: new URL('http://[::]:8080/'), issuer: new URL('http://[::]:8080/'), trustedProxies: TRUSTED,
      listeners: [
        { name: 'web', resources: ['discovery', 'human', 'oauth', 'compat', 'graphql', 'assets'], binds: [{ kind: 'address', address: '[::]:8080' }] },
        { name: 'internal', resources: ['health'], binds: [{ kind: 'port', host: 'localhost', port: 8081 }] },
      ],
    };
  }
  const issuer = section.at('issuer');
  const proxies = section.at('trusted_proxies');
  const listeners = section.at('listeners');
  const parsed = {
    issuer: issuer.present ? issuer.url() : undefined,
    listeners: listeners.present ? listeners.list().map(parseListener) : [],
  };
  return {
    ...parsed,
    publicBase: section.required('public_base').url(),
    trustedProxies: proxies.present ? proxies.list().map((network) => network.string()) : TRUSTED,
  };
}

/** Cross-checks of `http` (`validate` in http.rs). */
export function validateHttp(section: ConfigValue, config: HttpConfig): void {
  for (const [index, listener] of config.listeners.entries()) {
    const at = section.at('listeners').present ? section.at('listeners').list()[index] ?? section : section;
    if (listener.resources.length === 0) throw at.error('listener has no resources');
    if (listener.binds.length === 0) throw at.error('listener does not bind to any address');
    const tls = listener.tls;
    if (tls === undefined) continue;
    if (tls.certificate !== undefined && tls.certificateFile !== undefined) throw at.error('Only one of `certificate` or `certificate_file` can be set at a time');
    if (tls.certificate === undefined && tls.certificateFile === undefined) throw at.error('TLS configuration is missing a certificate');
    if (tls.key !== undefined && tls.keyFile !== undefined) throw at.error('Only one of `key` or `key_file` can be set at a time');
    if (tls.key === undefined && tls.keyFile === undefined) throw at.error('TLS configuration is missing a private key');
  }
}
