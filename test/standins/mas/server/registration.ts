import { createHash } from 'node:crypto';
import { newId, timeOf, ulidOf } from '../db/ids.ts';
import { Refusal, type ClientRow } from './client-auth.ts';
import { one, type Context } from './context.ts';
import { registrationViolations, type ClientMetadata } from './registration-policy.ts';
import { alphanumeric } from './tokens.ts';
import { json, oauthError, type Reply, type Request } from './wire.ts';

function invalid(description: string, code = 'invalid_client_metadata'): never {
  throw new Refusal(oauthError(400, code, description));
}

/** A field that is a string or absent. */
function optionalString(body: Readonly<Record<string, unknown>>, key: string): string | undefined {
  const value = body[key];
  if (value === undefined || value === null) return undefined;
  if (typeof value !== 'string') invalid(`Failed to deserialize the JSON body into the target type: ${key}: invalid type, expected a string`);
  return value;
}

function optionalUrl(body: Readonly<Record<string, unknown>>, key: string): string | undefined {
  const text = optionalString(body, key);
  if (text === undefined) return undefined;
  if (!URL.canParse(text)) invalid(`Failed to deserialize the JSON body into the target type: ${key}: invalid value: string ${JSON.stringify(text)}, expected relative URL without a base`);
  return new URL(text).href;
}

function optionalStrings(body: Readonly<Record<string, unknown>>, key: string): string[] | undefined {
  const value = body[key];
  if (value === undefined || value === null) return undefined;
  if (!Array.isArray(value) || value.some((entry) => typeof entry !== 'string')) invalid(`Failed to deserialize the JSON body into the target type: ${key}: invalid type, expected a sequence`);
  return value as string[];
}

function readMetadata(request: Request): { metadata: ClientMetadata; digestOf: string } {
  let body: unknown;
  try {
    if (!/^application\/(json|[^;]*\+json)/i.test(request.headers['content-type'] ?? '')) throw new Error('not JSON');
    body = JSON.parse(request.body.toString('utf8'));
  } catch {
    throw new Refusal(oauthError(400, 'invalid_request'));
  }
  if (typeof body !== 'object' || body === null || Array.isArray(body)) invalid('Failed to deserialize the JSON body into the target type: invalid type, expected a map');
  const fields = body as Record<string, unknown>;
  const redirectUris = optionalStrings(fields, 'redirect_uris')?.map((uri) => {
    if (!URL.canParse(uri)) invalid(`Failed to deserialize the JSON body into the target type: redirect_uris: invalid value: string ${JSON.stringify(uri)}, expected relative URL without a base`);
    return new URL(uri).href;
  });
  const metadata: ClientMetadata = {
    redirect_uris: redirectUris?.sort(), response_types: optionalStrings(fields, 'response_types')?.sort(), grant_types: optionalStrings(fields, 'grant_types'),
    application_type: optionalString(fields, 'application_type'), client_name: optionalString(fields, 'client_name'), client_uri: optionalUrl(fields, 'client_uri'),
    logo_uri: optionalUrl(fields, 'logo_uri'), policy_uri: optionalUrl(fields, 'policy_uri'), tos_uri: optionalUrl(fields, 'tos_uri'), jwks_uri: optionalUrl(fields, 'jwks_uri'),
    jwks: fields['jwks'] ?? undefined, token_endpoint_auth_method: optionalString(fields, 'token_endpoint_auth_method'),
    token_endpoint_auth_signing_alg: optionalString(fields, 'token_endpoint_auth_signing_alg'), id_token_signed_response_alg: optionalString(fields, 'id_token_signed_response_alg'),
    userinfo_signed_response_alg: optionalString(fields, 'userinfo_signed_response_alg'), initiate_login_uri: optionalUrl(fields, 'initiate_login_uri'),
  };
  return { metadata, digestOf: JSON.stringify({ ...metadata, grant_types: metadata.grant_types?.toSorted() }) };
}

/** Metadata that contradicts itself (crates/oauth2-types/src/registration/mod.rs `validate`). */
function validate(metadata: ClientMetadata): void {
  const grants = metadata.grant_types ?? ['authorization_code'];
  const method = metadata.token_endpoint_auth_method ?? 'client_secret_basic';
  const usesRedirects = grants.includes('authorization_code') || grants.includes('implicit');
  if (metadata.redirect_uris === undefined ? usesRedirects : metadata.redirect_uris.some((uri) => uri.includes('#'))) throw new Refusal(oauthError(400, 'invalid_redirect_uri'));
  for (const type of metadata.response_types ?? (usesRedirects ? ['code'] : [])) {
    const parts = type.split(' ');
    const [code, token] = [parts.includes('code'), parts.includes('token') || parts.includes('id_token')];
    const [implicit, authorization] = [grants.includes('implicit'), grants.includes('authorization_code')];
    const coherent = (code && implicit && authorization) || (!code && implicit) || (authorization && !token) || (!code && !token);
    if (!coherent) invalid(`'${type}' response type not compatible with grant types`);
  }
  if (metadata.jwks_uri !== undefined && metadata.jwks !== undefined) invalid('jwks_uri and jwks are mutually exclusive');
  if (method === 'private_key_jwt' && metadata.jwks_uri === undefined && metadata.jwks === undefined) invalid('missing JWK Set for token auth method');
  if (metadata.token_endpoint_auth_signing_alg === 'none') invalid('none signing alg unauthorized for token_endpoint');
  if ((method === 'private_key_jwt' || method === 'client_secret_jwt') && metadata.token_endpoint_auth_signing_alg === undefined) invalid('token_endpoint missing auth signing algorithm');
  if (metadata.initiate_login_uri !== undefined && !metadata.initiate_login_uri.startsWith('https:')) invalid(`initiate_login_uri's URL doesn't use a https scheme: ${metadata.initiate_login_uri}`);
}

