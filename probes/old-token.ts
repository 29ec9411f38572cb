import { ProbeFailure } from './contract.ts';
import type { Probe } from './contract.ts';
import { onlyInJobs } from './expect.ts';
import { probePeoplePattern } from './people.ts';
import { expectWhoami } from './session.ts';

/**
 * Sessions of Synapse that outlive a move, the probe person's first: asking with somebody else's token marks their device as seen.
 * $1: pattern of the probe people's user ids; $2: how many.
 */
export const liveOldTokens = `
SELECT t.token, t.user_id, t.device_id, (t.user_id LIKE $1) AS ours
FROM access_tokens t JOIN devices d USING (user_id, device_id) JOIN users u ON u.name = t.user_id
WHERE t.puppets_user_id IS NULL AND t.refresh_token_id IS NULL AND NOT d.hidden AND t.device_id <> 'guest_device'
  AND (t.valid_until_ms IS NULL OR t.valid_until_ms > extract(epoch FROM now()) * 1000 + 60000)
  AND u.appservice_id IS NULL AND u.deactivated = 0 AND u.is_guest = 0 AND u.locked IS NOT TRUE
ORDER BY ours DESC, t.last_validated DESC NULLS LAST, t.id DESC LIMIT $2`;

/**
 * A session from before the move still works. The token goes from SQL to the header and nowhere else.
 * Where the probe person has no such session, one of three other people's must work: in a stack that moved long ago
 * Synapse may still list sessions that MAS has ended.
 */
export const oldToken: Probe = {
  id: 'P25',
  title: 'sessions from before the move',
  classes: ['gate', 'steady'],
  phases: ['legacy', 'delegated'],
  async run(context) {
    if (context.sql === undefined) return onlyInJobs("Synapse's database");
    const rows = await context.sql.synapse(liveOldTokens, [`@${probePeoplePattern}`, 3]);
    if (rows.length === 0) return 'nobody has a session from before: nothing to continue';
    const tried = rows[0]?.['ours'] === true ? rows.slice(0, 1) : rows;
    let first = new ProbeFailure('no old session was tried');
    for (const [index, row] of tried.entries()) {
      try {
        await expectWhoami(context, { userId: String(row['user_id']), deviceId: String(row['device_id']), accessToken: String(row['token']) }, 'an old token');
        return `an old session of ${row['ours'] === true ? 'the probe person' : 'a person'} answers with its device`;
      } catch (error) {
        if (!(error instanceof ProbeFailure)) throw error;
        if (index === 0) first = error;
      }
    }
    throw first;
  },
};
