/**
 * What going back to the legacy login loses: things that only MAS knows. Hashes and e-mail addresses are carried back and
 * are no loss. One SQL statement on MAS's database, shared by the preview's read and the switch.
 */

/**
 * Classes: `sessions` made at MAS since the move (their owners log in again), `ended-sessions` (devices that MAS has
 * removed stay removed), `links` to upstream accounts made at MAS, `unhashed` (people whose password cannot go back
 * because it is not bcrypt). $1: time of the move that opened (timestamptz).
 */
export const rollbackLosses = `
WITH since AS (SELECT $1::timestamptz AS at),
found AS (
  SELECT 'sessions' AS class, u.username FROM oauth2_sessions s JOIN users u USING (user_id), since WHERE s.finished_at IS NULL AND s.created_at > since.at
  UNION ALL
  SELECT 'sessions', u.username FROM compat_sessions s JOIN users u USING (user_id), since WHERE s.finished_at IS NULL
    AND EXISTS (SELECT FROM compat_access_tokens t WHERE t.compat_session_id = s.compat_session_id AND t.access_token LIKE 'mct\\_%')
    AND NOT EXISTS (SELECT FROM compat_access_tokens t WHERE t.compat_session_id = s.compat_session_id AND t.access_token NOT LIKE 'mct\\_%')
  UNION ALL
  SELECT 'links', u.username FROM upstream_oauth_links l JOIN users u USING (user_id), since WHERE l.created_at > since.at
  UNION ALL
  SELECT 'unhashed', u.username FROM users u JOIN LATERAL (
    SELECT version FROM user_passwords p WHERE p.user_id = u.user_id ORDER BY p.created_at DESC LIMIT 1) p ON p.version <> 1
)
SELECT class, count(*)::int AS count, (array_agg(DISTINCT username ORDER BY username))[1:20] AS users FROM found GROUP BY class ORDER BY class`;
