const settings = {
  "open": "/markers/open",
  "live": "/markers/live",
  "nobody": "127.0.0.1:8081",
  "upstreams": {
    "synapse": {
      "legacy": "matrix-prod-synapse-legacy:8008",
      "delegated": "matrix-prod-synapse-delegated:8008"
    },
    "login": {
      "legacy": "matrix-prod-synapse-legacy:8008",
      "delegated": "mas:8080"
    },
    "mas": {
      "legacy": null,
      "delegated": "mas:8080"
    }
  },
  "holdMilliseconds": 30000,
  "pollMilliseconds": 50,
  "allowMethods": "GET, HEAD, POST, PUT, DELETE, OPTIONS",
  "allowHeaders": "Authorization, Content-Type, X-Requested-With, Date, X-Matrix-Stack-Probe",
  "edgeHeader": "X-Matrix-Stack-Edge",
  "clientHosts": []
};

import fs from 'fs';

const quiet = { throwIfNoEntry: false };

function isOpen() {
  return fs.statSync(settings.open, quiet) !== undefined;
}

/** 'legacy', 'delegated', or '' where the marker is absent or unclear. */
function live() {
  if (fs.statSync(settings.live, quiet) === undefined) {
    return '';
  }
  try {
    const side = fs.readFileSync(settings.live, 'utf8').trim();
    return side === 'legacy' || side === 'delegated' ? side : '';
  } catch (e) {
    return '';
  }
}

/** 'open', 'closed', or 'unknown' where nobody is live. */
function mark() {
  return live() === '' ? 'unknown' : isOpen() ? 'open' : 'closed';
}

/** Side of the public documents: the one that promises less, unless MAS is live. */
function side() {
  return live() === 'delegated' ? 'delegated' : 'legacy';
}

function target(upstream) {
  const at = live();
  return (at === '' ? null : settings.upstreams[upstream][at]) || settings.nobody;
}

// One exported function for each js_set: nginx asks for it only when it connects, so after any hold.
function synapse() {
  return target('synapse');
}

function login() {
  return target('login');
}

function mas() {
  return target('mas');
}

/** auth_request: 204 lets the request go on, 403 refuses it. */
function hold(r) {
  const probe = r.variables.edge_probe === '1';
  const until = Date.now() + settings.holdMilliseconds;
  function look() {
    if ((probe || isOpen()) && live() !== '') {
      r.return(204);
    } else if (probe || Date.now() >= until) {
      r.return(403);
    } else {
      setTimeout(look, settings.pollMilliseconds);
    }
  }
  look();
}

function json(r, status, body) {
  r.headersOut['Content-Type'] = 'application/json';
  r.headersOut['Cache-Control'] = 'no-store';
  cors(r);
  r.return(status, JSON.stringify(body));
}

function cors(r) {
  r.headersOut['Access-Control-Allow-Origin'] = '*';
  r.headersOut['Access-Control-Allow-Methods'] = settings.allowMethods;
  r.headersOut['Access-Control-Allow-Headers'] = settings.allowHeaders;
  r.headersOut['Access-Control-Expose-Headers'] = 'Retry-After, ' + settings.edgeHeader;
}

/** Sets the headers of a refusal. Two to five seconds: clients come back spread out. */
function refuse(r) {
  const seconds = 2 + Math.floor(Math.random() * 4);
  const at = mark();
  const served = at === 'open' || at === 'closed' && r.variables.edge_probe === '1';
  r.headersOut['Retry-After'] = String(seconds);
  r.headersOut[settings.edgeHeader] = served ? 'unreachable' : 'closed';
  return seconds;
}

const sentence = 'This server is being worked on. Please try again in a few seconds.';

/**
 * The closed answer of the homeserver and the apex. M_UNKNOWN: clients retry any 5xx (matrix-js-sdk src/http-api/utils.ts,
 * calculateRetryBackoff), and tell people of M_LIMIT_EXCEEDED that they asked too often.
 */
function closed(r) {
  if (r.method === 'OPTIONS') {
    cors(r);
    r.return(204);
    return;
  }
  const seconds = refuse(r);
  json(r, 503, { errcode: 'M_UNKNOWN', error: sentence, retry_after_ms: seconds * 1000 });
}

/** The closed answer of the auth host: OAuth's error form (RFC 6749, 4.1.2.1), or a page for a person. */
function closedAuth(r) {
  const accept = r.headersIn.Accept;
  if (r.method === 'OPTIONS') {
    closed(r);
  } else if (r.method === 'GET' && accept !== undefined && accept.indexOf('text/html') !== -1) {
    const seconds = refuse(r);
    r.headersOut['Content-Type'] = 'text/html; charset=utf-8';
    r.headersOut['Cache-Control'] = 'no-store';
    r.return(503, '<!doctype html><html lang="en"><meta charset="utf-8"><meta http-equiv="refresh" content="' + seconds
      + '"><title>Back in a moment</title><p>' + sentence + '</p></html>');
  } else {
    const wait = refuse(r);
    json(r, 503, { error: 'temporarily_unavailable', error_description: sentence, errcode: 'M_UNKNOWN', retry_after_ms: wait * 1000 });
  }
}

/** Answers for an upstream that the live side does not have. */
function nobody(r) {
  if (live() === '') {
    closed(r);
  } else {
    json(r, 404, { errcode: 'M_UNRECOGNIZED', error: 'Unrecognized request' });
  }
}

/** Lets a client register whose home page is on a listed host; MAS keeps its redirect URIs there. */
function registration(r) {
  let host = '';
  try {
    const home = /^https:\/\/([a-z0-9.-]+)(:[0-9]+)?([/?#]|$)/i.exec(JSON.parse(r.requestText).client_uri);
    host = home === null ? '' : home[1].toLowerCase();
  } catch (e) {
    host = '';
  }
  if (r.method !== 'POST' || settings.clientHosts.indexOf(host) !== -1) {
    r.internalRedirect('@registration');
  } else {
    json(r, 400, { error: 'invalid_client_metadata', error_description: 'Clients of this client_uri may not register at this server.' });
  }
}

function tooLarge(r) {
  json(r, 413, { errcode: 'M_TOO_LARGE', error: 'The request is larger than this server accepts.' });
}

/** 'requests': in hand now, those that wait and this one included. */
function report(r) {
  json(r, 200, { open: isOpen(), live: live() || null, requests: Number(r.variables.connections_writing), version: r.variables.nginx_version });
}

/** For probes: says nothing to anybody without the key. */
function state(r) {
  if (r.variables.edge_probe === '1') {
    report(r);
  } else {
    json(r, 404, { errcode: 'M_UNRECOGNIZED', error: 'Unrecognized request' });
  }
}

export default { mark, side, synapse, login, mas, hold, closed, closedAuth, nobody, registration, tooLarge, report, state };
