import { givenOrFile, type Given } from './sections.ts';
import type { ConfigValue, Yaml } from './value.ts';

export const AUTH_METHODS = ['none', 'client_secret_basic', 'client_secret_post', 'client_secret_jwt', 'private_key_jwt'] as const;
export type AuthMethod = (typeof AUTH_METHODS)[number];

/** One of `clients[]` (crates/config/src/sections/clients.rs). */
export interface ClientConfig {
  readonly clientId: string;
  readonly authMethod: AuthMethod;
  readonly name?: string;
  readonly uri?: string;
  readonly secret?: Given;
  readonly jwks?: Yaml;
  readonly jwksUri?: string;
  readonly redirectUris: readonly string[];
}

/** A ULID; the sentences are those of the `ulid` crate. */
function ulid(value: ConfigValue): string {
  const text = value.string();
  if (text.length !== 26) throw value.error('invalid length');
  if (!/^[0-9A-HJKMNP-TV-Z]{26}$/i.test(text)) throw value.error('invalid character');
  return text.toUpperCase();
}

export function parseClients(section: ConfigValue): ClientConfig[] {
  if (!section.present) return [];
  return section.list().map((entry) => ({
    authMethod: entry.required('client_auth_method').oneOf(AUTH_METHODS),
    clientId: ulid(entry.required('client_id')),
    name: entry.at('client_name').present ? entry.at('client_name').string() : undefined,
    uri: entry.at('client_uri').present ? entry.at('client_uri').url().href : undefined,
    jwks: entry.at('jwks').value,
    jwksUri: entry.at('jwks_uri').present ? entry.at('jwks_uri').url().href : undefined,
    redirectUris: entry.at('redirect_uris').present ? entry.at('redirect_uris').list().map((uri) => uri.url().href) : [],
    secret: givenOrFile(entry, 'client_secret'),
  }));
}

/** What each authentication method demands and forbids (`validate` in clients.rs). */
export function validateClients(section: ConfigValue, clients: readonly ClientConfig[]): void {
  for (const [index, client] of clients.entries()) {
    const at = section.list()[index] ?? section;
    const method = client.authMethod;
    const hasJwks = client.jwks !== undefined && client.jwks !== null;
    if (method === 'private_key_jwt') {
      if (!hasJwks && client.jwksUri === undefined) throw at.error('jwks or jwks_uri is required for private_key_jwt', ['client_auth_method']);
      if (hasJwks && client.jwksUri !== undefined) throw at.error('jwks and jwks_uri are mutually exclusive', ['jwks']);
      if (client.secret !== undefined) throw at.error('client_secret is not allowed with private_key_jwt', ['client_secret']);
    } else if (method === 'none') {
      if (client.secret !== undefined) throw at.error('client_secret is not allowed with none authentication method', ['client_secret']);
      if (hasJwks) throw at.error('jwks is not allowed with none authentication method');
      if (client.jwksUri !== undefined) throw at.error('jwks_uri is not allowed with none authentication method');
    } else {
      if (client.secret === undefined) throw at.error(`client_secret is required for ${method}`, ['client_auth_method']);
      if (hasJwks) throw at.error(`jwks is not allowed with ${method}`, ['jwks']);
      if (client.jwksUri !== undefined) throw at.error(`jwks_uri is not allowed with ${method}`, ['jwks_uri']);
    }
  }
}

/** One of `upstream_oauth2.providers[]`, the fields that sync and syn2mas use (crates/config/src/sections/upstream_oauth2.rs). */
export interface ProviderConfig {
  readonly id: string;
  readonly enabled: boolean;
  readonly synapseIdpId?: string;
  readonly issuer?: string;
  readonly humanName?: string;
  readonly brandName?: string;
  readonly clientId: string;
  readonly secret?: Given;
  readonly authMethod: string;
  readonly scope: string;
  readonly discoveryMode: string;
  readonly claimsImports: Yaml;
}

export function parseProviders(section: ConfigValue): ProviderConfig[] {
  if (!section.present) return [];
  const text = (entry: ConfigValue, key: string): string | undefined => (entry.at(key).present ? entry.at(key).string() : undefined);
  return section.required('providers').list().map((entry) => ({
    brandName: text(entry, 'brand_name'),
    claimsImports: entry.at('claims_imports').value ?? {},
    clientId: entry.required('client_id').string(),
    discoveryMode: entry.at('discovery_mode').present ? entry.at('discovery_mode').oneOf(['oidc', 'insecure', 'disabled']) : 'oidc',
    enabled: entry.at('enabled').present ? entry.at('enabled').boolean() : true,
    humanName: text(entry, 'human_name'),
    id: ulid(entry.required('id')),
    issuer: text(entry, 'issuer'),
    scope: text(entry, 'scope') ?? 'openid',
    secret: givenOrFile(entry, 'client_secret'),
    synapseIdpId: text(entry, 'synapse_idp_id'),
    authMethod: entry.required('token_endpoint_auth_method').oneOf([...AUTH_METHODS, 'sign_in_with_apple']),
  }));
}

/** Cross-checks of a provider (`validate` in upstream_oauth2.rs). */
export function validateProviders(section: ConfigValue, providers: readonly ProviderConfig[]): void {
  for (const [index, provider] of providers.entries()) {
    const at = section.at('providers').list()[index] ?? section;
    if (provider.discoveryMode !== 'disabled' && provider.issuer === undefined) throw at.error('The `issuer` field is required when discovery is enabled');
    const wantsSecret = provider.authMethod.startsWith('client_secret_');
    if (!wantsSecret && provider.secret !== undefined) throw at.error('Unexpected field `client_secret` for the selected authentication method');
    if (wantsSecret && provider.secret === undefined) throw at.error('missing field `client_secret`');
  }
}
