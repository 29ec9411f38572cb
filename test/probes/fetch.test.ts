import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer as createHttp } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { createServer as createHttps } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TLSSocket } from 'node:tls';
import { after, before, describe, it } from 'node:test';
import { edgeFetch } from '../../probes/fetch.ts';

/** Names that no resolver knows (RFC 6761). */
const host = 'matrix.edge.invalid';
const key = 'fake-probe-key';

interface Authority { readonly ca: string; readonly certificate: string; readonly key: string }

/** A certificate authority and a server certificate of its own; Node's crypto can sign no X.509. */
function authority(folder: string, name: string): Authority {
  const at = (file: string): string => join(folder, `${name}-${file}`);
  const openssl = (...args: string[]): void => { execFileSync('openssl', args, { stdio: 'pipe' }); };
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  openssl('req', '-x509', ...newKey, '-days', '2', '-keyout', at('ca.key'), '-out', at('ca.crt'), '-subj', `/CN=${name}`, '-addext', 'basicConstraints=critical,CA:TRUE');
  openssl('req', ...newKey, '-keyout', at('tls.key'), '-out', at('tls.csr'), '-subj', '/CN=edge');
  writeFileSync(at('ext'), `subjectAltName=DNS:${host}`);
  openssl('x509', '-req', '-in', at('tls.csr'), '-CA', at('ca.crt'), '-CAkey', at('ca.key'), '-CAcreateserial', '-days', '2', '-extfile', at('ext'), '-out', at('tls.crt'));
  const text = (file: string): string => readFileSync(at(file), 'utf8');
  return { ca: text('ca.crt'), certificate: text('tls.crt'), key: text('tls.key') };
}

function answer(request: IncomingMessage, response: ServerResponse): void {
  const path = request.url ?? '';
  if (path.startsWith('/silent')) return;
  if (path === '/moved') { response.writeHead(303, { Location: 'https://matrix.edge.invalid/there', 'Set-Cookie': ['a=1; Expires=Wed, 21 Oct 2037 07:28:00 GMT', 'b=2'] }).end(); return; }
  if (path.startsWith('/html')) { response.end('<html>'); return; }
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    response.setHeader('Content-Type', 'application/json');
    response.end(JSON.stringify({ method: request.method, path, host: request.headers.host, sni: (request.socket as Partial<TLSSocket>).servername ?? null, key: request.headers['x-matrix-stack-probe'] ?? null,
      proto: request.headers['x-forwarded-proto'] ?? null, type: request.headers['content-type'] ?? null, body: Buffer.concat(chunks).toString() }));
  });
}

interface Echo { readonly method: string; readonly path: string; readonly host: string; readonly sni: string | null; readonly key: string | null; readonly proto: string | null; readonly type: string | null; readonly body: string }

