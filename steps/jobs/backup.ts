/**
 * A backup counts only when a restore of it gave the same counts: both databases are dumped from one snapshot each, restored into
 * a throwaway server of the same major, and compared table by table. Keys and configuration are kept beside the dumps.
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { chown, mkdir, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { databases, paths } from '../../model/names.ts';
import type { Job, JobContext } from '../context.ts';
import { StepError } from '../contract.ts';
import { countTables, differences, neverDumped } from '../counts.ts';
import type { Counts } from '../counts.ts';
import { connect, databaseExists, withDatabase } from '../databases.ts';
import { oneShot } from '../docker-api.ts';
import { append, read } from '../ledger.ts';
import { filesOf, postgresTool } from '../tools.ts';

interface Dump {
  readonly database: string;
  readonly file: string;
  readonly bytes: number;
  readonly sha256: string;
  readonly counts: Counts;
}

const said = (result: { stdout: string; stderr: string }): string => `${result.stderr}\n${result.stdout}`.trim().split('\n').slice(-3).join(' | ').slice(0, 500);

async function sha256(file: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(file)) hash.update(chunk as Buffer);
  return hash.digest('hex');
}

/** Dumps one database from a snapshot in which its rows were counted. */
async function dump(context: JobContext, database: string, directory: string): Promise<Dump> {
  const { facts, secrets } = context;
  const connection = await connect(facts, secrets, database);
  try {
    await connection.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
    const [snapshot] = await connection.query('SELECT pg_export_snapshot() AS id');
    const counts = (await connection.query(countTables))[0]?.['counts'] as Counts;
    const file = `${database}.dump`;
    const result = await oneShot(postgresTool(facts, `dump-${database}`,
      `PGPASSFILE=/secrets/pgpass exec pg_dump -w -Fc -h ${facts.database.host} -p ${facts.database.port} -U ${facts.database.adminUser} --snapshot=${String(snapshot?.['id'])} --exclude-table-data=${neverDumped} -f ${directory}/${file} ${database}`,
      { [facts.volumes.backups]: `${paths.backups}:rw`, [filesOf(facts, 'tools-secrets')]: paths.secrets }, []), 3_600_000);
    if (result.exitCode !== 0) throw new StepError(`pg_dump of ${database} failed (exit code ${result.exitCode}): ${said(result)} Nothing was changed.`);
    const path = join(directory, file);
    return { database, file, bytes: (await stat(path)).size, sha256: await sha256(path), counts };
  } finally {
    await connection.close();
  }
}

/** Restores all of them into one throwaway server and compares every count. */
async function verify({ facts, log }: JobContext, dumps: readonly Dump[], directory: string): Promise<void> {
  // What is written here is thrown away: nothing of it need reach a disk.
  const script = `export PGDATA=/var/lib/postgresql/data PGHOST=/tmp PGUSER=postgres
initdb -U postgres --locale=C --encoding=UTF8 -A trust --no-sync >/dev/null
pg_ctl -w -s -l /tmp/log -o "-c listen_addresses='' -c unix_socket_directories=/tmp -c fsync=off -c full_page_writes=off" start
${dumps.map(({ database, file }) => `createdb ${database}
echo 'restoring ${database}' >&2
pg_restore --no-owner --no-privileges --exit-on-error -j 2 -d ${database} ${directory}/${file}
echo "${database} $(psql -X -At -d ${database} -c "$QUERY")"`).join('\n')}`;
  const result = await oneShot(postgresTool(facts, 'verify', script, { [facts.volumes.backups]: paths.backups }, [`QUERY=${countTables}`]), 7_200_000);
  if (result.exitCode !== 0) throw new StepError(`The dumps could not be restored (exit code ${result.exitCode}): ${said(result)} They do not count as a backup; nothing was changed.`);
  const lines = result.stdout.split('\n');
  for (const { database, counts } of dumps) {
    const found = lines.find((line) => line.startsWith(`${database} `))?.slice(database.length + 1);
    const wrong = differences(counts, JSON.parse(found ?? '{}') as Counts);
    if (wrong.length > 0) throw new StepError(`The dump of ${database} restored with other counts: ${wrong.slice(0, 10).join('; ')}. It does not count as a backup; nothing was changed.`);
    log(`${database}: restored with equal counts in ${Object.keys(counts).length} tables`);
  }
}

