import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { chmodSync } from 'node:fs';
import { CommandError, withContext } from '../cli/errors.ts';
import { log } from '../cli/log.ts';
import { fromWorkingDirectory } from '../config/load.ts';
import type { Bind, Listener } from '../config/http.ts';
import { clientIp, networks } from './client-ip.ts';
import { Refusal } from './client-auth.ts';
import type { Context } from './context.ts';
import { html, readBody, send, type Reply, type Request, type Route } from './wire.ts';

const CORS = { 'access-control-allow-origin': '*', vary: 'origin, access-control-request-method, access-control-request-headers' };
const CORS_HEADERS = 'authorization,accept,accept-language,content-language,content-type';

async function answer(context: Context, routes: readonly Route<Context>[], prefix: string, request: Omit<Request, 'params'>): Promise<Reply> {
  const pathname = request.url.pathname.startsWith(prefix) ? request.url.pathname.slice(prefix.length - 1) : undefined;
  const matches = pathname === undefined ? [] : routes.flatMap((route) => {
    const found = route.pattern.exec(pathname);
    return found === null ? [] : [{ route, params: Object.fromEntries(Object.entries(found.groups ?? {}).map(([name, value]) => [name, decodeURIComponent(value)])) }];
  });
  const match = matches[0];
  if (match === undefined) return html(404, '<!DOCTYPE html><title>Not found</title><h1>Not found</h1>');
  const cors: Record<string, string> = match.route.cors === true ? CORS : {};
  const frame: Record<string, string> = match.route.resource === 'human' ? { 'x-frame-options': 'DENY' } : {};
  const allow = Object.keys(match.route.methods).map((method) => (method === 'GET' ? 'GET,HEAD' : method)).join(',');
  if (match.route.cors === true && request.method === 'OPTIONS') {
    const headers = match.route.resource === 'discovery' ? CORS_HEADERS : `${CORS_HEADERS},x-requested-with`;
    return { status: 200, headers: { ...cors, allow, 'access-control-allow-methods': '*', 'access-control-allow-headers': headers, 'access-control-max-age': '3600' } };
  }
  const handler = match.route.methods[request.method === 'HEAD' ? 'GET' : request.method];
  if (handler === undefined) return { status: 405, headers: { ...cors, ...frame, allow } };
  let reply: Reply;
  try {
    reply = await handler(context, { ...request, params: match.params });
  } catch (error) {
    if (error instanceof Refusal) {
      reply = error.reply;
    } else {
      log('ERROR', 'standin::http', 'request failed', { path: request.url.pathname, error: error instanceof Error ? error.message : String(error) });
      reply = internalError(match.route.resource);
    }
  }
  return { ...reply, headers: { ...cors, ...frame, ...reply.headers } };
}

/** A failure inside, in the dialect of the resource. */
function internalError(resource: string): Reply {
  const body = resource === 'compat' ? { errcode: 'M_UNKNOWN', error: 'Internal server error' } : resource === 'oauth' ? { error: 'server_error' } : undefined;
  if (body !== undefined) return { status: 500, headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
  return html(500, '<!DOCTYPE html><title>Error</title><h1>Unexpected error</h1>');
}

function handle(context: Context, routes: readonly Route<Context>[], prefix: string): RequestListener {
  const trusted = networks(context.config.http.trustedProxies);
  return (incoming: IncomingMessage, response: ServerResponse) => {
    void (async () => {
      const body = await readBody(incoming);
      const forwarded = incoming.headers['x-forwarded-for'];
      const ip = clientIp(incoming.socket.remoteAddress, Array.isArray(forwarded) ? forwarded[0] : forwarded, trusted);
      const url = new URL(incoming.url ?? '/', 'http://internal');
      const request = { method: incoming.method ?? 'GET', url, headers: incoming.headers, body: body ?? Buffer.alloc(0), clientIp: ip };
      const reply = body === undefined ? { status: 413 } : await answer(context, routes, prefix, request);
      send(response, reply, incoming.method === 'HEAD');
      const agent = JSON.stringify(incoming.headers['user-agent'] ?? '-');
      const level = reply.status < 400 ? 'INFO' : reply.status < 500 ? 'WARN' : 'ERROR';
      log(level, 'http.server.response', `"${request.method} ${url.pathname} HTTP/${incoming.httpVersion}" ${String(reply.status)} ${agent}`, ip === undefined ? {} : { 'client.address': ip });
    })().catch((error: unknown) => {
      log('ERROR', 'standin::http', 'could not answer', { error: error instanceof Error ? error.message : String(error) });
      response.destroy();
    });
  };
}

async function listen(server: Server, bind: Bind): Promise<string> {
  const options = bind.kind === 'socket' ? { path: bind.path } : bind.kind === 'port' ? { host: bind.host, port: bind.port } : parseAddress(bind.address);
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => {
      const code = 'code' in error ? String(error.code) : '';
      reject(withContext('could not bind address', code === 'EADDRINUSE' ? new CommandError('Address already in use (os error 98)') : error));
    });
    server.listen(options, resolve);
  });
  if (bind.kind === 'socket' && bind.mode !== undefined) chmodSync(bind.path, parseInt(bind.mode, 8));
  const address = server.address();
  return address === null || typeof address === 'string' ? `unix:${String(address)}` : address.family === 'IPv6' ? `[${address.address}]:${String(address.port)}` : `${address.address}:${String(address.port)}`;
}

/** A literal socket address; names are not resolved (crates/cli/src/server.rs `build_listeners`). */
function parseAddress(address: string): { host: string; port: number } {
  const parts = /^(?:\[(.+)\]|([\d.]+)):(\d+)$/.exec(address);
  if (parts === null) throw withContext('could not parse listener address', new CommandError('invalid socket address syntax'));
  return { host: parts[1] ?? parts[2] ?? '', port: Number(parts[3]) };
}

/** Opens every bind of a listener; the first that fails ends the start. */
export async function openListener(context: Context, listener: Listener, routes: readonly Route<Context>[]): Promise<Server[]> {
  const mounted = routes.filter((route) => listener.resources.includes(route.resource));
  const prefix = `${(listener.prefix ?? '').replace(/\/+$/, '')}/`;
  const servers: Server[] = [];
  const addresses: string[] = [];
  for (const bind of listener.binds) {
    const requestListener = handle(context, mounted, prefix);
    const tls = listener.tls;
    const pem = (inline: string | undefined, file: string | undefined): string | Buffer => inline ?? readFileSync(fromWorkingDirectory(file ?? ''));
    const server = tls === undefined ? createServer(requestListener)
      : createTlsServer({ cert: pem(tls.certificate, tls.certificateFile), key: pem(tls.key, tls.keyFile) }, requestListener);
    // Node closes an idle connection after 5 s, and a request of Synapse that is just on its way is then lost (503 to its client).
    // MAS's server keeps connections (crates/listener), so the stand-in does too.
    server.keepAliveTimeout = 0;
    addresses.push(`${tls === undefined ? 'http' : 'https'}://${await listen(server, bind)}`);
    servers.push(server);
  }
  log('INFO', 'mas_cli::commands::server', `Listening on ${addresses.join(', ')} with resources [${listener.resources.join(', ')}]`);
  return servers;
}