describe('the probes\' fetch', () => {
  const folder = mkdtempSync(join(tmpdir(), 'probe-fetch-'));
  const ours = authority(folder, 'ours');
  const theirs = authority(folder, 'theirs');
  const servers: Server[] = [];
  const ports = { tls: 0, plain: 0 };
  const listen = async (server: Server): Promise<number> => {
    servers.push(server);
    await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve); });
    return (server.address() as AddressInfo).port;
  };

  before(async () => {
    ports.tls = await listen(createHttps({ cert: ours.certificate, key: ours.key }, answer));
    ports.plain = await listen(createHttp(answer));
  });
  after(() => {
    for (const server of servers) { server.closeAllConnections(); server.close(); }
    rmSync(folder, { recursive: true });
  });

  const open = (ca: string | null = ours.ca): ReturnType<typeof edgeFetch> => edgeFetch({ address: { host: '127.0.0.1', port: ports.tls }, tls: true, ca, probeKey: key });
  async function withEdge<T>(edge: ReturnType<typeof edgeFetch>, work: (edge: ReturnType<typeof edgeFetch>) => Promise<T>): Promise<T> {
    try {
      return await work(edge);
    } finally {
      await edge.close();
    }
  }

  it('connects to the address of the edge whatever DNS says, with the URL\'s name in Host and SNI', () => withEdge(open(), async ({ fetch }) => {
    const echo = (await fetch(`https://${host}/x`)).json() as Echo;
    assert.deepEqual([echo.host, echo.sni], [host, host]);
    const withPort = (await fetch(`https://${host}:8443/x`)).json() as Echo;
    assert.deepEqual([withPort.host, withPort.sni], [`${host}:8443`, host]);
  }));

  it('sends the probe key, and leaves it out as a public client', () => withEdge(open(), async ({ fetch }) => {
    assert.equal(((await fetch(`https://${host}/x`)).json() as Echo).key, key);
    assert.equal(((await fetch(`https://${host}/x`, { public: true })).json() as Echo).key, null);
  }));

  it('trusts the stack\'s own authority and no other', async () => {
    await withEdge(open(theirs.ca), ({ fetch }) => assert.rejects(fetch(`https://${host}/x`), /GET https:\/\/matrix\.edge\.invalid\/x: .*(certificate|verify)/i));
    await withEdge(open(null), ({ fetch }) => assert.rejects(fetch(`https://${host}/x`), /certificate/i));
  });

  it('refuses a certificate for another name', () => withEdge(open(), ({ fetch }) => assert.rejects(fetch('https://other.edge.invalid/x'), /other\.edge\.invalid/)));

  it('does not follow redirects, and keeps cookies apart', () => withEdge(open(), async ({ fetch }) => {
    const moved = await fetch(`https://${host}/moved`);
    assert.equal(moved.status, 303);
    assert.equal(moved.headers['location'], 'https://matrix.edge.invalid/there');
    assert.deepEqual(moved.headers['set-cookie']?.split('\n'), ['a=1; Expires=Wed, 21 Oct 2037 07:28:00 GMT', 'b=2']);
  }));

  it('is bounded, and names the URL without its query', () => withEdge(open(), async ({ fetch }) => {
    const begin = performance.now();
    await assert.rejects(fetch(`https://${host}/silent?code=secret`, { timeout: 100 }), { message: `GET https://${host}/silent: no answer within 100 ms` });
    assert.ok(performance.now() - begin < 3000);
    await assert.rejects(edgeFetch({ address: { host: '127.0.0.1', port: 1 }, tls: true, ca: null, probeKey: key }).fetch(`https://${host}/x?code=secret`), (error: Error) => error.message.startsWith(`GET https://${host}/x: `) && !error.message.includes('secret') && !error.message.includes(key));
  }));

  it('says when an answer is no JSON', () => withEdge(open(), async ({ fetch }) => {
    const page = await fetch(`https://${host}/html?x=secret`);
    assert.equal(page.text, '<html>');
    assert.throws(() => page.json(), { message: `https://${host}/html answered 6 characters that are no JSON` });
  }));

  it('speaks plain HTTP where a proxy ends TLS', async () => {
    const edge = edgeFetch({ address: { host: '127.0.0.1', port: ports.plain }, tls: false, ca: null, probeKey: key });
    await withEdge(edge, async ({ fetch }) => {
      const echo = (await fetch(`https://${host}/x`)).json() as Echo;
      assert.deepEqual([echo.host, echo.sni, echo.proto], [host, null, 'https']);
    });
  });

  it('serves libraries: URL, Request and init, body and redirects, by the same rules', () => withEdge(open(), async (edge) => {
    const fetch = edge.asFetch();
    const plain = await (await fetch(new URL(`https://${host}/x`))).json() as Echo;
    assert.deepEqual([plain.host, plain.sni, plain.key], [host, host, key]);
    const posted = await (await fetch(new Request(`https://${host}/post`, { method: 'POST', body: new URLSearchParams({ a: 'b c' }) }))).json() as Echo;
    assert.deepEqual([posted.method, posted.body, posted.type], ['POST', 'a=b+c', 'application/x-www-form-urlencoded;charset=UTF-8']);
    assert.equal((await fetch(`https://${host}/moved`, { redirect: 'manual' })).status, 303);
    const followed = await (await fetch(`https://${host}/moved`)).json() as Echo;
    assert.equal(followed.path, '/there');
    await assert.rejects(fetch(`https://${host}/silent`, { signal: AbortSignal.timeout(50) }));
  }));
});
