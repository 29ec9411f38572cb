import type { RegistrationPolicy } from '../config/policy.ts';

/** What a client says of itself, URLs in normal form. */
export interface ClientMetadata {
  readonly redirect_uris?: string[];
  readonly response_types?: string[];
  readonly grant_types?: string[];
  readonly application_type?: string;
  readonly client_name?: string;
  readonly client_uri?: string;
  readonly logo_uri?: string;
  readonly policy_uri?: string;
  readonly tos_uri?: string;
  readonly jwks_uri?: string;
  readonly jwks?: unknown;
  readonly token_endpoint_auth_method?: string;
  readonly token_endpoint_auth_signing_alg?: string;
  readonly id_token_signed_response_alg?: string;
  readonly userinfo_signed_response_alg?: string;
  readonly initiate_login_uri?: string;
}

interface Uri { readonly scheme: string; readonly authority: string; readonly host: string }

/** The shapes of address that the policy can read at all; others match no rule (`parse_uri`). */
function parseUri(uri: string): Uri | undefined {
  const label = '[a-z0-9](?:[a-z0-9-]*[a-z0-9])?';
  const match = new RegExp(`^([a-z][a-z0-9+.-]*):(?://(((?:${label}\\.)*${label}|127\\.0\\.0\\.1|0\\.0\\.0\\.0|\\[::1\\])(?::[0-9]+)?))?(/[A-Za-z0-9/._~-]*)?(\\?[-a-zA-Z0-9()@:%_+.~#?&/=]*)?$`).exec(uri);
  return match === null ? undefined : { scheme: match[1] ?? '', authority: match[2] ?? '', host: match[3] ?? '' };
}

const LOCAL = ['localhost', '127.0.0.1', '[::1]'];

/** True when the last labels of `name` are those of `host`. */
function isSubdomain(host: string, name: string): boolean {
  return name === host || name.endsWith(`.${host}`);
}

/** What the default policy has against a registration (policies/client_registration/client_registration.rego); empty when nothing. */
export function registrationViolations(policy: RegistrationPolicy, metadata: ClientMetadata): string[] {
  const violations: string[] = [];
  const client = metadata.client_uri === undefined ? undefined : parseUri(metadata.client_uri);
  const secure = (uri: string): boolean => {
    if (policy.allowInsecureUris) return true;
    const parsed = parseUri(uri);
    return parsed?.scheme === 'https' && ![...LOCAL, '0.0.0.0'].includes(parsed.host);
  };
  const onClientHost = (uri: string): boolean => {
    if (policy.allowHostMismatch || policy.allowMissingClientUri) return true;
    const parsed = parseUri(uri);
    return client !== undefined && parsed !== undefined && isSubdomain(client.host, parsed.host);
  };
  const nativeRedirect = (uri: string): boolean => {
    const parsed = parseUri(uri);
    if (parsed === undefined || metadata.application_type !== 'native') return false;
    if (parsed.scheme === 'http') return LOCAL.includes(parsed.host);
    if (parsed.scheme === 'https' || parsed.authority !== '' || client === undefined) return false;
    const reversed = client.host.split('.').reverse().join('.');
    return parsed.scheme === reversed || parsed.scheme.startsWith(`${reversed}.`);
  };
  if (metadata.client_uri === undefined) {
    if (!policy.allowMissingClientUri) violations.push('missing client_uri');
  } else if (!secure(metadata.client_uri)) {
    violations.push('invalid client_uri');
  }
  for (const field of ['tos_uri', 'policy_uri', 'logo_uri'] as const) {
    const uri = metadata[field];
    if (uri === undefined) continue;
    if (!secure(uri)) violations.push(`invalid ${field}`);
    if (!onClientHost(uri)) violations.push(`${field} not on the same host as the client_uri`);
  }
  const grants = metadata.grant_types ?? ['authorization_code'];
  const usesRedirects = grants.includes('authorization_code') || grants.includes('implicit');
  if (grants.includes('client_credentials') && metadata.token_endpoint_auth_method === 'none') violations.push('client_credentials grant_type requires some form of client authentication');
  if (usesRedirects && metadata.redirect_uris === undefined) violations.push('missing redirect_uris');
  if (usesRedirects && metadata.redirect_uris?.length === 0) violations.push('invalid redirect_uris: it must have at least one redirect_uri');
  for (const uri of metadata.redirect_uris ?? []) {
    if (!nativeRedirect(uri) && !(secure(uri) && onClientHost(uri))) violations.push('invalid redirect_uri');
  }
  return violations.sort();
}
