/**
 * Looks for everything that would make a cut-over fail or lose something, while the server runs and nothing has changed.
 * Finds all at once: rows that syn2mas would trip over, foreign sessions, appservices, free space, missing containers.
 */
import { statfs } from 'node:fs/promises';
import { databases, paths } from '../../model/names.ts';
import type { Job } from '../context.ts';
import { StepError } from '../contract.ts';
import { withDatabase } from '../databases.ts';
import type { Query } from '../databases.ts';
import { expectedLosses } from '../losses.ts';
import { strangers } from '../roles.ts';
import { cutOverIsWanted } from './syn2mas.ts';

/** Tables whose rows name a user that syn2mas must find in `users` (crates/syn2mas/src/migration.rs); its check does not look. */
const orphanSources: readonly { readonly table: string; readonly filter: string }[] = [
  { table: 'access_tokens', filter: 'puppets_user_id IS NULL AND device_id IS NULL' },
  { table: 'devices', filter: 'NOT hidden' },
  { table: 'user_threepids', filter: 'true' },
  { table: 'user_external_ids', filter: 'true' },
];

async function orphans(query: Query): Promise<string[]> {
  const found: string[] = [];
  for (const { table, filter } of orphanSources) {
    const rows = await query(`SELECT t.user_id, count(*)::int AS n FROM ${table} t WHERE ${filter} AND NOT EXISTS (SELECT FROM users u WHERE u.name = t.user_id) GROUP BY 1 ORDER BY 1 LIMIT 20`);
    for (const row of rows) {
      found.push(`${table} has ${String(row['n'])} row(s) of ${String(row['user_id'])}, who is not in users; syn2mas would stop there. If that user is gone, type: DELETE FROM ${table} WHERE user_id = '${String(row['user_id'])}';`);
    }
  }
  return found;
}

async function foreignNames(query: Query, serverName: string): Promise<string[]> {
  const rows = await query('SELECT name FROM users WHERE split_part(name, \':\', 2) || CASE WHEN name LIKE \'%:%:%\' THEN \':\' || split_part(name, \':\', 3) ELSE \'\' END <> $1 ORDER BY 1 LIMIT 20', [serverName]);
  return rows.map((row) => `users holds ${String(row['name'])}, which is not of ${serverName}; syn2mas would stop there. Remove the row or its server's data first.`);
}

/** Appservices that log people in themselves: MAS has no m.login.application_service. */
async function appserviceLogins(query: Query): Promise<string[]> {
  const rows = await query(`SELECT u.appservice_id, count(DISTINCT t.id)::int AS n FROM access_tokens t JOIN users u ON u.name = t.user_id WHERE u.appservice_id IS NOT NULL GROUP BY 1 ORDER BY 1`);
  return rows.map((row) => `appservice ${String(row['appservice_id'])} holds ${String(row['n'])} login token(s) of its users; they end with the cut-over (the as_token goes on working, devices by MSC4190).`);
}

async function freeSpace(query: Query): Promise<string[]> {
  const [row] = await query("SELECT sum(pg_database_size(datname))::bigint AS bytes FROM pg_database WHERE datname = ANY($1)", [[databases.synapse, databases.mas]]);
  const needed = 2 * Number(row?.['bytes']) + 512 * 1024 * 1024;
  const disk = await statfs(paths.backups);
  const free = disk.bavail * disk.bsize;
  return free > needed ? [] : [`the backup volume has ${Math.round(free / 2 ** 20)} MiB free; a dump and its restore may need ${Math.round(needed / 2 ** 20)} MiB. Free space or move the volume.`];
}

export const preflight: Job = async (context) => {
  if (!(await cutOverIsWanted(context))) return { summary: 'Preflight: no cut-over is wanted.' };
  const { facts, secrets, log } = context;
  return withDatabase(facts, secrets, databases.synapse, async (query) => {
    const [settings] = await query("SELECT current_setting('server_encoding') AS encoding");
    const problems = [
      ...(settings?.['encoding'] === 'UTF8' ? [] : [`the database is encoded as ${String(settings?.['encoding'])}; Synapse and syn2mas need UTF8.`]),
      ...(await strangers(query)).map((who) => `${who} is connected to Synapse's database; a second Synapse would write during the move. Stop it.`),
      ...(await orphans(query)), ...(await foreignNames(query, facts.serverName)), ...(await freeSpace(query)),
    ];
    if (problems.length > 0) throw new StepError(`Preflight found ${problems.length} problem(s); nothing was changed.\n${problems.map((problem) => `- ${problem}`).join('\n')}`, { problems });
    const losses = await expectedLosses(query);
    for (const loss of losses) log(`expected loss: ${loss.class} ${loss.count}: ${loss.users.join(', ')}`);
    const bridges = await appserviceLogins(query);
    for (const line of bridges) log(line);
    return { summary: `Preflight: nothing stands in the way; ${losses.reduce((sum, loss) => sum + loss.count, 0)} expected losses in ${losses.length} classes.`, detail: { losses, bridges } };
  });
};
