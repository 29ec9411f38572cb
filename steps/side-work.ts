/** What each move does with the data while the edge is closed, and after it opened. */
import { databases } from '../model/names.ts';
import type { JobContext } from './context.ts';
import { StepError } from './contract.ts';
import { databaseExists, withDatabase } from './databases.ts';
import { createOneShot, remove, runOneShot } from './docker-api.ts';
import { read } from './ledger.ts';
import type { SwitchHold, Try } from './move.ts';
import { anchoredEpoch, prepareMasDatabase, putAside } from './mas-database.ts';
import type { LoginRole } from './roles.ts';
import { firstError } from './syn2mas-report.ts';
import { syn2masTool } from './tools.ts';
import { carryBack } from './carry-back.ts';

export interface ClosedWork {
  /** Before the edge closes: whatever can be made ready. */
  readonly before: () => Promise<void>;
  /** Logins that the work needs; all others are revoked. */
  readonly logins: readonly LoginRole[];
  readonly data: (hold: SwitchHold) => Promise<void>;
  readonly report: () => { readonly [key: string]: unknown };
}

const nothing: ClosedWork = { before: async () => {}, logins: [], data: async () => {}, report: () => ({}) };

export async function whileClosed(context: JobContext, current: Try): Promise<ClosedWork> {
  switch (current.move) {
    case 'cut-over':
      return migrate(context);
    case 'rollback':
      return goBack(context);
    default:
      return nothing;
  }
}

/** syn2mas with its traps: an exit code 0 is not trusted, constraints left off and missing people are looked for. */
function migrate(context: JobContext): ClosedWork {
  const { facts, secrets } = context;
  const tool = syn2masTool(facts, 'syn2mas-migrate', ['migrate']);
  let people = 0;
  return {
    before: () => createOneShot(tool),
    logins: ['syn2mas'],
    data: async (hold) => {
      const result = await runOneShot(tool.name, facts.switchTimeout * 1000);
      if (result.exitCode !== 0) {
        throw new StepError(`syn2mas migrate failed (exit code ${result.exitCode}): ${firstError(`${result.stdout}\n${result.stderr}`)}`);
      }
      await remove(tool.name);
      const [expected] = await hold.connection.query('SELECT count(*)::int AS n FROM users WHERE appservice_id IS NULL');
      people = await withDatabase(facts, secrets, databases.mas, async (query) => {
        const [half] = await query("SELECT to_regclass('syn2mas_restore_constraints') IS NOT NULL OR to_regclass('syn2mas_restore_indices') IS NOT NULL AS half");
        if (half?.['half'] === true) throw new StepError('syn2mas left its restore tables behind; expected none. The MAS database would refuse logins.');
        return Number((await query('SELECT count(*)::int AS n FROM users'))[0]?.['n']);
      });
      if (people !== Number(expected?.['n'])) throw new StepError(`MAS has ${people} people after the migration, Synapse has ${String(expected?.['n'])} without appservice users; expected the same number.`);
      context.log(`${people} people migrated`);
    },
    report: () => ({ people }),
  };
}

function goBack(context: JobContext): ClosedWork {
  let carried: { [key: string]: number } = {};
  return {
    ...nothing,
    data: async () => {
      carried = await carryBack(context);
      context.log(`carried back: ${carried['passwords'] ?? 0} passwords, ${carried['emails'] ?? 0} e-mail addresses`);
    },
    report: () => ({ carried }),
  };
}

/** After a rollback MAS's database is put aside under the move's number and an empty one is made. Idempotent, wherever it was killed. */
export async function afterOpen(context: JobContext, current: Try): Promise<void> {
  if (current.move !== 'rollback') return;
  const { facts, secrets } = context;
  const ledger = await withDatabase(facts, secrets, databases.synapse, read);
  const present = await withDatabase(facts, secrets, 'postgres', (query) => databaseExists(query, databases.mas));
  if (present && await withDatabase(facts, secrets, databases.mas, anchoredEpoch) >= current.epoch) return;
  const aside = await withDatabase(facts, secrets, 'postgres', (query) => putAside(query, `undone_${current.epoch}`));
  await withDatabase(facts, secrets, databases.mas, (query) => prepareMasDatabase(query, ledger.incarnation, current.epoch));
  context.log(`the MAS database was kept as ${aside}`);
}
