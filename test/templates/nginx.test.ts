import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Model } from '../../model/model.ts';
import { edgeVolumes, holding } from '../../templates/nginx.ts';
import type { Route } from '../../templates/routes.ts';
import { routes } from '../../templates/routes.ts';
import { edgeModel } from './edge-model.ts';
import type { Directive } from './nginx-text.ts';
import { all, only, parseNginx } from './nginx-text.ts';

const probeKey = 'a0b1c2d3e4f5';
const secret = (name: string): string => (name === 'probeKey' ? probeKey : `secret-value-of-${name}`);

function fileOf(model: Model, owner: string, path: string): string {
  const file = edgeVolumes(model, secret).find((volume) => volume.owner === owner)?.files.find((entry) => entry.path === path);
  assert.ok(file, `${owner} has ${path}`);
  return file.content;
}

const http = (model: Model): readonly Directive[] => all(parseNginx(fileOf(model, 'edge', 'nginx.conf')), 'http')[0]?.block ?? [];

/** The virtual host that proxies for a name, not the one that redirects. */
function hostBlock(model: Model, name: string): readonly Directive[] {
  const found = all(http(model), 'server').filter((server) => all(server.block, 'server_name').some(({ args }) => args.includes(name)) && all(server.block, 'location').length > 0);
  assert.equal(found.length, 1, `one server for ${name}`);
  return found[0]?.block ?? [];
}

const hostNames = (model: Model): { readonly [host: string]: string } => (
  { homeserver: model.hosts.homeserver, auth: model.hosts.auth, apex: model.hosts.apex.name, element: model.hosts.element ?? '' });

const matcherOf = (route: Route): string => ({ exact: `= ${route.pattern}`, prefix: route.pattern, regex: `~ ${route.pattern}` })[route.match];

function locationOf(model: Model, route: Route): readonly Directive[] {
  const found = all(hostBlock(model, hostNames(model)[route.host] ?? ''), 'location').filter(({ args }) => args.join(' ') === matcherOf(route));
  assert.equal(found.length, 1, `one location for ${route.name}`);
  return found[0]?.block ?? [];
}

const variants: { readonly [name: string]: Model } = {
  plain: edgeModel(),
  'without Element, federation and registration': edgeModel({ hosts: { homeserver: 'matrix.example.test', auth: 'auth.example.test' }, federation: false }),
  'with admin API and registration': edgeModel({ exposeSynapseAdmin: true, registration: { dynamic: true } }),
  'with registration of listed clients': edgeModel({ registration: { dynamic: true, allowHosts: ['app.example.org'] } }),
  'with the documents on the homeserver': edgeModel({ serverName: 'matrix.example.test' }),
  'with the documents elsewhere': edgeModel({ hosts: { homeserver: 'matrix.example.test', auth: 'auth.example.test', apex: { served: false } } }),
};

for (const [variant, model] of Object.entries(variants)) {
  test(`every row of the table is rendered as it says (${variant})`, () => {
    const names = hostNames(model);
    for (const route of routes(model)) {
      const earlier = routes(model).find((other) => names[other.host] === names[route.host] && matcherOf(other) === matcherOf(route));
      if (earlier !== route) continue;
      const block = locationOf(model, route);
      const refusals = all(block, 'if').map(({ args }) => args.join(' '));
      const gate = { serve: [], refuse: ['($edge_refused)'], hold: ['($edge_refused_unless_post)'] }[route.closed];
      assert.deepEqual(refusals.filter((condition) => condition !== '($request_method = OPTIONS)'), gate, route.name);
      assert.equal(all(block, 'auth_request').length, route.closed === 'hold' ? 1 : 0, route.name);
      if (route.answer.from === 'upstream' && route.answer.clientHosts !== undefined) assert.equal(only(block, 'js_content'), 'edge.registration');
      else if (route.answer.from === 'upstream') assert.equal(only(block, 'proxy_pass'), `http://$edge_to_${route.answer.upstream}`, route.name);
      else assert.equal(all(block, 'proxy_pass').length, 0, route.name);
      if (route.answer.from === 'edge') assert.deepEqual([only(block, 'return')], [`${route.answer.status} ${JSON.stringify(route.answer.body)}`], route.name);
      if (route.answer.from === 'document') assert.match(only(block, 'alias'), new RegExp(`^/config/well-known/${route.answer.document}`));
    }
  });
}

test('names of rows are unique, and no row takes two forms on one host', () => {
  for (const model of Object.values(variants)) {
    const names = routes(model).map((route) => route.name);
    assert.equal(new Set(names).size, names.length);
  }
});

test('every address handed to an upstream has no path, so that what was signed arrives as it was sent', () => {
  for (const model of Object.values(variants)) {
    for (const server of all(http(model), 'server')) {
      for (const location of all(server.block, 'location')) {
        for (const { args } of all(location.block, 'proxy_pass')) assert.match(args.join(' '), /^http:\/\/\$edge_to_[a-z]+$/);
      }
    }
  }
});

test('both phases share one configuration, so that a move replaces no edge', () => {
  const rendered = (phase: string): unknown => edgeVolumes(edgeModel({ phase }), secret);
  assert.deepEqual(rendered('delegated'), rendered('legacy'));
  assert.deepEqual(rendered('committed'), rendered('legacy'));
});

test('the config volume holds no secret, and the secret one is readable by nginx alone', () => {
  const [config, secrets] = edgeVolumes(edgeModel(), secret);
  assert.ok(config && secrets);
  assert.equal(config.secret, false);
  assert.deepEqual(config.files.filter(({ content }) => content.includes(probeKey) || content.includes('secret-value-of-')), []);
  assert.deepEqual([secrets.secret, secrets.uid, secrets.gid], [true, 101, 101]);
  assert.deepEqual(secrets.files.map(({ path }) => path), ['probe.conf', 'tls.crt', 'tls.key']);
});

