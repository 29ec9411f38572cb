import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { parse } from 'yaml';
import { SettingsError } from '../../model/issues.ts';
import { parseSettings } from '../../model/parse.ts';
import { keys } from '../../model/schema.ts';
import { issuesOf, least, linesOf, parsed, root, secretNames, settingsOf, shipped, versions, type Settings } from './settings.ts';

const project = parse(readFileSync(new URL('Pulumi.yaml', root), 'utf8')) as { config: { [key: string]: { type: string; default?: unknown; description: string; items?: unknown } } };

describe('settings become a model', () => {
  it('fills in what follows from the least settings', () => {
    const model = parsed();
    assert.equal(model.phase, 'legacy');
    assert.deepEqual(model.hosts.apex, { name: 'example.com', served: true });
    assert.deepEqual(model.ports, { bind: ['0.0.0.0', '::'], https: 443, http: 80 });
    assert.deepEqual(model.postgres, { mode: 'managed', major: 17 });
    assert.deepEqual(model.migration, { acceptWarnings: [], evidenceMaxAge: 604800, requireRehearsal: true, switchTimeout: 300 });
    assert.equal(model.images.synapse?.version, '1.163.2');
    assert.equal(model.mirror, undefined);
  });

  it('takes plain values as Pulumi keeps them, as text', () => {
    const model = parsed({ federation: 'false', maxUploadMiB: '20', demo: 'true' });
    assert.deepEqual([model.federation, model.maxUploadMiB, model.demo], [false, 20, true]);
  });

  it('reads durations', () => {
    const model = parsed({ migration: { evidenceMaxAge: '2d', switchTimeout: '90s' } });
    assert.deepEqual([model.migration.evidenceMaxAge, model.migration.switchTimeout], [172800, 90]);
  });

  it('takes the defaults of Pulumi.yaml for nothing set', () => {
    const defaults = Object.fromEntries(Object.entries(project.config).filter(([, key]) => key.default !== undefined).map(([name, key]) => [name, key.default]));
    assert.deepEqual(JSON.stringify(parsed(defaults)), JSON.stringify(parsed()));
  });

  it('accepts the shipped stack files', () => {
    assert.equal(shipped('prod').stack, 'prod');
    assert.equal(shipped('staging').mirror?.of, 'prod');
    assert.equal(shipped('staging').serverName, shipped('prod').serverName);
  });

  it('knows in Pulumi.yaml exactly the keys that the parser reads, each with type and description', () => {
    assert.deepEqual(Object.keys(project.config).sort(), Object.keys(keys).sort());
    for (const [name, key] of Object.entries(project.config)) {
      assert.ok(key.description.length > 10, name);
      assert.ok(['string', 'boolean', 'integer', 'array', 'object'].includes(key.type), name);
    }
  });

  it('holds no secret value', () => {
    const model = parseSettings({ stack: 'prod', settings: { ...least, secrets: { pepper: 'value-of-pepper' } }, secretNames, versions });
    assert.ok(!JSON.stringify(model).includes('value-of-pepper'));
  });

  it('stages prod: the files differ in hosts, mirror, certificate and Docker host only', () => {
    const [prod, staging] = [settingsOf('prod'), settingsOf('staging')];
    const different = [...new Set([...Object.keys(prod), ...Object.keys(staging)])].filter((key) => JSON.stringify(prod[key]) !== JSON.stringify(staging[key]));
    assert.deepEqual(different.sort(), ['dockerHost', 'hosts', 'mirror', 'tls']);
  });
});

