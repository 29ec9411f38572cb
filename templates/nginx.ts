import Handlebars from 'handlebars';
import type { Model } from '../model/model.ts';
import { publicUrls } from '../model/model.ts';
import type { ContainerRole } from '../model/names.ts';
import { aliases, edgeHeader, innerPorts, markers, namesOf, paths, probeHeader } from '../model/names.ts';
import type { RenderedFile, RenderedVolume, SecretLookup } from './file.ts';
import { toJson } from './file.ts';
import { edgeJs } from './nginx/edge.js.ts';
import { nginxConf } from './nginx/nginx.conf.hbs.ts';
import { serverBlock } from './nginx/server.hbs.ts';
import type { Document, HostRole, Route, Side } from './routes.ts';
import { routes, sides, upstreams } from './routes.ts';
import { wellKnownClient, wellKnownServer, wellKnownSupport } from './well-known.ts';

/** User of the edge: nginx in the official image and in unprivileged variants. */
export const edgeUser = { uid: 101, gid: 101 } as const;

/** Command of the edge's container. `-e`: the compiled-in log path is not writable. */
export const edgeCommand = ['nginx', '-e', 'stderr', '-c', `${paths.config}/nginx.conf`] as const;

/**
 * Bounds of the requests that wait while the edge is closed. Each costs about 0.1 MiB in the worker, 0.2 MiB after 20 s
 * (nginx 1.26.3, njs 0.8.9). 20,000 people whose tokens live 300 s refresh 67 times a second: 1024 cover 15 s.
 */
export const holding = { milliseconds: 30_000, pollMilliseconds: 50, requests: 1024 } as const;

/** Largest body but uploads: Synapse takes 200 events of 64 KiB in one request (synapse/app/_base.py, `max_request_body_size`). */
const bodyMiB = 13;

const allowMethods = 'GET, HEAD, POST, PUT, DELETE, OPTIONS';
const allowHeaders = `Authorization, Content-Type, X-Requested-With, Date, ${probeHeader}`;

/**
 * Files of the edge's container.
 * @returns `edge`: nginx.conf, edge.js and the well-known documents, world-readable; `edge-secrets`: probe key and, in TLS mode
 * `selfSigned`, certificate and key. Neither depends on the phase.
 * @throws Error when a host name or the probe key cannot stand in an nginx file.
 */
export function edgeVolumes(model: Model, secret: SecretLookup): readonly RenderedVolume[] {
  return [
    {
      owner: 'edge',
      secret: false,
      uid: 0,
      gid: 0,
      files: [{ path: 'nginx.conf', content: nginxConfText(model) }, { path: 'edge.js', content: edgeScript(model) }, ...documents(model)],
    },
    {
      owner: 'edge-secrets',
      secret: true,
      ...edgeUser,
      files: [
        { path: 'probe.conf', content: `"${plain('secret probeKey', secret('probeKey'), /^[A-Za-z0-9_-]+$/)}" 1;\n` },
        ...(model.tls.mode === 'selfSigned'
          ? [{ path: 'tls.crt', content: secret('tlsServerCertificate') }, { path: 'tls.key', content: secret('tlsServerKey') }]
          : []),
      ],
    },
  ];
}

/** The client document has a form for either side; nginx takes the one of the live side. */
const documentFile = (name: `client-${Side | '$edge_side'}` | Exclude<Document, 'client'>): string => `well-known/${name}.json`;

function documents(model: Model): readonly RenderedFile[] {
  const support = wellKnownSupport(model);
  return [
    ...sides.map((side) => ({ path: documentFile(`client-${side}`), content: toJson(wellKnownClient(model, side)) })),
    { path: documentFile('server'), content: toJson(wellKnownServer(model)) },
    ...(support === undefined ? [] : [{ path: documentFile('support'), content: toJson(support) }]),
  ];
}

