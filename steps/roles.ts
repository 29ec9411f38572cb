/** The database says who may write: a phase is the set of roles that may log in. */
import { databases, roles } from '../model/names.ts';
import type { Query } from './databases.ts';
import { StepError } from './contract.ts';
import { until } from './until.ts';

export type LoginRole = 'synapse_legacy' | 'synapse_delegated' | 'mas' | 'syn2mas' | 'ledger';

/** Roles that change with the phase; `ledger` may always log in. */
const switched: readonly LoginRole[] = ['synapse_legacy', 'synapse_delegated', 'mas', 'syn2mas'];

/** Whose login each live side needs. */
export const loginsOf = { none: [], legacy: ['synapse_legacy'], delegated: ['synapse_delegated', 'mas'] } as const satisfies Record<string, readonly LoginRole[]>;

/**
 * Lets exactly `allowed` of the switched roles log in and ends the connections of the others.
 * NOLOGIN alone leaves open connections alive, hence pg_terminate_backend.
 */
export async function allowOnly(query: Query, allowed: readonly LoginRole[]): Promise<void> {
  for (const role of switched) await query(`ALTER ROLE ${role} ${allowed.includes(role) ? 'LOGIN' : 'NOLOGIN'}`);
  await endConnections(query, switched.filter((role) => !allowed.includes(role)));
}

/** Adds a login without touching the others, for a tool that runs beside the live server. */
export async function allow(query: Query, role: LoginRole): Promise<void> {
  await query(`ALTER ROLE ${role} LOGIN`);
}

export async function revoke(query: Query, role: LoginRole): Promise<void> {
  await query(`ALTER ROLE ${role} NOLOGIN`);
  await endConnections(query, [role]);
}

async function endConnections(query: Query, closed: readonly string[]): Promise<void> {
  let left: Record<string, unknown>[] = [];
  const gone = await until(10_000, 20, async () => {
    // Each time anew: a login that had passed the check before NOLOGIN shows up only now.
    await query('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = ANY($1) AND pid <> pg_backend_pid()', [closed]);
    left = await query('SELECT usename, count(*) AS n FROM pg_stat_activity WHERE usename = ANY($1) GROUP BY 1', [closed]);
    return left.length === 0;
  });
  if (!gone) throw new StepError(`PostgreSQL still has connections of ${left.map((row) => `${String(row['usename'])} (${String(row['n'])})`).join(', ')} 10 s after they were ended; expected none. Look at pg_stat_activity.`);
}

/** Foreign sessions on Synapse's database: whoever is neither a stack role nor this administrator. */
export async function strangers(query: Query): Promise<string[]> {
  const rows = await query(`SELECT DISTINCT usename || ' from ' || coalesce(host(client_addr), 'a local socket') AS who FROM pg_stat_activity
     WHERE datname = $1 AND backend_type = 'client backend' AND usename <> ALL($2) AND usename <> current_user`, [databases.synapse, [...switched, roles.ledger]]);
  return rows.map((row) => String(row['who']));
}
