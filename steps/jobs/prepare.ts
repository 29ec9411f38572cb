/** Makes the databases, roles and the ledger, and lets exactly the roles of the live side log in. Idempotent. */
import { databases, roles } from '../../model/names.ts';
import type { LedgerPhase } from '../../model/moves.ts';
import type { Job } from '../context.ts';
import type { RunnerSecrets } from '../contract.ts';
import { StepError } from '../contract.ts';
import { awaitServer, databaseExists, literal, withDatabase } from '../databases.ts';
import type { Query } from '../databases.ts';
import { ledgerDdl, readPeople } from '../ledger-sql.ts';
import { read } from '../ledger.ts';
import { prepareMasDatabase } from '../mas-database.ts';
import { allowOnly, loginsOf } from '../roles.ts';
import type { LoginRole } from '../roles.ts';
import { settle } from '../settle.ts';

/** Which owners a login role acts as, by database. */
const actsAs: { readonly [R in LoginRole]: { readonly [database: string]: string } } = {
  synapse_legacy: { synapse: roles.synapseOwner },
  synapse_delegated: { synapse: roles.synapseOwner },
  mas: { mas: roles.masOwner },
  syn2mas: { synapse: roles.synapseOwner, mas: roles.masOwner },
  ledger: {},
};

async function makeRoles(query: Query, secrets: RunnerSecrets): Promise<void> {
  const existing = new Set((await query('SELECT rolname FROM pg_roles')).map((row) => String(row['rolname'])));
  for (const owner of [roles.synapseOwner, roles.masOwner]) if (!existing.has(owner)) await query(`CREATE ROLE ${owner} NOLOGIN`);
  for (const [role, password] of Object.entries(secrets.roles) as [LoginRole, string][]) {
    if (!existing.has(role)) await query(`CREATE ROLE ${role} ${role === 'ledger' ? 'LOGIN' : 'NOLOGIN'}`);
    await query(`ALTER ROLE ${role} PASSWORD ${literal(password)}`);
    for (const owner of Object.values(actsAs[role])) await query(`GRANT ${owner} TO ${role}`);
  }
}

/** Databases with the locale that Synapse demands (synapse/storage/engines/postgres.py); MAS takes the same. */
async function makeDatabases(query: Query): Promise<void> {
  for (const [database, owner] of [[databases.synapse, roles.synapseOwner], [databases.mas, roles.masOwner]] as const) {
    if (!(await databaseExists(query, database))) {
      await query(`CREATE DATABASE ${database} OWNER ${owner} ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0`);
    }
    await query(`REVOKE CONNECT ON DATABASE ${database} FROM PUBLIC`);
    await query(`GRANT CONNECT ON DATABASE ${database} TO ${owner}, ${roles.ledger}`);
  }
  for (const [role, owners] of Object.entries(actsAs)) {
    for (const [database, owner] of Object.entries(owners)) {
      await query(`GRANT CONNECT ON DATABASE ${database} TO ${role}`);
      await query(`ALTER ROLE ${role} IN DATABASE ${database} SET role TO ${owner}`);
    }
  }
}

const sideOf = (phase: LedgerPhase): keyof typeof loginsOf => (phase === 'empty' ? 'none' : phase === 'legacy' ? 'legacy' : 'delegated');

export const prepare: Job = async (context) => {
  const { facts, secrets, log } = context;
  await awaitServer(facts, secrets);
  await withDatabase(facts, secrets, 'postgres', async (query) => {
    const [version] = await query('SHOW server_version_num');
    const major = Math.floor(Number(version?.['server_version_num']) / 10_000);
    if (major < 14) throw new StepError(`PostgreSQL is version ${major}; Synapse needs 14 or newer. Upgrade the server first.`);
    await makeRoles(query, secrets);
    await makeDatabases(query);
  });
  await withDatabase(facts, secrets, databases.synapse, async (query) => {
    await query(`ALTER SCHEMA public OWNER TO ${roles.synapseOwner}`);
    await query(ledgerDdl);
    const [tables] = await query("SELECT to_regclass('public.users') IS NOT NULL AS present");
    if (tables?.['present'] === true) {
      const people = (await query(readPeople))[0]?.['people'] as { users: number; serverName: string | null };
      if (people.serverName !== null && people.serverName !== facts.serverName) {
        throw new StepError(`The database holds people of "${people.serverName}", the stack is "${facts.serverName}"; a server name can never change. Type pulumi config set matrix:serverName ${people.serverName}`);
      }
    }
  });
  const ledger = await settle(context, async ({ connection: { query } }) => {
    const found = await read(query);
    await allowOnly(query, loginsOf[sideOf(found.phase)]);
    await withDatabase(facts, secrets, databases.mas, (mas) => prepareMasDatabase(mas, found.incarnation, found.epoch));
    return found;
  });
  log(`databases, roles and ledger are there; phase ${ledger.phase}, move ${ledger.epoch}`);
  return { summary: `Database ready: phase ${ledger.phase}, move ${ledger.epoch}.`, detail: { phase: ledger.phase, epoch: ledger.epoch } };
};