/** A few suffixes under which anybody can have a name; mas-cli carries the whole public suffix list. */
const PUBLIC_SUFFIXES = new Set(['com', 'org', 'net', 'io', 'dev', 'app', 'de', 'fr', 'eu', 'co.uk', 'github.io', 'gitlab.io', 'herokuapp.com', 'pages.dev', 'vercel.app', 'netlify.app']);

function refusePublicSuffixes(metadata: ClientMetadata): void {
  const isSuffix = (uri: string | undefined): boolean => uri !== undefined && PUBLIC_SUFFIXES.has(new URL(uri).hostname);
  for (const field of ['client_uri', 'logo_uri', 'policy_uri', 'tos_uri', 'initiate_login_uri'] as const) {
    if (isSuffix(metadata[field])) invalid(`${field} is not using a valid domain`);
  }
  if (metadata.redirect_uris?.some(isSuffix) === true) invalid('redirect_uri is not using a valid domain', 'invalid_redirect_uri');
}

/** Grants in the order in which a stored client tells them. */
const KNOWN_GRANTS = ['authorization_code', 'refresh_token', 'client_credentials', 'urn:ietf:params:oauth:grant-type:device_code'];

/** `POST /oauth2/registration`: 201; a public client with the same metadata is the same client (crates/handlers/src/oauth2/registration.rs). */
export async function register(context: Context, request: Request): Promise<Reply> {
  const { metadata: sent, digestOf } = readMetadata(request);
  const metadata = context.config.small.deviceCodeGrantEnabled ? sent
    : { ...sent, grant_types: sent.grant_types?.filter((grant) => grant !== 'urn:ietf:params:oauth:grant-type:device_code') };
  validate(metadata);
  refusePublicSuffixes(metadata);
  const violations = registrationViolations(context.config.policy.registration, metadata);
  if (violations.length > 0) invalid(violations.join('; '), violations.some((violation) => violation.includes('redirect_uri')) ? 'invalid_redirect_uri' : 'invalid_client_metadata');
  const confidential = ['client_secret_basic', 'client_secret_post', 'client_secret_jwt'].includes(metadata.token_endpoint_auth_method ?? '');
  const secret = confidential ? alphanumeric(20) : undefined;
  const digest = confidential ? null : createHash('sha256').update(digestOf).digest('hex');
  const grants = metadata.grant_types ?? ['authorization_code'];
  const existing = digest === null ? undefined : await one<ClientRow>(context.pool, 'select * from oauth2_clients where metadata_digest = $1', [digest]);
  const id = existing?.oauth2_client_id ?? newId();
  if (existing === undefined) {
    await context.pool.query(`insert into oauth2_clients (oauth2_client_id, metadata_digest, encrypted_client_secret, application_type, redirect_uris, grant_type_authorization_code, grant_type_refresh_token,
        grant_type_client_credentials, grant_type_device_code, client_name, logo_uri, client_uri, policy_uri, tos_uri, jwks_uri, jwks, id_token_signed_response_alg, userinfo_signed_response_alg,
        token_endpoint_auth_method, token_endpoint_auth_signing_alg, initiate_login_uri, is_static)
      values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, false)`,
    [id, digest, secret === undefined ? null : context.encrypter.encrypt(secret), metadata.application_type ?? null, metadata.redirect_uris ?? [], grants.includes('authorization_code'), grants.includes('refresh_token'),
      grants.includes('client_credentials'), grants.includes('urn:ietf:params:oauth:grant-type:device_code'), metadata.client_name ?? null, metadata.logo_uri ?? null, metadata.client_uri ?? null,
      metadata.policy_uri ?? null, metadata.tos_uri ?? null, metadata.jwks_uri ?? null, metadata.jwks === undefined ? null : JSON.stringify(metadata.jwks), metadata.id_token_signed_response_alg ?? null,
      metadata.userinfo_signed_response_alg ?? null, metadata.token_endpoint_auth_method ?? null, metadata.token_endpoint_auth_signing_alg ?? null, metadata.initiate_login_uri ?? null]);
  }
  const { response_types: _types, ...shown } = metadata;
  return json(201, { client_id: ulidOf(id), ...(secret === undefined ? {} : { client_secret: secret }), client_id_issued_at: Math.floor(timeOf(id).getTime() / 1000), ...shown, redirect_uris: metadata.redirect_uris ?? [], grant_types: KNOWN_GRANTS.filter((grant) => grants.includes(grant)) });
}
