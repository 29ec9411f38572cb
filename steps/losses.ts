/**
 * What a cut-over is expected to lose, computed from Synapse's database alone by the rules of syn2mas
 * (MAS v1.22.0: crates/syn2mas/src/migration.rs and synapse_reader/mod.rs). Shared by the preview's read, preflight and probes.
 */
import type { Loss } from '../model/moves.ts';

export const lossClasses = ['deactivated', 'locked', 'guests', 'appserviceLogins', 'adminPuppets', 'missingDevices', 'usedUp', 'expired', 'otherContacts'] as const;
export type LossClass = (typeof lossClasses)[number];

/** What each class counts and why it is lost, for people. */
export const lossReasons: { readonly [C in LossClass]: string } = {
  deactivated: 'sessions left over from people who were deactivated; MAS takes none of them',
  locked: 'sessions of locked people; MAS keeps but refuses them, and clients take that for a sign-out',
  guests: 'guest sessions; MAS has no guests',
  appserviceLogins: "logins of a bridge's own users; the bridge's token itself goes on",
  adminPuppets: 'tokens by which an administrator acts as somebody else; MAS has no such tokens',
  missingDevices: 'tokens whose device does not exist any more',
  usedUp: 'tokens that were refreshed already and whose successor is in use',
  expired: 'tokens that have run out by themselves',
  otherContacts: 'telephone numbers and other contacts that are no e-mail address; MAS does not use them',
};

/**
 * Every access token of Synapse with the class by which it is lost, null where it lives on. The first rule that fits counts.
 * `refreshable` pairs live on through their refresh token even when the access token has run out.
 */
export const classifiedTokens = `
SELECT t.id, t.user_id, t.device_id, t.refresh_token_id IS NOT NULL AS refreshable,
  CASE
    WHEN t.puppets_user_id IS NOT NULL THEN 'adminPuppets'
    WHEN u.appservice_id IS NOT NULL THEN 'appserviceLogins'
    WHEN u.is_guest = 1 THEN 'guests'
    WHEN u.deactivated = 1 THEN 'deactivated'
    WHEN t.device_id IS NOT NULL AND d.device_id IS NULL THEN 'missingDevices'
    WHEN t.refresh_token_id IS NOT NULL AND (r.id IS NULL OR successor.used) THEN 'usedUp'
    WHEN t.refresh_token_id IS NULL AND t.valid_until_ms <= extract(epoch FROM now()) * 1000 THEN 'expired'
    WHEN u.locked THEN 'locked'
  END AS class
FROM access_tokens t
JOIN users u ON u.name = t.user_id
LEFT JOIN devices d ON d.user_id = t.user_id AND d.device_id = t.device_id
LEFT JOIN refresh_tokens r ON r.id = t.refresh_token_id AND r.user_id = t.user_id AND r.device_id = t.device_id
LEFT JOIN LATERAL (SELECT bool_or(s.used) AS used FROM access_tokens s WHERE s.refresh_token_id = r.next_token_id) successor ON true`;

/** One row a class: `class`, `count`, `users` (localparts, sorted, 20 at most). No parameters. */
export const lossesSql = `
WITH lost AS (
  SELECT class, user_id FROM (${classifiedTokens}) tokens WHERE class IS NOT NULL
  UNION ALL
  SELECT 'otherContacts', c.user_id FROM user_threepids c JOIN users u ON u.name = c.user_id WHERE c.medium <> 'email' AND u.appservice_id IS NULL
)
SELECT class, count(*)::int AS count,
  (array_agg(DISTINCT substr(split_part(user_id, ':', 1), 2) ORDER BY substr(split_part(user_id, ':', 1), 2)))[1:20] AS users
FROM lost GROUP BY class ORDER BY class`;

type Query = (text: string) => Promise<Record<string, unknown>[]>;

/** @param query runs SQL on Synapse's database. @returns classes with at least one loss, in the order of {@link lossClasses}. */
export async function expectedLosses(query: Query): Promise<Loss[]> {
  const rows = await query(lossesSql);
  return lossClasses.flatMap((name) => {
    const row = rows.find((found) => found['class'] === name);
    return row === undefined ? [] : [{ class: name, count: Number(row['count']), users: (row['users'] as readonly string[]) }];
  });
}
