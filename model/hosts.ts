/** Host names of a stack: names, not URLs, all different, and a mirror's are its own. */
import { shown, type Issue } from './issues.ts';
import type { Hosts } from './model.ts';
import type { Keys } from './schema.ts';

const name = /^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/;

/** @returns hosts with the apex at the server name (without its port) unless told otherwise. */
export function hostsOf(settings: NonNullable<Keys['hosts']>, serverName: string): Hosts {
  const { homeserver, auth, element, apex } = settings;
  return {
    homeserver,
    auth,
    ...(element === undefined ? {} : { element }),
    apex: { name: apex.name ?? serverName.replace(/:\d+$/, ''), served: apex.served },
  };
}

/** @returns what is wrong with the hosts. */
export function hostIssues(hosts: Hosts, mirror: Keys['mirror'], stack: string, serverName: string | undefined): Issue[] {
  const named: (readonly [string, string])[] = [['hosts.homeserver', hosts.homeserver], ['hosts.auth', hosts.auth],
    ...(hosts.element === undefined ? [] : [['hosts.element', hosts.element] as const]), ['hosts.apex.name', hosts.apex.name]];
  const issues = named.flatMap(([path, host]) => hostIssue(path, host));
  named.forEach(([path, host], index) => {
    const first = named.slice(0, index).find(([, other]) => other === host);
    // The well-known documents may lie on the homeserver's own host.
    if (first !== undefined && !(path === 'hosts.apex.name' && first[0] === 'hosts.homeserver')) {
      issues.push({ path, problem: `${first[0]} is the same host, the edge could not tell them apart`, got: shown(path, host), fix: 'give each service a host of its own' });
    }
  });
  if (mirror === undefined) return issues;
  if (mirror.of === stack) issues.push({ path: 'mirror.of', problem: 'a stack cannot be its own mirror', got: shown('mirror.of', mirror.of), fix: 'name the stack whose data this one copies' });
  if (serverName !== undefined) {
    for (const [path, host] of named) {
      if (host === serverName.replace(/:\d+$/, '')) {
        issues.push({ path, problem: `a mirror needs hosts of its own, and this one is the name of the server that ${mirror.of} runs`, got: shown(path, host), fix: `write another host, like staging.${host}` });
      }
    }
  }
  return issues;
}

function hostIssue(path: string, host: string): Issue[] {
  const got = shown(path, host);
  const url = /^([a-z]+):\/\/([^/:?#]*)/i.exec(host);
  if (url !== null) {
    const only = url[2] === undefined || url[2] === '' ? 'the host name' : url[2];
    if (path === 'hosts.auth' && url[1]?.toLowerCase() === 'http') {
      return [{ path, problem: 'MAS needs https, and a host name is expected here, not a URL', got, fix: `write ${only}; the issuer is then https://${only}/` }];
    }
    return [{ path, problem: 'a host name is expected here, not a URL', got, fix: `write ${only}; scheme and port follow from matrix:tls and matrix:ports` }];
  }
  if (/:\d+$/.test(host)) return [{ path, problem: 'a host name is expected here, without a port', got, fix: `write ${host.replace(/:\d+$/, '')} and set matrix:ports.https` }];
  if (!name.test(host) || host.length > 253) return [{ path, problem: 'not a host name', got, fix: 'write it like matrix.example.com, in small letters' }];
  return [];
}
