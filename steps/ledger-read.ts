/**
 * The one read of the ledger that every preview and update makes before anything is built: psql in the running PostgreSQL
 * container (or in a one-shot client for an external server). "No answer" is an error that says what to start, never "empty".
 */
import { spawn } from 'node:child_process';
import type { Model, Phase } from '../model/model.ts';
import type { LedgerReading, Loss } from '../model/moves.ts';
import { nothingRead } from '../model/moves.ts';
import { databases, ledgerSchema, namesOf } from '../model/names.ts';
import { lockHolder, readLedger, readPeople } from './ledger-sql.ts';
import { lossesSql } from './losses.ts';
import { rollbackLosses } from './rollback-losses.ts';
import { until } from './until.ts';

/** A read that could not be made; the message says what was found and what to type. */
export class LedgerUnreadable extends Error {
  override readonly name = 'LedgerUnreadable';
}

interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

function docker(host: string, args: readonly string[], input = '', env: NodeJS.ProcessEnv = {}): Promise<Ran> {
  return new Promise((resolve, reject) => {
    const child = spawn('docker', ['-H', host, ...args], { stdio: ['pipe', 'pipe', 'pipe'], env: { ...process.env, ...env } });
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => err.push(chunk));
    child.stdin.on('error', () => { /* psql ended early; its exit code and stderr say why */ });
    child.on('error', (error) => reject(new LedgerUnreadable(`The docker command could not be run (${error.message}); expected it on PATH. Install Docker's command line client.`)));
    child.on('close', (code) => resolve({ code: code ?? 1, stdout: Buffer.concat(out).toString(), stderr: Buffer.concat(err).toString().trim() }));
    child.stdin.end(input);
  });
}

const asJson = (name: string, sql: string): string => `SELECT '${name} ' || coalesce(json_agg(row_to_json(x)), '[]')::text FROM (${sql}) x;`;

/** psql script; each line of its output is a name and a JSON value. */
function script(wanted: Phase): string {
  return `\\set ON_ERROR_STOP on
SELECT EXISTS (SELECT FROM pg_database WHERE datname = '${databases.synapse}') AS has_synapse, EXISTS (SELECT FROM pg_database WHERE datname = '${databases.mas}') AS has_mas \\gset
\\if :has_synapse
\\connect ${databases.synapse}
SELECT to_regclass('public.users') IS NOT NULL AS has_users, to_regclass('${ledgerSchema}.ledger') IS NOT NULL AS has_ledger \\gset
\\if :has_users
SELECT 'people ' || people FROM (${readPeople}) p;
\\endif
\\if :has_ledger
SELECT 'ledger ' || reading FROM (${readLedger}) r;
SELECT 'running ' || to_json(who) FROM (${lockHolder}) h;
SELECT coalesce((SELECT to_phase FROM ${ledgerSchema}.ledger WHERE result = 'opened' ORDER BY id DESC LIMIT 1), 'empty') = 'legacy' AND '${wanted}' = 'delegated' AS forward,
  coalesce((SELECT to_phase FROM ${ledgerSchema}.ledger WHERE result = 'opened' ORDER BY id DESC LIMIT 1), 'empty') = 'delegated' AND '${wanted}' = 'legacy' AS back,
  coalesce((SELECT at FROM ${ledgerSchema}.ledger WHERE result = 'opened' ORDER BY id DESC LIMIT 1), now()) AS since \\gset
\\if :forward
\\if :has_users
${asJson('losses', lossesSql)}
\\endif
\\endif
\\if :has_mas
\\connect ${databases.mas}
SELECT to_regclass('${ledgerSchema}.anchor') IS NOT NULL AS has_anchor, to_regclass('public.oauth2_sessions') IS NOT NULL AS has_sessions \\gset
\\if :has_anchor
SELECT 'anchor ' || row_to_json(a) FROM (SELECT incarnation, epoch FROM ${ledgerSchema}.anchor) a;
\\endif
\\if :back
\\if :has_sessions
${asJson('losses', rollbackLosses.replaceAll('$1', ":'since'"))}
\\endif
\\endif
\\endif
\\endif
\\endif
`;
}

/**
 * Reads again while a switch is under way: whether its try counts is decided within seconds, and what is built depends on it.
 * @param say gets one sentence when it waits.
 */
export async function readDecidedLedger(read: () => Promise<LedgerReading>, limit: number, say: (sentence: string) => void): Promise<LedgerReading> {
  let reading = await read();
  const underWay = (): boolean => reading.unfinished !== null && reading.unfinished.decision === null && reading.running?.startsWith('switch ') === true;
  if (!underWay()) return reading;
  say(`${reading.running} is running on this database (move ${reading.unfinished?.epoch}); waiting for its decision`);
  await until(limit, 500, async () => {
    reading = await read();
    return !underWay();
  });
  return reading;
}

