/** Fills Synapse's empty database from somebody's dump, and copies media. Used by adopt and by mirror. */
import { databases, ledgerSchema, paths, roles } from '../model/names.ts';
import type { JobContext } from './context.ts';
import { StepError } from './contract.ts';
import { neverDumped } from './counts.ts';
import { withDatabase } from './databases.ts';
import { oneShot } from './docker-api.ts';
import { filesOf, postgresTool } from './tools.ts';

const said = (result: { stdout: string; stderr: string }): string => `${result.stderr}\n${result.stdout}`.trim().split('\n').slice(-3).join(' | ').slice(0, 600);

/** @throws StepError when Synapse's database already holds tables: a restore never goes over data. */
export async function demandEmpty({ facts, secrets }: JobContext): Promise<void> {
  await withDatabase(facts, secrets, databases.synapse, async (query) => {
    const [row] = await query("SELECT count(*)::int AS n FROM pg_tables WHERE schemaname = 'public'");
    if (Number(row?.['n']) > 0) throw new StepError(`Synapse's database already holds ${String(row?.['n'])} tables; a dump is only restored into an empty one. Use a new stack, or remove matrix:adopt.`);
  });
}

/** Shell that ends in `psql`-free restores: the password comes from the tool's secret file. */
const client = (facts: JobContext['facts']): string => `PGPASSFILE=${paths.secrets}/pgpass pg_restore -w -h ${facts.database.host} -p ${facts.database.port} -U ${facts.database.adminUser}`;

/**
 * Restores a custom-format dump that lies in a volume. Ledger rows of a dump of ours are left out: this copy gets its own.
 * @param file path inside the volume, already checked to hold no quote.
 */
export async function restoreDump(context: JobContext, volume: string, file: string): Promise<void> {
  const { facts } = context;
  // Not --exclude-schema: that leaves CREATE SCHEMA itself in.
  const script = `pg_restore -l '/from/${file}' | grep -v ' ${ledgerSchema}' > /tmp/wanted
${client(facts)} --no-owner --no-privileges --role=${roles.synapseOwner} --use-list=/tmp/wanted --exit-on-error -j 2 -d ${databases.synapse} '/from/${file}'`;
  const result = await oneShot(postgresTool(facts, 'restore', script, { [volume]: '/from', [filesOf(facts, 'tools-secrets')]: paths.secrets }, []), 7_200_000);
  if (result.exitCode !== 0) throw new StepError(`The dump ${file} in volume ${volume} could not be restored (exit code ${result.exitCode}): ${said(result)}`);
}

/**
 * Copies one database out of a stopped PostgreSQL data volume: a throwaway server runs on a copy, so that the volume stays as it was.
 * The bootstrap superuser's name is read in single-user mode, because an adopted cluster may call it anything.
 */
export async function restoreVolume(context: JobContext, volume: string, database: string): Promise<void> {
  const { facts } = context;
  const script = `export PGDATA=/var/lib/postgresql/data PGHOST=/tmp
test ! -e /from/postmaster.pid || { echo 'the volume has a postmaster.pid: its server was not stopped' >&2; exit 3; }
test "$(cat /from/PG_VERSION)" = "${facts.versions.postgresMajor}" || { echo "the volume holds PostgreSQL $(cat /from/PG_VERSION)" >&2; exit 4; }
cp -a /from/. "$PGDATA"; chmod 700 "$PGDATA"; printf 'local all all trust\\n' > "$PGDATA/pg_hba.conf"
super=$(echo 'SELECT rolname FROM pg_authid WHERE oid = 10' | postgres --single -D "$PGDATA" template1 2>/dev/null | sed -n 's/.*rolname = "\\([^"]*\\)".*/\\1/p')
pg_ctl -w -s -l /tmp/log -o "-c listen_addresses='' -c unix_socket_directories=/tmp -c ssl=off" start
pg_dump -U "$super" -Fc --exclude-schema=${ledgerSchema} --exclude-table-data=${neverDumped} -f /tmp/adopted.dump '${database}'
pg_ctl -w -s -m fast stop
unset PGHOST
${client(facts)} --no-owner --no-privileges --role=${roles.synapseOwner} --exit-on-error -d ${databases.synapse} /tmp/adopted.dump`;
  const tool = postgresTool(facts, 'adopt-volume', script, { [volume]: '/from', [filesOf(facts, 'tools-secrets')]: paths.secrets }, []);
  const result = await oneShot({ ...tool, capabilities: [] }, 7_200_000);
  if (result.exitCode === 3 || result.exitCode === 4) throw new StepError(`Volume ${volume}: ${said(result)}; expected a stopped PostgreSQL ${facts.versions.postgresMajor}. ${result.exitCode === 3 ? 'Stop that server cleanly first.' : 'Dump it and adopt the dump.'}`);
  if (result.exitCode !== 0) throw new StepError(`Database ${database} could not be copied out of volume ${volume} (exit code ${result.exitCode}): ${said(result)}`);
}

/** One-time keys that were handed out once must not be handed out again (Synapse docs/usage/administration/backups.md). */
export async function forgetOneTimeKeys({ facts, secrets }: JobContext): Promise<void> {
  await withDatabase(facts, secrets, databases.synapse, async (query) => {
    await query(`SET ROLE ${roles.synapseOwner}`);
    await query(`TRUNCATE ${neverDumped}`);
  });
}

/** Copies a media directory into Synapse's data volume, owned by Synapse's user. */
export async function copyMedia({ facts }: JobContext, volume: string): Promise<void> {
  const tool = postgresTool(facts, 'copy-media', `mkdir -p /to/media; cp -a /from/. /to/media/; chown -R ${facts.users.synapse} /to/media`, { [volume]: '/from', [facts.volumes.synapseData]: '/to:rw' }, []);
  const result = await oneShot({ ...tool, user: '0:0', capabilities: ['DAC_READ_SEARCH', 'DAC_OVERRIDE', 'CHOWN', 'FOWNER'], network: null }, 7_200_000);
  if (result.exitCode !== 0) throw new StepError(`Media in volume ${volume} could not be copied (exit code ${result.exitCode}): ${said(result)}`);
}
