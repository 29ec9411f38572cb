import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Resource } from '../config/http.ts';

/** One request, read fully. */
export interface Request {
  readonly method: string;
  readonly url: URL;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
  /** Address that limits and logs count for; undefined on a socket without header. */
  readonly clientIp: string | undefined;
  /** Values of the named groups of the route's pattern, percent-decoded. */
  readonly params: Readonly<Record<string, string>>;
}

/** One answer. Several `set-cookie` values go in `cookies`. */
export interface Reply {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly cookies?: readonly string[];
  readonly body?: string;
}

/** A JSON answer. */
export function json(status: number, value: unknown, headers: Readonly<Record<string, string>> = {}): Reply {
  return { status, headers: { 'content-type': 'application/json', ...headers }, body: JSON.stringify(value) };
}

/** An HTML answer. */
export function html(status: number, body: string, cookies: readonly string[] = []): Reply {
  return { status, headers: { 'content-type': 'text/html; charset=utf-8' }, cookies, body };
}

/** Every redirect of MAS is a 303 (axum `Redirect::to`). */
export function seeOther(location: string, cookies: readonly string[] = []): Reply {
  return { status: 303, headers: { location }, cookies };
}

/** A Matrix error (crates/handlers/src/compat/mod.rs `MatrixError`). */
export function matrixError(status: number, errcode: string, error: string): Reply {
  return json(status, { errcode, error });
}

/** The texts that go with OAuth error codes (crates/oauth2-types/src/errors.rs `default_description`). */
const OAUTH_DESCRIPTIONS: Readonly<Record<string, string>> = {
  invalid_request: 'The request is missing a required parameter, includes an invalid parameter value, includes a parameter more than once, or is otherwise malformed.',
  invalid_client: 'Client authentication failed.',
  invalid_grant: 'The provided access grant is invalid, expired, or revoked.',
  unauthorized_client: 'The client is not authorized to request an access token using this method.',
  unsupported_grant_type: 'The authorization grant type is not supported by the authorization server.',
  access_denied: 'The resource owner or authorization server denied the request.',
  unsupported_response_type: 'The authorization server does not support obtaining an access token using this method.',
  invalid_scope: 'The requested scope is invalid, unknown, or malformed.',
  server_error: 'The authorization server encountered an unexpected condition that prevented it from fulfilling the request.',
  login_required: 'The Authorization Server requires End-User authentication.',
  request_not_supported: 'The provider does not support use of the request parameter.',
  request_uri_not_supported: 'The provider does not support use of the request_uri parameter.',
  registration_not_supported: 'The provider does not support use of the registration parameter.',
  invalid_redirect_uri: 'The value of one or more redirection URIs is invalid.',
  invalid_client_metadata: 'The value of one of the client metadata fields is invalid',
  authorization_pending: 'The authorization request is still pending',
  expired_token: 'The "device_code" has expired, and the device authorization session has concluded',
  unsupported_token_type: 'The authorization server does not support the revocation of the presented token type.',
};

/** The text of an OAuth error code. */
export function oauthDescription(error: string): string {
  return OAUTH_DESCRIPTIONS[error] ?? '';
}

/** An OAuth error body; the description defaults to MAS's own sentence for the code. */
export function oauthError(status: number, error: string, description: string | undefined = OAUTH_DESCRIPTIONS[error]): Reply {
  return json(status, description === undefined ? { error } : { error, error_description: description });
}

/** A place in the address space and who serves it. */
export interface Route<Context> {
  readonly resource: Resource;
  readonly pattern: RegExp;
  /** Handlers by method. */
  readonly methods: Readonly<Record<string, (context: Context, request: Request) => Promise<Reply> | Reply>>;
  /** Answer preflights and add `access-control-allow-origin: *` (the CorsLayers in crates/handlers/src/lib.rs). */
  readonly cors?: boolean;
}

/** The answer to a path whose `id` is no ULID. */
export function badPathId(request: Request): Reply {
  return { status: 400, headers: { 'content-type': 'text/plain; charset=utf-8' }, body: `Invalid URL: ${ulidProblem(request.params['id'] ?? '')}` };
}

/** What is wrong with a text that is no ULID, in the words of the `ulid` crate. */
export function ulidProblem(text: string): string {
  return text.length === 26 ? 'invalid character' : 'invalid length';
}

/** Turns `/a/{id}/b` into a pattern with named groups; `{rest*}` takes the remainder. */
export function path(template: string): RegExp {
  const source = template.replace(/[.]/g, '\\.').replace(/\{(\w+)(\*?)\}/g, (_, name: string, rest: string) => `(?<${name}>${rest === '*' ? '.*' : '[^/]+'})`);
  return new RegExp(`^${source}$`);
}

/** Reads the whole body, refusing more than two megabytes (axum's default limit). */
export async function readBody(incoming: IncomingMessage): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of incoming as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size <= 2 * 1024 * 1024) chunks.push(chunk);
  }
  return size > 2 * 1024 * 1024 ? undefined : Buffer.concat(chunks);
}

/** Sends an answer. */
export function send(response: ServerResponse, reply: Reply, head: boolean): void {
  for (const [name, value] of Object.entries(reply.headers ?? {})) response.setHeader(name, value);
  if (reply.cookies !== undefined && reply.cookies.length > 0) response.setHeader('set-cookie', [...reply.cookies]);
  response.statusCode = reply.status;
  const body = Buffer.from(reply.body ?? '');
  response.setHeader('content-length', body.length);
  response.end(head ? undefined : body);
}
