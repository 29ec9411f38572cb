/** Scopes that MAS's policy grants (its policies/authorization_grant, v1.22.0); everything else ends on an error page without a way back. */
import { nearestKey, type Issue } from './issues.ts';

const stable = 'urn:matrix:client:';
const unstable = 'urn:matrix:org.matrix.msc2967.client:';
export const apiScope = `${stable}api:*`;
export const synapseAdminScope = 'urn:synapse:admin:*';
export const masAdminScope = 'urn:mas:admin';

const granted: readonly string[] = ['openid', 'email', apiScope, `${unstable}api:*`, synapseAdminScope, masAdminScope, 'urn:mas:graphql:*'];
const deviceId = /^[A-Za-z0-9._~!$&'()*+,;=:@/-]{10,}$/;

/** @returns what is wrong with the scopes of one client. */
export function scopeIssues(path: string, scopes: readonly string[]): Issue[] {
  const issues = scopes.flatMap((scope, index) => oneScope(`${path}[${index}]`, scope));
  const devices = scopes.filter((scope) => deviceOf(scope) !== undefined);
  if (scopes.some((scope) => scope.startsWith(stable)) && scopes.some((scope) => scope.startsWith(unstable))) {
    issues.push({ path, problem: 'stable and unstable Matrix scopes are mixed, which MAS refuses',
      fix: `write all of them as ${stable}… (servers since Synapse 1.138) or all as ${unstable}…` });
  }
  if (devices.length > 1) issues.push({ path, problem: 'more than one device scope, MAS gives one device to a session', got: String(devices.length), fix: 'keep one' });
  if (devices.length > 0 && !scopes.some((scope) => scope.endsWith(':api:*'))) {
    issues.push({ path, problem: 'a device scope needs the API scope beside it', fix: `add ${apiScope}` });
  }
  return issues;
}

function oneScope(path: string, scope: string): Issue[] {
  const got = JSON.stringify(scope);
  if (scope === 'profile') {
    return [{ path, problem: 'MAS refuses the scope profile: its error page has no way back to the client', got, fix: 'write openid; userinfo then holds sub and username, the display name comes from the Matrix API' }];
  }
  const device = deviceOf(scope);
  if (device !== undefined) {
    // A placeholder tells the developer to put an id of the device there.
    if (device === '<device id>' || deviceId.test(device)) return [];
    if (device.length < 10) return [{ path, problem: 'a device id has 10 characters or more', got, fix: `write ${stable}device:<device id> or a longer id` }];
    return [{ path, problem: "a device id has letters, digits and ._~!$&'()*+,;=:@/- only", got, fix: `write ${stable}device:<device id> or another id` }];
  }
  if (granted.includes(scope)) return [];
  const near = nearestKey(scope, granted);
  return [{ path, problem: 'a scope that MAS never grants', got, fix: near === undefined ? `write one of ${granted.join(', ')}` : `did you mean ${near}?` }];
}

function deviceOf(scope: string): string | undefined {
  for (const prefix of [`${stable}device:`, `${unstable}device:`]) {
    if (scope.startsWith(prefix)) return scope.slice(prefix.length);
  }
  return undefined;
}

/** What a Matrix client asks for: the API and a device that it names itself. */
export const matrixScopes: readonly string[] = [apiScope, `${stable}device:<device id>`];
