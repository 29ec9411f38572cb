import { ledgerSchema } from '../model/names.ts';
import { classifiedTokens } from '../steps/losses.ts';
import { ProbeFailure } from './contract.ts';
import type { Probe, ProbeContext } from './contract.ts';
import { onlyInJobs } from './expect.ts';

/** Localparts as MAS must have them; appservice users stay with Synapse. */
const synapsePeople = `SELECT left(substr(name, 2), -length($1::text) - 1) AS name FROM users WHERE appservice_id IS NULL`;
const masPeople = 'SELECT username AS name FROM users';

/** One row: how many, and a digest of the sorted list, so that large lists are compared without being sent. */
const summed = (list: string): string => `SELECT count(*)::int AS n, coalesce(md5(string_agg(name, E'\\n' ORDER BY name COLLATE "C")), '') AS digest FROM (${list}) people`;

const synapseEmails = `SELECT count(*)::int AS n FROM user_threepids t JOIN users u ON u.name = t.user_id WHERE t.medium = 'email' AND u.appservice_id IS NULL`;
const masEmails = 'SELECT count(*)::int AS n FROM user_emails';

/** Sessions that syn2mas takes over, by kind. Locked people's are taken too, and refused. */
const synapseSessions = `
SELECT count(*) FILTER (WHERE NOT refreshable AND device_id IS NOT NULL)::int AS tokens, count(*) FILTER (WHERE refreshable)::int AS pairs
FROM (${classifiedTokens}) tokens WHERE class IS NULL OR class = 'locked'`;

/** Tokens of Synapse in MAS; its own begin with mct_ and mcr_. Ended ones keep their rows for a while, hence "at least". */
const masSessions = `
SELECT (SELECT count(*)::int FROM compat_access_tokens t JOIN compat_sessions s USING (compat_session_id)
    WHERE t.access_token NOT LIKE 'mct\\_%' AND s.device_id IS NOT NULL
      AND NOT EXISTS (SELECT FROM compat_refresh_tokens r WHERE r.compat_access_token_id = t.compat_access_token_id)) AS tokens,
  (SELECT count(*)::int FROM compat_refresh_tokens WHERE refresh_token NOT LIKE 'mcr\\_%') AS pairs`;

/** The move that made the live side, and its age in days. */
const movedSql = `SELECT move, to_phase, extract(epoch FROM now() - at) / 86400 AS days FROM ${ledgerSchema}.ledger WHERE result = 'opened' ORDER BY id DESC LIMIT 1`;
/** Days after a cut-over in which sessions are compared; MAS removes the rows of ended ones later. */
const comparableDays = 7;

/**
 * Everybody that Synapse knows, MAS knows, and the reverse; and right after a cut-over their addresses and sessions came along.
 * The expected losses are those of steps/losses.ts: whatever it does not name must be there.
 */
export const parity: Probe = {
  id: 'P26',
  title: 'people, addresses and sessions on both sides',
  classes: ['gate', 'steady'],
  phases: ['delegated'],
  async run({ sql, facts }) {
    if (sql === undefined) return onlyInJobs('the databases');
    const [[synapse], [mas]] = await Promise.all([sql.synapse(summed(synapsePeople), [facts.serverName]), sql.mas(summed(masPeople))]);
    if (synapse?.['digest'] !== mas?.['digest']) throw new ProbeFailure(await differingPeople(sql, facts.serverName));
    const people = `${Number(synapse?.['n'])} people`;
    if (!(await movedLately(sql))) return `${people} on both sides`;
    const [[emailsThere], [emailsHere], [expected], [found]] = await Promise.all([sql.synapse(synapseEmails), sql.mas(masEmails), sql.synapse(synapseSessions), sql.mas(masSessions)]);
    const emails = Number(emailsHere?.['n']);
    if (emails !== Number(emailsThere?.['n'])) throw new ProbeFailure(`MAS has ${emails} e-mail addresses, Synapse ${Number(emailsThere?.['n'])}; expected the same number`);
    for (const [kind, name] of [['tokens', 'access tokens'], ['pairs', 'refreshable sessions']] as const) {
      const there = Number(expected?.[kind]);
      const here = Number(found?.[kind]);
      if (here < there) throw new ProbeFailure(`MAS has ${here} ${name} of Synapse; expected ${there}: all but the expected losses`);
    }
    return `${people}, ${emails} e-mail addresses, ${Number(expected?.['tokens'])} access tokens and ${Number(expected?.['pairs'])} refreshable sessions on both sides`;
  },
};

type Sql = NonNullable<ProbeContext['sql']>;

/** @returns a sentence with up to five names that only one side has. */
async function differingPeople(sql: Sql, serverName: string): Promise<string> {
  const names = async (rows: Promise<Record<string, unknown>[]>): Promise<Set<string>> => new Set((await rows).map((row) => String(row['name'])));
  const [synapse, mas] = await Promise.all([names(sql.synapse(synapsePeople, [serverName])), names(sql.mas(masPeople))]);
  const only = (here: Set<string>, there: Set<string>): string => {
    const found = [...here].filter((name) => !there.has(name)).sort();
    return found.length === 0 ? 'nobody' : `${found.slice(0, 5).join(', ')}${found.length > 5 ? ` and ${found.length - 5} more` : ''}`;
  };
  return `Synapse has ${synapse.size} people and MAS ${mas.size}; expected the same. Only Synapse has ${only(synapse, mas)}; only MAS has ${only(mas, synapse)}`;
}

async function movedLately(sql: Sql): Promise<boolean> {
  const [ledger] = await sql.synapse('SELECT to_regclass($1) IS NOT NULL AS present', [`${ledgerSchema}.ledger`]);
  if (ledger?.['present'] !== true) return true;
  const [moved] = await sql.synapse(movedSql);
  // Still legacy by the ledger: this is the gate of a cut-over, whose row is written when it opens.
  if (moved === undefined || moved['to_phase'] === 'legacy') return true;
  return moved['move'] === 'cut-over' && Number(moved['days']) < comparableDays;
}
