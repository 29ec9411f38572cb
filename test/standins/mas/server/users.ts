import type pg from 'pg';
import type { UserRow } from './context.ts';

/** A person by name in any letter case; when several names differ only in case, only the exact one counts (crates/storage-pg/src/user/mod.rs `find_by_username`). */
export async function findUser(client: pg.ClientBase | pg.Pool, username: string): Promise<UserRow | undefined> {
  const { rows } = await client.query<UserRow>('select * from users where lower(username) = lower($1)', [username]);
  return rows.length === 1 ? rows[0] : rows.find((row) => row.username === username);
}

interface PasswordRow { readonly user_password_id: string; readonly version: number; readonly hashed_password: string }

/** The password that counts: the newest row. */
export async function currentPassword(client: pg.ClientBase | pg.Pool, userId: string): Promise<PasswordRow | undefined> {
  return (await client.query<PasswordRow>('select * from user_passwords where user_id = $1 order by created_at desc limit 1', [userId])).rows[0];
}
