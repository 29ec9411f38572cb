/**
 * A staging stack takes prod's data out of prod's newest verified backup, and makes sure that it can never act as prod: every
 * token is minted anew and whatever waits to leave the server is emptied, before the first Synapse of this stack starts.
 */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { databases, roles } from '../../model/names.ts';
import type { Job, JobContext } from '../context.ts';
import { StepError } from '../contract.ts';
import { withDatabase } from '../databases.ts';
import { append, read } from '../ledger.ts';
import { demandEmpty, forgetOneTimeKeys, restoreDump } from '../restore.ts';

/** Where the mirrored stack's backup volume is mounted in the job, read-only. */
export const mirroredBackups = '/mirrored';

interface Manifest {
  readonly id: string;
  readonly serverName: string;
  readonly epoch: number;
  readonly phase: string;
  readonly dumps: readonly { readonly database: string; readonly file: string }[];
}

/** The newest backup that counts: a directory with a manifest (an unproved one never gets its final name). */
async function newest(of: string): Promise<Manifest> {
  const names = (await readdir(mirroredBackups)).filter((name) => /^\d{8}T\d{6}Z$/.test(name)).sort();
  const last = names.at(-1);
  if (last === undefined) throw new StepError(`Stack ${of} has no verified backup; a mirror is made from the newest one. Type matrix-stack backup ${of}`);
  return JSON.parse(await readFile(join(mirroredBackups, last, 'manifest.json'), 'utf8')) as Manifest;
}

/** Tables of things that wait to leave the server, or that somebody outside was sent (synapse/storage/schema). */
const outgoing = ['pushers', 'application_services_txns', 'destinations', 'destination_rooms', 'device_federation_outbox', 'device_lists_outbound_pokes',
  'federation_stream_position', 'threepid_validation_token', 'threepid_validation_session', 'open_id_tokens', 'login_tokens', 'ui_auth_sessions_credentials', 'ui_auth_sessions_ips', 'ui_auth_sessions', 'delayed_events'] as const;

/** Rows that Synapse wants to find again after its table was emptied (synapse/storage/schema/main/full_schemas). */
const refill: { readonly [table: string]: string } = { federation_stream_position: "INSERT INTO federation_stream_position (type, stream_id, instance_name) VALUES ('federation', -1, 'master'), ('events', -1, 'master')" };

/** @returns what was done, in counts. */
async function mintAnew({ facts, secrets }: JobContext): Promise<{ [what: string]: number }> {
  return withDatabase(facts, secrets, databases.synapse, async (query) => {
    const done: { [what: string]: number } = {};
    await query('BEGIN');
    await query(`SET LOCAL ROLE ${roles.synapseOwner}`);
    for (const [table, column] of [['access_tokens', 'token'], ['refresh_tokens', 'token']] as const) {
      const [row] = await query(`WITH minted AS (UPDATE ${table} SET ${column} = 'syt_' || encode(sha256(convert_to($1 || ${column}, 'UTF8')), 'hex') RETURNING 1) SELECT count(*)::int AS n FROM minted`, [secrets.probeKey]);
      done[table] = Number(row?.['n']);
    }
    for (const table of outgoing) {
      const [present] = await query('SELECT to_regclass($1) IS NOT NULL AS present', [`public.${table}`]);
      if (present?.['present'] !== true) continue;
      const [row] = await query(`WITH gone AS (DELETE FROM ${table} RETURNING 1) SELECT count(*)::int AS n FROM gone`);
      done[table] = Number(row?.['n']);
      const again = refill[table];
      if (again !== undefined) await query(again);
    }
    await query('COMMIT');
    return done;
  });
}

export const mirror: Job = async (context) => {
  const { facts, secrets, wanted, options, log } = context;
  const ledger = await withDatabase(facts, secrets, databases.synapse, read);
  if (ledger.phase !== 'empty') return { summary: `Mirror: made before, phase ${ledger.phase}.` };
  const { of, volume } = options['mirror'] as { readonly of: string; readonly volume: string };
  const manifest = await newest(of);
  if (manifest.serverName !== facts.serverName) throw new StepError(`The backup of ${of} is of "${manifest.serverName}", this stack is "${facts.serverName}"; a mirror keeps the server name. Type pulumi config set matrix:serverName ${manifest.serverName}`);
  if (manifest.phase !== 'legacy') throw new StepError(`The newest backup of ${of} was made in phase ${manifest.phase}; a rehearsal begins in phase legacy.`);
  const done = await withDatabase(facts, secrets, databases.synapse, (query) => query("SELECT FROM matrix_stack.ledger WHERE result = 'adopted'"));
  if (done.length === 0) {
    await demandEmpty(context);
    await restoreDump(context, volume, `${manifest.id}/synapse.dump`);
    await forgetOneTimeKeys(context);
    const minted = await mintAnew(context);
    for (const [what, count] of Object.entries(minted).filter(([, n]) => n > 0)) log(`${what}: ${count} made new or emptied`);
    await withDatabase(facts, secrets, databases.synapse, (query) => append(query, { epoch: 0, move: 'adopt', from: 'empty', to: wanted, attempt: ledger.attempt, modelDigest: facts.modelDigest, result: 'adopted',
      detail: { mirrorOf: of, backup: manifest.id, minted } }));
  }
  return { summary: `Mirror of ${of} made from backup ${manifest.id}.`, detail: { backup: manifest.id } };
};