/** Text of edge.js: the settings as JSON, then the fixed script. */
function edgeScript(model: Model): string {
  const { container } = namesOf(model.stack);
  // MAS and Element go by alias; Synapse by container name, because both containers hold the alias `synapse`.
  const address: { readonly [R in ContainerRole]?: string } = {
    'synapse-legacy': `${container('synapse-legacy')}:${innerPorts.synapse}`,
    'synapse-delegated': `${container('synapse-delegated')}:${innerPorts.synapse}`,
    mas: `${aliases.mas}:${innerPorts.masWeb}`,
  };
  const at = (role: ContainerRole | null): string | null => (role === null ? null : address[role] ?? null);
  const settings = {
    open: `${paths.markers}/${markers.open}`,
    live: `${paths.markers}/${markers.live}`,
    nobody: `127.0.0.1:${innerPorts.edgeHealth}`,
    upstreams: Object.fromEntries((['synapse', 'login', 'mas'] as const).map((name) => (
      [name, { legacy: at(upstreams[name].legacy), delegated: at(upstreams[name].delegated) }]))),
    holdMilliseconds: holding.milliseconds,
    pollMilliseconds: holding.pollMilliseconds,
    allowMethods,
    allowHeaders,
    edgeHeader,
    clientHosts: model.registration.allowHosts,
  };
  return `const settings = ${JSON.stringify(settings, null, 2)};\n${edgeJs}`;
}

function nginxConfText(model: Model): string {
  const https = httpsPorts(model).flatMap((port) => listenAddresses(model, port));
  const http = listenAddresses(model, innerPorts.edgeHttp);
  const offloaded = model.tls.mode === 'offloaded';
  const servers = virtualHosts(model);
  return render({
    config: paths.config,
    secrets: paths.secrets,
    markers: paths.markers,
    bodyMiB,
    mirror: model.mirror === undefined ? null : { allow: model.mirror.allow.map((cidr) => network('mirror.allow', cidr)) },
    edgeHeader,
    edgeHeaderVariable: variable(edgeHeader),
    element: `${aliases.element}:${innerPorts.element}`,
    probeHeader,
    probeVariable: variable(probeHeader),
    healthPort: innerPorts.edgeHealth,
    tls: tlsFiles(model),
    trustedProxies: model.tls.mode === 'offloaded' ? model.tls.trustedProxies.map((cidr) => network('tls.trustedProxies', cidr)) : [],
    tlsListen: https,
    plainListen: http,
    allHosts: servers.map((server) => server.name).join(' '),
    publicPort: new URL(publicUrls(model).homeserver).port.replace(/^(?=.)/, ':'),
    servers: servers.map((server) => ({ ...server, listen: offloaded ? http : https.map((address) => `${address} ssl`) })),
  });
}

/**
 * The published port is one of them, so that a public URL also works from a container that reaches the edge by alias.
 * Docker lets an unprivileged process have low ports (`net.ipv4.ip_unprivileged_port_start` is 0 in its networks since 20.10).
 */
function httpsPorts(model: Model): readonly number[] {
  const taken: readonly number[] = [innerPorts.edgeHttp, innerPorts.edgeHealth];
  return [...new Set([innerPorts.edgeHttps, ...(taken.includes(model.ports.https) ? [] : [model.ports.https])])];
}

/** IPv6 follows the published addresses: a kernel without it refuses such a socket, and nginx would not start. */
function listenAddresses(model: Model, port: number): readonly string[] {
  return [`${port}`, ...(model.ports.bind.some((address) => address.includes(':')) ? [`[::]:${port}`] : [])];
}

function tlsFiles(model: Model): { readonly certificate: string; readonly key: string } | null {
  const file = (name: string): string => `${paths.tls}/${plain('tls', name, /^[A-Za-z0-9._/-]+$/)}`;
  switch (model.tls.mode) {
    case 'selfSigned':
      return { certificate: `${paths.secrets}/tls.crt`, key: `${paths.secrets}/tls.key` };
    case 'files':
      return { certificate: file(model.tls.certificate), key: file(model.tls.key) };
    case 'offloaded':
      return null;
  }
}

