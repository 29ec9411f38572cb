/** Programs in place of Synapse, MAS and Element, and the one that writes the markers. Text, run by `node -e`. */

/**
 * Echoes a request as JSON: who answered, method, raw path, headers, body.
 * `?status=` chooses the status, `?wait=` the milliseconds before the answer.
 */
export const echo = String.raw`
const { createServer } = require('node:http');
const { WHO: who, PORT: port } = process.env;
createServer((request, response) => {
  const chunks = [];
  request.on('data', (chunk) => chunks.push(chunk));
  request.on('end', () => {
    const query = new URL(request.url, 'http://upstream').searchParams;
    const body = Buffer.concat(chunks);
    setTimeout(() => {
      response.writeHead(Number(query.get('status') ?? 200), { 'content-type': 'application/json' });
      response.end(JSON.stringify({ who, method: request.method, path: request.url, headers: request.headers, length: body.length, body: body.length > 10000 ? '' : body.toString() }));
    }, Number(query.get('wait') ?? 0));
  });
}).listen(Number(port));
`;

/** GET /?open=yes|no&live=legacy|delegated|none writes what is named, as a job does: beside, then renamed. */
export const markerWriter = String.raw`
const { createServer } = require('node:http');
const { renameSync, rmSync, writeFileSync } = require('node:fs');
const put = (name, content) => { writeFileSync('/markers/' + name + '.new', content); renameSync('/markers/' + name + '.new', '/markers/' + name); };
createServer((request, response) => {
  const query = new URL(request.url, 'http://writer').searchParams;
  const open = query.get('open'), live = query.get('live');
  if (open === 'no') rmSync('/markers/open', { force: true });
  if (live === 'none') rmSync('/markers/live', { force: true });
  else if (live !== null) put('live', live + '\n');
  if (open === 'yes') put('open', 'open\n');
  response.end('done');
}).listen(9000);
`;