/** @throws LedgerUnreadable when the server, the container or the Docker host does not answer. */
export async function readLedgerOf(model: Model, adminPassword: string): Promise<LedgerReading> {
  const names = namesOf(model.stack);
  const psql = ['psql', '-X', '-q', '-A', '-t'];
  const text = script(model.phase);
  if (model.postgres.mode === 'external') {
    const { host, port, adminUser } = model.postgres;
    const image = model.images.postgres?.reference ?? '';
    const ran = await docker(model.dockerHost, ['run', '--rm', '-i', '-e', 'PGPASSWORD', '--entrypoint', 'psql', image, ...psql.slice(1), '-h', host, '-p', String(port), '-U', adminUser, '-d', 'postgres'], text, { PGPASSWORD: adminPassword });
    if (ran.code !== 0) throw new LedgerUnreadable(`The external PostgreSQL at ${host}:${port} did not answer (${ran.stderr}); expected a running server that lets ${adminUser} in. Start it or correct matrix:postgres.`);
    return parse(ran.stdout);
  }
  const container = names.container('postgres');
  const exec = ['exec', '-i', container, ...psql, '-U', 'postgres', '-d', 'postgres'];
  const ran = await docker(model.dockerHost, exec, text);
  if (ran.code === 0) return parse(ran.stdout);
  if (/no such container/i.test(ran.stderr)) return absent(model);
  if (/is not running/i.test(ran.stderr)) {
    const started = await docker(model.dockerHost, ['start', container]);
    if (started.code !== 0) throw new LedgerUnreadable(`PostgreSQL's container ${container} could not be started (${started.stderr}). Look at docker logs ${container}`);
  } else if (!/could not connect|connection to server|starting up|No such file/i.test(ran.stderr)) {
    throw new LedgerUnreadable(/cannot connect to the docker daemon|error during connect|failed to connect|no such host|connection refused/i.test(ran.stderr)
      ? `The Docker host ${model.dockerHost} does not answer (${ran.stderr}); expected a running engine. Start it, or set matrix:dockerHost.`
      : `The ledger could not be read (${ran.stderr}). Look at docker logs ${container}`);
  }
  let last = ran;
  const read = await until(60_000, 300, async () => {
    last = await docker(model.dockerHost, exec, text);
    return last.code === 0;
  });
  if (!read) throw new LedgerUnreadable(`PostgreSQL's container ${container} did not answer within 60 s (${last.stderr}). Look at docker logs ${container}`);
  return parse(last.stdout);
}

/** No container: without a data volume there is nothing; with one, a one-shot server without ports reads it. */
async function absent(model: Model): Promise<LedgerReading> {
  const names = namesOf(model.stack);
  const volume = names.volume('postgres');
  const found = await docker(model.dockerHost, ['volume', 'inspect', volume]);
  if (found.code !== 0) return nothingRead;
  const image = model.images.postgres?.reference ?? '';
  const reader = `${names.prefix}-ledger-read`;
  const version = await docker(model.dockerHost, ['run', '--rm', '--entrypoint', 'sh', '-v', `${volume}:/var/lib/postgresql/data:ro`, image, '-c', 'cat /var/lib/postgresql/data/PG_VERSION 2>/dev/null || true']);
  const major = version.stdout.trim();
  if (major === '') return nothingRead;
  if (model.postgres.mode === 'managed' && major !== String(model.postgres.major)) {
    throw new LedgerUnreadable(`The volume ${volume} holds PostgreSQL ${major}, this stack runs ${model.postgres.major}; a volume of one major does not start under another. Dump it with an image of PostgreSQL ${major}, then adopt the dump (matrix:adopt).`);
  }
  await docker(model.dockerHost, ['rm', '-f', reader]);
  const started = await docker(model.dockerHost, ['run', '-d', '--rm', '--name', reader, '--label', `matrix-stack=${model.stack}`, '--network', 'none', '-v', `${volume}:/var/lib/postgresql/data`, image]);
  if (started.code !== 0) throw new LedgerUnreadable(`A server to read the ledger could not be started on volume ${volume} (${started.stderr}).`);
  try {
    let last: Ran = started;
    const text = script(model.phase);
    const read = await until(60_000, 300, async () => {
      last = await docker(model.dockerHost, ['exec', '-i', reader, 'psql', '-X', '-q', '-A', '-t', '-U', 'postgres', '-d', 'postgres'], text);
      return last.code === 0;
    });
    if (!read) throw new LedgerUnreadable(`The data in volume ${volume} could not be read within 60 s (${last.stderr}); expected a PostgreSQL ${major} that starts.`);
    return parse(last.stdout);
  } finally {
    await docker(model.dockerHost, ['stop', '-t', '60', reader]);
  }
}

/** Turns the script's lines into a reading. */
export function parse(output: string): LedgerReading {
  const found = new Map(output.split('\n').filter((line) => line.includes(' ')).map((line) => {
    const space = line.indexOf(' ');
    return [line.slice(0, space), JSON.parse(line.slice(space + 1)) as unknown] as const;
  }));
  const people = (found.get('people') ?? { users: 0, serverName: null }) as { users: number; serverName: string | null };
  const ledger = found.get('ledger') as Omit<LedgerReading, 'state' | 'running' | 'users' | 'serverName' | 'anchor' | 'losses'> | undefined;
  const losses = ((found.get('losses') ?? []) as { class: string; count: number | string; users: string[] }[]).map((loss): Loss => ({ ...loss, count: Number(loss.count) }));
  if (ledger === undefined) return { ...nothingRead, state: people.users > 0 ? 'bare' : 'none', ...people };
  return { ...ledger, state: 'ledger', attempt: Number(ledger.attempt), users: people.users, serverName: people.serverName, losses,
    running: (found.get('running') ?? null) as string | null, anchor: (found.get('anchor') ?? null) as LedgerReading['anchor'] };
}