describe('every key has an effect', () => {
  const others: { readonly [K in Exclude<keyof typeof keys, 'secrets'>]: Settings } = {
    serverName: { serverName: 'other.example' },
    phase: { phase: 'delegated' },
    hosts: { hosts: { homeserver: 'm.example.com', auth: 'auth.example.com' } },
    ports: { ports: { https: 8443 } },
    tls: { tls: { mode: 'offloaded', trustedProxies: ['10.0.0.0/8'] } },
    dockerHost: { dockerHost: 'ssh://deploy@host' },
    postgres: { postgres: { mode: 'external', host: 'db.example.com', adminUser: 'postgres', adminPassword: { secret: 'web' } } },
    images: { images: { synapse: 'registry.example.com/synapse:1.163.2' } },
    clients: { clients: [{ name: 'desktop', type: 'native-loopback' }] },
    upstreamProviders: { upstreamProviders: [{ idpId: 'google', name: 'Google', issuer: 'https://accounts.example.com/', clientId: 'x', clientSecret: { secret: 'google' } }] },
    appservices: { appservices: [{ id: 'bridge', url: null, asToken: { secret: 'bridgeAs' }, hsToken: { secret: 'bridgeHs' }, senderLocalpart: 'bot' }] },
    pepper: { pepper: { secret: 'pepper' } },
    registration: { registration: { dynamic: true, allowHosts: ['app.example.com'] } },
    adminUsers: { adminUsers: ['alice'] },
    federation: { federation: false },
    reportStats: { reportStats: true },
    exposeSynapseAdmin: { exposeSynapseAdmin: true },
    maxUploadMiB: { maxUploadMiB: 1 },
    synapseSettings: { synapseSettings: { retention: { enabled: true } } },
    masSettings: { masSettings: { account: { email_change_allowed: false } } },
    migration: { migration: { acceptWarnings: ['GuestsInDatabase'] } },
    mirror: { mirror: { of: 'live' }, hosts: { homeserver: 'm.s.example.com', auth: 'a.s.example.com', apex: { name: 's.example.com' } } },
    adopt: { adopt: { from: 'dump', volume: 'old', file: 'synapse.dump' } },
    backup: { backup: { keep: 1 } },
    acceptLoss: { acceptLoss: '3:newPasswords' },
    recover: { recover: true },
    demo: { demo: true },
  };
  for (const [key, over] of Object.entries(others)) {
    it(key, () => { assert.notDeepEqual(parsed(over), parsed()); });
  }
  it('and all keys were tried', () => { assert.deepEqual(Object.keys(others).sort(), Object.keys(keys).filter((key) => key !== 'secrets').sort()); });
});

