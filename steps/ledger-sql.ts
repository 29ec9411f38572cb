/** Tables of the ledger and the one query that reads it. SQL only: shared by the preview's read (psql) and by jobs (pg). */
import { ledgerSchema } from '../model/names.ts';

/** Advisory lock that every job holds while it works: one at a time on a database, whoever started it. */
export const switchLock = 0x6d747831; // "mtx1"

/** How the connection that holds the lock calls itself: `JOB by USER@HOST`. */
export const lockHolder = `SELECT a.application_name AS who FROM pg_locks l JOIN pg_stat_activity a USING (pid)
  WHERE l.locktype = 'advisory' AND l.objid = ${switchLock} AND l.granted AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())`;

/** Append-only ledger in Synapse's database. Idempotent. */
export const ledgerDdl = `
CREATE SCHEMA IF NOT EXISTS ${ledgerSchema};
CREATE TABLE IF NOT EXISTS ${ledgerSchema}.incarnation (id uuid PRIMARY KEY, at timestamptz NOT NULL DEFAULT now());
INSERT INTO ${ledgerSchema}.incarnation (id) SELECT gen_random_uuid() WHERE NOT EXISTS (SELECT FROM ${ledgerSchema}.incarnation);
CREATE TABLE IF NOT EXISTS ${ledgerSchema}.ledger (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  at timestamptz NOT NULL DEFAULT clock_timestamp(),
  epoch integer NOT NULL,
  move text NOT NULL,
  from_phase text NOT NULL,
  to_phase text NOT NULL,
  attempt integer NOT NULL DEFAULT 0,
  model_digest text NOT NULL,
  result text NOT NULL CHECK (result IN ('started', 'opened', 'returned', 'finished', 'undone', 'measured', 'converged', 'backup', 'evidence', 'probes', 'adopted')),
  detail jsonb NOT NULL DEFAULT '{}'
);
-- One start, one decision and one end for each try of a move: whoever comes second is refused by the index.
CREATE UNIQUE INDEX IF NOT EXISTS one_start ON ${ledgerSchema}.ledger (epoch, attempt) WHERE result = 'started';
CREATE UNIQUE INDEX IF NOT EXISTS one_decision ON ${ledgerSchema}.ledger (epoch, attempt) WHERE result IN ('opened', 'returned');
CREATE UNIQUE INDEX IF NOT EXISTS one_end ON ${ledgerSchema}.ledger (epoch, attempt) WHERE result IN ('finished', 'undone');
`;

/** Anchor in MAS's database: the same incarnation and last move. Idempotent. */
export const anchorDdl = `
CREATE SCHEMA IF NOT EXISTS ${ledgerSchema};
CREATE TABLE IF NOT EXISTS ${ledgerSchema}.anchor (one boolean PRIMARY KEY DEFAULT true CHECK (one), incarnation uuid NOT NULL, epoch integer NOT NULL);
`;

/**
 * One JSON document about the ledger. `opened` decides where the data is; `returned` rows since then are the attempts.
 * A try is unfinished from its `started` row to its `finished` or `undone` row.
 */
export const readLedger = `
WITH l AS (SELECT * FROM ${ledgerSchema}.ledger),
live AS (SELECT * FROM l WHERE result = 'opened' ORDER BY id DESC LIMIT 1),
unfinished AS (
  SELECT s.*, (SELECT d.result FROM l d WHERE d.epoch = s.epoch AND d.attempt = s.attempt AND d.result IN ('opened', 'returned')) AS decision
  FROM l s WHERE s.result = 'started'
    AND NOT EXISTS (SELECT FROM l e WHERE e.epoch = s.epoch AND e.attempt = s.attempt AND e.result IN ('finished', 'undone'))
  ORDER BY s.id DESC LIMIT 1),
good AS (SELECT * FROM l WHERE result IN ('finished', 'converged') ORDER BY id DESC LIMIT 1)
SELECT json_build_object(
  'incarnation', (SELECT id FROM ${ledgerSchema}.incarnation ORDER BY at DESC LIMIT 1),
  'phase', coalesce((SELECT to_phase FROM live), 'empty'),
  'epoch', coalesce((SELECT epoch FROM live), 0),
  'attempt', (SELECT count(*) FROM l WHERE result = 'undone' AND id > coalesce((SELECT id FROM live), 0)),
  'openedAttempt', coalesce((SELECT attempt FROM live), 0),
  'unfinished', (SELECT json_build_object('epoch', epoch, 'move', move, 'from', from_phase, 'to', to_phase, 'holder', coalesce(detail->>'holder', 'unknown'),
     'since', to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'), 'decision', decision, 'attempt', attempt) FROM unfinished),
  'lastConverged', (SELECT model_digest FROM good),
  'lastMove', (SELECT json_build_object('epoch', epoch, 'move', move, 'at', to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'), 'detail',
     coalesce((SELECT m.detail FROM l m WHERE m.epoch = live.epoch AND m.attempt = live.attempt AND m.result = 'measured' LIMIT 1), '{}'::jsonb)) FROM live),
  'evidence', (SELECT json_build_object('digest', detail->>'digest', 'age', extract(epoch FROM clock_timestamp() - at)::int)
     FROM l WHERE result = 'evidence' AND (detail->>'green')::boolean ORDER BY id DESC LIMIT 1)
) AS reading`;

/** People of Synapse's database: how many (without appservice users) and of which server: that of most, preflight names the others. */
export const readPeople = `
SELECT json_build_object('users', count(*) FILTER (WHERE appservice_id IS NULL),
  'serverName', mode() WITHIN GROUP (ORDER BY split_part(name, ':', 2) || CASE WHEN name LIKE '%:%:%' THEN ':' || split_part(name, ':', 3) ELSE '' END)) AS people FROM users`;
