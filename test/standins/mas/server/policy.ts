import type { Context, UserRow } from './context.ts';
import { STABLE_DEVICE, UNSTABLE_DEVICE } from './scope.ts';

const DEVICE = /^urn:matrix:(org\.matrix\.msc2967\.client|client):device:[A-Za-z0-9._~!$&'()*+,;=:@/-]{10,}$/;

/** Who asks for a grant, and how. */
export interface GrantRequest { readonly kind: 'authorization_code' | 'device_code' | 'client_credentials'; readonly user?: UserRow; readonly clientId: string; readonly scope: readonly string[] }

/** What the default policy has against a grant (policies/authorization_grant/authorization_grant.rego); empty when nothing. */
export function grantViolations(context: Context, request: GrantRequest): string[] {
  const { policy } = context.config;
  const interactive = request.kind !== 'client_credentials';
  const isAdmin = request.user !== undefined && (request.user.can_request_admin || policy.adminUsers.includes(request.user.username));
  const allowed = (scope: string): boolean => {
    if (['openid', 'email', 'urn:mas:graphql:*'].includes(scope)) return true;
    if (scope === 'urn:synapse:admin:*') return interactive && isAdmin;
    if (scope === 'urn:mas:admin') return interactive ? isAdmin : policy.adminClients.includes(request.clientId);
    if (!interactive) return false;
    return scope === 'urn:matrix:client:api:*' || scope === 'urn:matrix:org.matrix.msc2967.client:api:*' || DEVICE.test(scope);
  };
  const starting = (prefix: string): number => request.scope.filter((scope) => scope.startsWith(prefix)).length;
  const violations = request.scope.filter((scope) => !allowed(scope)).map((scope) => `scope '${scope}' not allowed`);
  if (starting(STABLE_DEVICE) > 1 || starting(UNSTABLE_DEVICE) > 1) violations.push('only one device scope is allowed at a time');
  const api = starting('urn:matrix:client:api:') + starting('urn:matrix:org.matrix.msc2967.client:api:');
  if (starting(STABLE_DEVICE) + starting(UNSTABLE_DEVICE) > 0 && api === 0) violations.push('device scopes are only allowed when the client-server API scope is requested');
  if (starting('urn:matrix:org.matrix.msc2967.client:') > 0 && starting('urn:matrix:client:') > 0) violations.push('request cannot mix unstable and stable scopes');
  return violations.sort();
}

/**
 * Status of the page about refused grants: 200, but 500 when there is exactly one violation, because then the page's template asks for a
 * field that the violation lacks (templates/pages/policy_violation.html line 11 of 1.22.0; seen on mas-cli).
 */
export function policyPageStatus(violations: readonly string[]): number {
  return violations.length === 1 ? 500 : 200;
}
