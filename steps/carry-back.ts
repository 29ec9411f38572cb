/**
 * Carries passwords and e-mail addresses from MAS back into Synapse's tables, in batches, so that memory stays flat.
 * A hash goes back only when it is bcrypt (MAS scheme 1), which is why argon2id waits for `committed`. Idempotent.
 */
import { databases } from '../model/names.ts';
import type { JobContext } from './context.ts';
import { withDatabase } from './databases.ts';

/** People a batch; one round trip each way. */
const batch = 5000;

/** Latest password of each person; the version says which scheme made it. */
const passwordsFrom = `
SELECT u.user_id, u.username, p.hashed_password FROM users u
LEFT JOIN LATERAL (SELECT hashed_password, version FROM user_passwords p WHERE p.user_id = u.user_id ORDER BY p.created_at DESC, p.user_password_id DESC LIMIT 1) p ON p.version = 1
WHERE u.user_id > $1 ORDER BY u.user_id LIMIT ${batch}`;

const emailsOf = `SELECT u.username, e.email, (extract(epoch FROM e.created_at) * 1000)::bigint AS at FROM user_emails e JOIN users u USING (user_id) WHERE u.user_id = ANY($1)`;

const setHashes = `
WITH v AS (SELECT * FROM unnest($1::text[], $2::text[]) AS v(name, hash)),
done AS (UPDATE users SET password_hash = v.hash FROM v WHERE users.name = v.name AND users.password_hash IS DISTINCT FROM v.hash RETURNING 1)
SELECT count(*)::int AS n FROM done`;

const addEmails = `
WITH v AS (SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[]) AS v(name, address, at)),
done AS (INSERT INTO user_threepids (user_id, medium, address, validated_at, added_at)
  SELECT v.name, 'email', lower(v.address), v.at, v.at FROM v JOIN users ON users.name = v.name
  WHERE NOT EXISTS (SELECT FROM user_threepids t WHERE t.medium = 'email' AND t.address = lower(v.address)) RETURNING 1)
SELECT count(*)::int AS n FROM done`;

/** @returns how many of each were written. */
export function carryBack({ facts, secrets }: JobContext): Promise<{ [what: string]: number }> {
  return withDatabase(facts, secrets, databases.mas, (mas) => withDatabase(facts, secrets, databases.synapse, async (synapse) => {
    const carried = { passwords: 0, emails: 0 };
    for (let after = '00000000-0000-0000-0000-000000000000'; ;) {
      const people = await mas(passwordsFrom, [after]);
      if (people.length === 0) return carried;
      const name = (username: unknown): string => `@${String(username)}:${facts.serverName}`;
      const hashed = people.filter((person) => person['hashed_password'] !== null);
      const [hashes] = await synapse(setHashes, [hashed.map((person) => name(person['username'])), hashed.map((person) => person['hashed_password'])]);
      const emails = await mas(emailsOf, [people.map((person) => person['user_id'])]);
      const [added] = await synapse(addEmails, [emails.map((email) => name(email['username'])), emails.map((email) => email['email']), emails.map((email) => email['at'])]);
      carried.passwords += Number(hashes?.['n']);
      carried.emails += Number(added?.['n']);
      after = String(people.at(-1)?.['user_id']);
    }
  }));
}
