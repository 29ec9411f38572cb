/** People on a legacy Synapse, as rows: making thousands by registration would take hours of bcrypt. */
import type { TestStack } from '../test/e2e/support/stack.ts';

/** bcrypt, cost 12, as Synapse writes it; nobody logs in with it. */
const hash = '$2b$12$AmMPU0xGlrTz2x943WvFm.mYvxdhLG0H4ONoJ/UCar5hAw0dDf5Mm';

/** Synapse numbers its tokens from the highest one at its start; these lie far above what it gives in a bench. */
const firstToken = 10_000_000;

/** Token of an old session: `syt_` in front makes it one of Synapse's to both servers. */
export const tokenOf = (person: number, device = 1): string => `syt_YmVuY2g_${String(person).padStart(8, '0')}bench${device}_0Fake0`;

/**
 * Makes people `bench1` to `bench<users>` where they are missing, with 1.5 devices and tokens and 0.5 e-mail addresses each.
 * Columns of Synapse 1.163 (synapse/storage/schema/main).
 */
export async function fill(stack: TestStack, users: number, serverName = 'example.test'): Promise<void> {
  const id = `'@bench' || n || ':${serverName}'`;
  const people = `generate_series(1, ${users}) n`;
  // Each has a first device, every other one a second.
  const devices = `${people}, generate_series(1, 2) d WHERE (d = 1 OR n % 2 = 0)`;
  const token = `'syt_YmVuY2g_' || lpad(n::text, 8, '0') || 'bench' || d || '_0Fake0'`;
  await stack.sql('synapse', `BEGIN;
    INSERT INTO users (name, password_hash, creation_ts, admin, is_guest, deactivated, approved) SELECT ${id}, '${hash}', 1600000000 + n, 0, 0, 0, true FROM ${people} ON CONFLICT DO NOTHING;
    INSERT INTO profiles (user_id, displayname, full_user_id) SELECT 'bench' || n, 'Bench ' || n, ${id} FROM ${people} ON CONFLICT DO NOTHING;
    INSERT INTO devices (user_id, device_id, display_name, last_seen, hidden) SELECT ${id}, 'BENCHDEVICE' || d, 'Device ' || d, 1600000000000, false FROM ${devices} ON CONFLICT DO NOTHING;
    INSERT INTO access_tokens (id, user_id, device_id, token, used) SELECT ${firstToken} + 2 * n + d, ${id}, 'BENCHDEVICE' || d, ${token}, true FROM ${devices} ON CONFLICT DO NOTHING;
    INSERT INTO user_threepids (user_id, medium, address, validated_at, added_at) SELECT ${id}, 'email', 'bench' || n || '@example.test', 1600000000000, 1600000000000 FROM ${people} WHERE n % 2 = 0 ON CONFLICT DO NOTHING;
    COMMIT`);
  await stack.sql('synapse', 'ANALYZE');
}