interface VirtualHost {
  readonly name: string;
  readonly closedAnswer: 'closed' | 'closedAuth';
  readonly holds: boolean;
  /** Where checked registrations go. */
  readonly registers: string | undefined;
  readonly locations: readonly object[];
}

/** Rows by host name. Where two roles share a name, the first row of a pattern stays. */
function virtualHosts(model: Model): readonly VirtualHost[] {
  const hostOf: { readonly [R in HostRole]: string | undefined } = {
    homeserver: model.hosts.homeserver, auth: model.hosts.auth, apex: model.hosts.apex.name, element: model.hosts.element };
  const byName = new Map<string, Map<string, Route>>();
  for (const route of routes(model)) {
    const name = plain(`hosts.${route.host}`, hostOf[route.host] ?? '', /^[A-Za-z0-9.-]+$/);
    const rows = byName.get(name) ?? new Map<string, Route>();
    byName.set(name, rows);
    if (!rows.has(matcher(route))) rows.set(matcher(route), route);
  }
  return [...byName].map(([name, rows]) => ({
    name,
    closedAnswer: name === model.hosts.auth ? 'closedAuth' : 'closed',
    holds: [...rows.values()].some((route) => route.closed === 'hold'),
    registers: [...rows.values()].map(checkedUpstream).find((upstream) => upstream !== undefined),
    locations: [...rows.values()].map((route) => locationOf(model, route)),
  }));
}

function matcher(route: Route): string {
  switch (route.match) {
    case 'exact':
      return `= ${route.pattern}`;
    case 'prefix':
      return route.pattern;
    case 'regex':
      return `~ "${route.pattern}"`;
  }
}

/** Variable of the upstream that gets a row's requests. */
const upstreamOf = ({ answer }: Route): string | undefined => (answer.from === 'upstream' ? `$edge_to_${answer.upstream}` : undefined);
const checkedUpstream = (route: Route): string | undefined => (route.answer.from === 'upstream' && route.answer.clientHosts !== undefined ? upstreamOf(route) : undefined);

function locationOf(model: Model, route: Route): object {
  const { answer } = route;
  return {
    name: route.name,
    matcher: matcher(route),
    refuse: { serve: undefined, refuse: '$edge_refused', hold: '$edge_refused_unless_post' }[route.closed],
    hold: route.closed === 'hold' ? holding.requests : undefined,
    upload: route.upload ? model.maxUploadMiB : undefined,
    checked: checkedUpstream(route) !== undefined,
    upstream: checkedUpstream(route) === undefined ? upstreamOf(route) : undefined,
    own: answer.from === 'upstream' ? undefined : {
      allowMethods,
      allowHeaders,
      ...(answer.from === 'document'
        ? { file: `${paths.config}/${documentFile(answer.document === 'client' ? 'client-$edge_side' : answer.document)}` }
        : { status: answer.status, body: JSON.stringify(answer.body) }),
    },
  };
}

/** @returns `value` when it is made of harmless characters: a quote or a semicolon would end the nginx statement it stands in. */
function plain(where: string, value: string, allowed: RegExp): string {
  if (!allowed.test(value)) throw new Error(`${where} has a character that cannot stand in an nginx file; expected ${allowed.source}.`);
  return value;
}

/** An address or a network in CIDR form. */
const network = (where: string, cidr: string): string => plain(where, cidr, /^[0-9a-fA-F:.]+(\/[0-9]+)?$/);

/** nginx's variable name for a header. */
const variable = (header: string): string => header.toLowerCase().replaceAll('-', '_');

const handlebars = Handlebars.create();
handlebars.registerPartial('server', serverBlock);
const render = handlebars.compile(nginxConf, { noEscape: true, strict: true });
