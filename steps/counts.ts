/** Rows of every table of a database, as one JSON object: what a backup promises and a restore must show. */

/** Exact counts by query_to_xml, so that one statement covers tables whose names it does not know. */
export const countTables = `
SELECT coalesce(json_object_agg(t, n), '{}') AS counts FROM (
  SELECT format('%I.%I', schemaname, tablename) AS t,
    (xpath('/row/c/text()', query_to_xml(format('SELECT count(*) AS c FROM %I.%I', schemaname, tablename), false, true, '')))[1]::text::bigint AS n
  FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')) s`;

/**
 * Left out of dumps: keys that were handed out once must not be handed out again after a restore
 * (Synapse docs/usage/administration/backups.md).
 */
export const neverDumped = 'e2e_one_time_keys_json';

export type Counts = { readonly [table: string]: number };

/** @returns one line for each table whose count differs. */
export function differences(expected: Counts, found: Counts): string[] {
  return [...new Set([...Object.keys(expected), ...Object.keys(found)])].filter((table) => !table.endsWith(neverDumped) && expected[table] !== found[table])
    .map((table) => `${table}: ${expected[table] ?? 'absent'} in the dump, ${found[table] ?? 'absent'} restored`);
}