test('no log format has a variable that holds a query string or a header with credentials', () => {
  const formats = all(http(edgeModel()), 'log_format');
  assert.deepEqual(formats.map(({ args }) => args[0]), ['access', 'slo']);
  const allowed = new Set(['time_iso8601', 'remote_addr', 'host', 'request_method', 'uri', 'status', 'body_bytes_sent', 'request_time', 'upstream_response_time', 'upstream_status',
    'upstream_addr', 'sent_http_x_matrix_stack_edge', 'edge_probe', 'http_user_agent', 'slo_op']);
  for (const { args } of formats) {
    for (const [, name] of args.join(' ').matchAll(/\$(\w+)/g)) assert.ok(allowed.has(name ?? ''), `$${name ?? ''}`);
  }
  assert.equal(only(http(edgeModel()), 'error_log'), 'stderr emerg');
});

test('what a client sends as its address, scheme or probe key does not reach an upstream', () => {
  const headers = all(http(edgeModel()), 'proxy_set_header').map(({ args }) => args);
  assert.deepEqual(headers, [['Host', '$http_host'], ['X-Forwarded-For', '$remote_addr'], ['X-Forwarded-Proto', 'https'], ['X-Matrix-Stack-Probe', '']]);
  const below = all(http(edgeModel()), 'server').flatMap(({ block }) => [block, ...all(block, 'location').map((location) => location.block)]);
  assert.ok(below.every((block) => all(block, 'proxy_set_header').length === 0), 'a header set below would drop these');
});

test('IPv6 listeners follow the published addresses', () => {
  const listens = (bind: readonly string[]): readonly string[] => all(hostBlock(edgeModel({ ports: { bind } }), 'matrix.example.test'), 'listen').map(({ args }) => args.join(' '));
  assert.deepEqual(listens(['0.0.0.0', '::']), ['8443 ssl', '[::]:8443 ssl', '443 ssl', '[::]:443 ssl']);
  assert.deepEqual(listens(['192.0.2.1']), ['8443 ssl', '443 ssl']);
});

test('plain HTTP leads to the public HTTPS address, except behind an offloading proxy', () => {
  const redirect = (settings: { readonly [key: string]: unknown }): readonly string[] => all(http(edgeModel(settings)), 'server').flatMap(({ block }) => all(block, 'return').map(({ args }) => args.join(' ')));
  assert.deepEqual(redirect({}), ['444', '421', '301 https://$host$request_uri']);
  assert.deepEqual(redirect({ ports: { https: 9443 } }), ['444', '421', '301 https://$host:9443$request_uri']);
  assert.deepEqual(redirect({ tls: { mode: 'offloaded', trustedProxies: ['10.0.0.0/8'] } }), ['444']);
});

test('certificates come from the secret volume, from the host directory, or not at all', () => {
  const files = edgeModel({ tls: { mode: 'files', directory: '/etc/letsencrypt', certificate: 'live/x/fullchain.pem', key: 'live/x/privkey.pem' } });
  assert.equal(only(http(files), 'ssl_certificate_key'), '/tls/live/x/privkey.pem');
  assert.deepEqual(edgeVolumes(files, secret)[1]?.files.map(({ path }) => path), ['probe.conf']);
  assert.equal(only(http(edgeModel()), 'ssl_certificate'), '/secrets/tls.crt');
  const offloaded = edgeModel({ tls: { mode: 'offloaded', trustedProxies: ['10.0.0.0/8', 'fd00::1'] } });
  assert.deepEqual(all(http(offloaded), 'set_real_ip_from').map(({ args }) => args[0]), ['10.0.0.0/8', 'fd00::1']);
  assert.equal(all(http(offloaded), 'ssl_certificate').length, 0);
  assert.equal(all(http(edgeModel()), 'set_real_ip_from').length, 0);
});

test('a mirror answers its allow-list and probes only', () => {
  const mirror = edgeModel({ serverName: 'prod.test', hosts: { homeserver: 'matrix.staging.test', auth: 'auth.staging.test', apex: { name: 'staging.test' } }, mirror: { of: 'prod', allow: ['192.0.2.0/24'] } });
  assert.deepEqual(all(http(mirror), 'geo')[0]?.block.map(({ name, args }) => [name, ...args]), [['default', '0'], ['192.0.2.0/24', '1']]);
  const servers = all(http(mirror), 'server').filter(({ block }) => all(block, 'location').some(({ args }) => args[0] === '@closed'));
  assert.equal(servers.length, 3);
  for (const { block } of servers) assert.equal(all(block, 'if')[0]?.args.join(' '), '($edge_stranger)');
  assert.equal(all(http(edgeModel()), 'geo').length, 0);
});

test('the number of waiting requests is bounded', () => {
  const held = routes(edgeModel()).filter((route) => route.closed === 'hold');
  assert.deepEqual(held.map((route) => route.name), ['homeserver-refresh', 'auth-token']);
  for (const route of held) assert.equal(only(locationOf(edgeModel(), route), 'limit_conn'), `edge_held ${holding.requests}`);
});

test('a value that could end an nginx statement is refused', () => {
  const tls = { mode: 'files', directory: '/x', certificate: 'a;b', key: 'k' };
  assert.throws(() => edgeVolumes(edgeModel({ tls }), secret), /tls has a character/);
  assert.throws(() => edgeVolumes(edgeModel(), () => 'a" 1; x'), /probeKey has a character/);
});