/** Copies every rendered config and secret volume beside the dumps; root reads, nobody else can. */
async function keepFiles({ facts }: JobContext, directory: string): Promise<void> {
  const tool = postgresTool(facts, 'keep-files', `umask 077; tar -C /files -cf ${directory}/files.tar .`,
    { [facts.volumes.backups]: `${paths.backups}:rw`, ...Object.fromEntries(Object.entries(facts.files).map(([owner, volume]) => [volume, `/files/${owner}`])) }, []);
  const result = await oneShot({ ...tool, user: '0:0', capabilities: ['DAC_READ_SEARCH', 'DAC_OVERRIDE'], network: null });
  if (result.exitCode !== 0) throw new StepError(`Keys and configuration could not be copied (exit code ${result.exitCode}): ${said(result)} Nothing was changed.`);
}

async function removeAll(names: readonly string[]): Promise<void> {
  for (const name of names) await rm(join(paths.backups, name), { recursive: true, force: true });
}

/** Removes all but the newest `keep` backups; names sort by time. */
async function prune(keep: number): Promise<void> {
  const names = (await readdir(paths.backups)).filter((name) => /^\d{8}T\d{6}Z$/.test(name)).sort();
  await removeAll(names.slice(0, Math.max(0, names.length - keep)));
}

export const backup: Job = async (context) => {
  const { facts, secrets, wanted, options, log } = context;
  const ledger = await withDatabase(facts, secrets, databases.synapse, read);
  if (ledger.phase === wanted && options['always'] !== true) return { summary: `Backup: no move is wanted in phase ${ledger.phase}.` };
  if (ledger.phase === 'empty' && options['always'] !== true) return { summary: 'Backup: nothing to back up yet.' };
  const begin = performance.now();
  // What a killed job left: its space is needed now.
  await removeAll((await readdir(paths.backups)).filter((name) => name.endsWith('.partial')));
  const { id, present } = await withDatabase(facts, secrets, databases.synapse, async (query) => ({
    id: String((await query(`SELECT to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYYMMDD"T"HH24MISS"Z"') AS id`))[0]?.['id']),
    present: await Promise.all([databases.synapse, databases.mas].map(async (name) => ((await databaseExists(query, name)) ? name : null))),
  }));
  const partial = join(paths.backups, `${id}.partial`);
  await mkdir(partial, { mode: 0o700 });
  await chown(partial, ...(facts.users.postgres.split(':').map(Number) as [number, number]));
  try {
    const dumps: Dump[] = [];
    for (const database of present.filter((name) => name !== null)) {
      const done = await dump(context, database, partial);
      log(`${database}: ${done.bytes} bytes dumped`);
      dumps.push(done);
    }
    await verify(context, dumps, partial);
    await keepFiles(context, partial);
    await writeFile(join(partial, 'manifest.json'), JSON.stringify({ id, stack: facts.stack, serverName: facts.serverName, incarnation: ledger.incarnation, epoch: ledger.epoch, phase: ledger.phase,
      modelDigest: facts.modelDigest, versions: facts.versions, dumps }, null, 2), { mode: 0o600 });
    await rename(partial, join(paths.backups, id));
    await prune(typeof options['keep'] === 'number' ? options['keep'] : 5);
    const detail = { id, milliseconds: Math.round(performance.now() - begin), dumps: dumps.map(({ database, bytes, sha256: digest }) => ({ database, bytes, sha256: digest })) };
    await withDatabase(facts, secrets, databases.synapse, (query) => append(query, { epoch: ledger.epoch, move: 'converge', from: ledger.phase, to: wanted, attempt: ledger.attempt, modelDigest: facts.modelDigest, result: 'backup', detail }));
    return { summary: `Backup ${id} made and proved by a restore with equal counts.`, detail };
  } finally {
    await rm(partial, { recursive: true, force: true });
  }
};