describe('what is wrong is told', () => {
  it('all at once, a line each, with what to type', () => {
    assert.deepEqual(linesOf({ phase: 'deleg', fedration: true, hosts: { homeserver: 'https://matrix.example.com/', auth: 'auth.example.com' } }), [
      'fedration: unknown key; did you mean federation?',
      'phase: not one of legacy, delegated, committed (got "deleg"); did you mean delegated?',
      'hosts.homeserver: a host name is expected here, not a URL (got "https://matrix.example.com/"); write matrix.example.com; scheme and port follow from matrix:tls and matrix:ports',
    ]);
  });

  it('with the number of problems and the stack in the heading', () => {
    const error = new SettingsError('prod', issuesOf({ phase: 'x', demo: 'y' }));
    assert.match(error.message, /^2 problems in the settings of stack prod /);
  });

  it('when a key that must be set is missing', () => {
    const lines = linesOf({}, { bare: true });
    for (const key of ['serverName', 'hosts', 'tls']) assert.ok(lines.some((line) => line.startsWith(`${key}: missing; write `)), lines.join('\n'));
  });

  for (const [what, over, line] of [
    ['a type', { federation: 'perhaps' }, 'federation: true or false is expected here (got "perhaps"); write true or false'],
    ['a list for a map', { clients: {} }, 'clients: a list is expected here (got a map); write a list'],
    ['a port', { ports: { https: 70000 } }, 'ports.https: not a port (got 70000); write it like 443'],
    ['a nested key', { registration: { dynamik: true } }, 'registration.dynamik: unknown key; did you mean dynamic?'],
    ['a far key', { hosts: { homeserver: 'a.b', auth: 'c.d', zzzzzz: 1 } }, 'hosts.zzzzzz: unknown key; remove it; known keys: homeserver, auth, element, apex'],
    ['a service', { images: { nginx: 'x:1' } }, 'images.nginx: unknown key; remove it; known keys: postgres, synapse, mas, edge, elementWeb, runner, restic'],
    ['a mode', { tls: { mode: 'file' } }, 'tls.mode: not one of selfSigned, files, offloaded (got "file"); did you mean files?'],
    ['a duration', { migration: { evidenceMaxAge: 'a week' } }, 'migration.evidenceMaxAge: not a duration (got "a week"); write it like 30s, 5m, 2h, 7d or seconds'],
    ['a server name', { serverName: 'https://example.com' }, 'serverName: not a server name (got "https://example.com"); write it like example.com, the part of user ids after the colon'],
    ['an admin', { adminUsers: ['@alice:example.com'] }, 'adminUsers[0]: not the local part of a user id (got "@alice:example.com"); write it like alice, without @ and server name'],
    ['a loss', { acceptLoss: 'everything' }, 'acceptLoss: not an accepted loss (got "everything"); write it like the preview prints it, e.g. 3:changedPasswords,newSessions'],
    ['totp', { totp: true }, 'totp: MAS has no second factor (TOTP) of its own; remove the key; an OpenID provider in matrix:upstreamProviders can ask for one'],
    ['a secret as pepper', { pepper: 'hunter2' }, 'pepper: a secret in clear or in a wrong form (got a string); write {secret: NAME} and set the value with `pulumi config set --secret --path matrix:secrets.NAME`'],
    ['adoption of a database for MAS', { adopt: { from: 'volume', volume: 'old', database: 'mas' } }, "adopt.database: Synapse's database would be the one that MAS gets, and both have a table users (got \"mas\"); rename the database to synapse"],
    ['adoption in place without a place', { adopt: { from: 'external', database: 'synapse' } }, 'adopt.from: there is no external server to adopt in place (got external); set matrix:postgres.mode to external'],
  ] as const) {
    it(`about ${what}`, () => { assert.ok(linesOf(over).includes(line), linesOf(over).join('\n')); });
  }

  it('about a stack name that no container can carry', () => {
    assert.match(linesOf({}, { stack: 'My_Stack' })[0] ?? '', /^stack: containers and networks cannot carry this stack name \(got "My_Stack"\)/);
  });

  it('without a value of a secret, wherever it was written', () => {
    const clear = 'correct-horse';
    const lines = linesOf({
      pepper: clear, secrets: { x: clear }, synapseSettings: { turn_shared_secret: clear, email: { smtp_pass: clear } }, masSettings: { email: { password: clear }, database: { password: clear } },
      clients: [{ name: 'web', type: 'confidential', redirectUris: ['https://w.example.com/'], secret: clear }],
      upstreamProviders: [{ idpId: 'g', name: 'g', issuer: 'https://g.example.com/', clientId: 'x', clientSecret: clear }],
      appservices: [{ id: 'b', url: null, asToken: clear, hsToken: clear, senderLocalpart: 'b' }],
    }).join('\n');
    assert.ok(!lines.includes(clear), lines);
    for (const path of ['pepper', 'synapseSettings.turn_shared_secret', 'synapseSettings.email.smtp_pass', 'masSettings.email.password', 'clients[0].secret', 'upstreamProviders[0].clientSecret', 'appservices[0].asToken']) {
      assert.ok(lines.includes(`${path}: a secret in clear`), `${path}\n${lines}`);
    }
  });
});

describe('secrets by name', () => {
  it('must exist where settings name them', () => {
    assert.deepEqual(linesOf({ pepper: { secret: 'nobody' }, masSettings: { email: { transport: 'smtp', mode: 'tls', hostname: 'm', username: 'u', password: { secret: 'absent' } } } }), [
      'pepper: there is no secret named nobody; run `pulumi config set --stack prod --secret --path matrix:secrets.nobody`',
      'masSettings.email.password: there is no secret named absent; run `pulumi config set --stack prod --secret --path matrix:secrets.absent`',
    ]);
  });

  it("tell to run init when the stack's own are missing", () => {
    const some = new Set([...secretNames].filter((name) => name !== 'masEncryption' && name !== 'probeKey'));
    assert.deepEqual(linesOf({}, { secretNames: some }), ['secrets: 2 secrets of the stack itself are missing: masEncryption, probeKey; run `matrix-stack init prod`']);
  });

  it("are not wanted for another's database server and certificate", () => {
    const some = new Set([...secretNames].filter((name) => name !== 'postgresPassword' && !name.startsWith('tls')));
    const model = parseSettings({ stack: 'prod', versions, secretNames: some, settings: { ...least, tls: { mode: 'files', directory: '/etc/letsencrypt', certificate: 'c', key: 'k' },
      postgres: { mode: 'external', host: 'db', adminUser: 'root', adminPassword: { secret: 'web' } } } });
    assert.equal(model.postgres.mode, 'external');
  });
});
