import { createLocalJWKSet, createRemoteJWKSet, decodeJwt, jwtVerify, type JSONWebKeySet } from 'jose';
import { uuidOf } from '../db/ids.ts';
import { one, type Context } from './context.ts';
import { oauthError, type Reply, type Request } from './wire.ts';

/** A client's row, as far as it is used. */
export interface ClientRow {
  readonly oauth2_client_id: string;
  readonly encrypted_client_secret: string | null;
  readonly redirect_uris: readonly string[];
  readonly grant_type_authorization_code: boolean;
  readonly grant_type_refresh_token: boolean;
  readonly grant_type_client_credentials: boolean;
  readonly grant_type_device_code: boolean;
  readonly client_name: string | null;
  readonly client_uri: string | null;
  readonly token_endpoint_auth_method: string | null;
  readonly id_token_signed_response_alg: string | null;
  readonly userinfo_signed_response_alg: string | null;
  readonly application_type: string | null;
  readonly jwks: JSONWebKeySet | null;
  readonly jwks_uri: string | null;
  readonly is_static: boolean;
}

/** How the caller identified itself (crates/axum-utils/src/client_authorization.rs `Credentials`). */
export type Credentials = { readonly kind: 'none' | 'basic' | 'post'; readonly clientId: string; readonly secret: string }
  | { readonly kind: 'assertion'; readonly clientId: string; readonly jwt: string }
  | { readonly kind: 'bearer'; readonly token: string };

const JWT_BEARER = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';

/** An answer that ends a request early. */
export class Refusal extends Error {
  readonly reply: Reply;

  constructor(reply: Reply) {
    super('refused');
    this.reply = reply;
  }
}

function refuse(description?: string, error = 'invalid_request'): never {
  throw new Refusal(oauthError(400, error, description));
}

/** The body when it is a form; undefined otherwise. */
export function form(request: Request): URLSearchParams | undefined {
  const type = (request.headers['content-type'] ?? '').split(';')[0]?.trim().toLowerCase();
  return type === 'application/x-www-form-urlencoded' ? new URLSearchParams(request.body.toString('utf8')) : undefined;
}

/** The bearer token of the request, if that is how it is authorized. */
export function bearer(request: Request): string | undefined {
  const header = request.headers.authorization ?? '';
  return /^bearer /i.test(header) ? header.slice(7).trim() : undefined;
}

/** The refusal of a form that cannot be read. It is a 500 in 1.22.0: the framework's rejection is not the one that client_authorization.rs expects. */
export function unreadable(reason: string): Refusal {
  return new Refusal(oauthError(500, 'server_error', `Failed to deserialize form body: ${reason}`));
}

/** Refuses a header that is neither Basic nor Bearer, and a Basic one that cannot be read. */
function checkHeader(request: Request): void {
  const header = request.headers.authorization;
  if (header === undefined || bearer(request) !== undefined) return;
  const basic = /^basic (.*)$/i.exec(header)?.[1];
  if (basic === undefined || !/^[A-Za-z0-9+/]+=*$/.test(basic) || !Buffer.from(basic, 'base64').includes(':')) refuse('Invalid Authorization header');
}

/** The form of a request that a client authorizes, with the fields it must have: header first, then the form, then the credentials, as mas-cli looks at them. */
export function clientForm(request: Request, fields: readonly string[]): URLSearchParams | undefined {
  checkHeader(request);
  const body = form(request);
  for (const name of body === undefined ? [] : fields) {
    if (body?.get(name) === null) throw unreadable(`missing field \`${name}\``);
  }
  return body;
}

/** Reads credentials, refusing every mixture (the big match in client_authorization.rs). */
export function readCredentials(request: Request): Credentials {
  checkHeader(request);
  const encoded = /^basic (.*)$/i.exec(request.headers.authorization ?? '')?.[1];
  const decoded = encoded === undefined ? undefined : Buffer.from(encoded, 'base64').toString('utf8');
  const colon = decoded?.indexOf(':') ?? 0;
  const basic = decoded === undefined ? undefined : { clientId: decoded.slice(0, colon), secret: decoded.slice(colon + 1) };
  const body = form(request);
  const id = body?.get('client_id') ?? undefined;
  const secret = body?.get('client_secret') ?? undefined;
  const type = body?.get('client_assertion_type') ?? undefined;
  const assertion = body?.get('client_assertion') ?? undefined;
  const plain = secret === undefined && type === undefined && assertion === undefined;
  const mismatch = (credential: string): void => {
    if (id !== undefined && id !== credential) refuse(`client_id in form (${JSON.stringify(id)}) does not match credential (${JSON.stringify(credential)})`, 'invalid_grant');
  };
  if (basic !== undefined) {
    if (!plain) refuse();
    mismatch(basic.clientId);
    return { kind: 'basic', ...basic };
  }
  const token = bearer(request);
  if (token !== undefined) {
    if (!plain || id !== undefined) refuse();
    return { kind: 'bearer', token };
  }
  if (type !== undefined && assertion !== undefined && secret === undefined) {
    if (type !== JWT_BEARER) {
      if (id !== undefined) refuse();
      refuse(`Unsupported client_assertion_type: ${type}`);
    }
    let subject: string | undefined;
    try {
      subject = decodeJwt(assertion).sub;
    } catch {
      refuse('Invalid client_assertion');
    }
    if (subject === undefined) refuse('Invalid client_assertion');
    mismatch(subject);
    return { kind: 'assertion', clientId: subject, jwt: assertion };
  }
  if (id !== undefined && type === undefined && assertion === undefined) {
    return secret === undefined ? { kind: 'none', clientId: id, secret: '' } : { kind: 'post', clientId: id, secret };
  }
  if (id === undefined && plain) refuse('No credentials were presented');
  refuse();
}

/** The client with this id, static or dynamic. */
export async function findClient(context: Context, clientId: string): Promise<ClientRow | undefined> {
  const uuid = uuidOf(clientId);
  return uuid === undefined ? undefined : one<ClientRow>(context.pool, 'select * from oauth2_clients where oauth2_client_id = $1', [uuid]);
}

async function verifyAssertion(context: Context, client: ClientRow, jwt: string, method: string): Promise<boolean> {
  try {
    if (method === 'client_secret_jwt') {
      await jwtVerify(jwt, Buffer.from(context.encrypter.decrypt(client.encrypted_client_secret ?? '')));
    } else {
      await jwtVerify(jwt, client.jwks !== null ? createLocalJWKSet(client.jwks) : createRemoteJWKSet(new URL(client.jwks_uri ?? '')));
    }
    return true;
  } catch {
    return false;
  }
}

/** Why a client's credentials do not hold, in MAS's words; undefined when they do. */
export async function verifyCredentials(context: Context, client: ClientRow, credentials: Credentials): Promise<string | undefined> {
  const method = client.token_endpoint_auth_method;
  switch (credentials.kind) {
    case 'none': return method === 'none' ? undefined : 'authentication method mismatch';
    case 'basic':
    case 'post':
      if (method !== `client_secret_${credentials.kind}`) return 'authentication method mismatch';
      return context.encrypter.decrypt(client.encrypted_client_secret ?? '') === credentials.secret ? undefined : 'client secret did not match';
    case 'assertion':
      if (method !== 'private_key_jwt' && method !== 'client_secret_jwt') return 'authentication method mismatch';
      return await verifyAssertion(context, client, credentials.jwt, method) ? undefined : 'invalid assertion signature';
    case 'bearer': return 'authentication method mismatch';
  }
}
