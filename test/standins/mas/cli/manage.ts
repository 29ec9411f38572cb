import type pg from 'pg';
import { databaseConfig, matrixConfig, passwordsConfig } from '../config/config.ts';
import { loadSchemes, trimmedSecret } from '../config/secrets.ts';
import type { ConfigValue } from '../config/value.ts';
import { connectMas, inTransaction } from '../db/connect.ts';
import { newId, ulidOf, uuidOf } from '../db/ids.ts';
import type { UserRow } from '../server/context.ts';
import { Homeserver } from '../server/homeserver.ts';
import { isComplexEnough, Passwords } from '../server/passwords.ts';
import { schedule } from '../server/queue.ts';
import { alphanumeric, newToken } from '../server/tokens.ts';
import { findUser } from '../server/users.ts';
import type { Command, Parsed } from './args.ts';
import { CommandError } from './errors.ts';
import { log } from './log.ts';

const TARGET = 'mas_cli::commands::manage';
const SWITCH = { kind: 'switch' } as const;

/** Commands under `manage`, with the flags of crates/cli/src/commands/manage.rs. Questions are never asked: `register-user` needs `--yes`. */
export const MANAGE_COMMANDS: readonly Command[] = [
  { words: ['manage', 'add-email'], flags: {}, positionals: ['USERNAME', 'EMAIL'] },
  { words: ['manage', 'set-password'], flags: { 'ignore-complexity': SWITCH }, positionals: ['USERNAME', 'PASSWORD'] },
  { words: ['manage', 'promote-admin'], flags: {}, positionals: ['USERNAME'] },
  { words: ['manage', 'demote-admin'], flags: {}, positionals: ['USERNAME'] },
  { words: ['manage', 'list-admin-users'], flags: {}, positionals: [] },
  { words: ['manage', 'issue-compatibility-token'], flags: { 'yes-i-want-to-grant-synapse-admin-privileges': SWITCH }, positionals: ['USERNAME', 'DEVICE_ID?'] },
  { words: ['manage', 'provision-all-users'], flags: {}, positionals: [] },
  { words: ['manage', 'kill-sessions'], flags: { 'dry-run': SWITCH }, positionals: ['USERNAME'] },
  { words: ['manage', 'lock-user'], flags: { deactivate: SWITCH }, positionals: ['USERNAME'] },
  { words: ['manage', 'unlock-user'], flags: { reactivate: SWITCH }, positionals: ['USERNAME'] },
  {
    words: ['manage', 'register-user'], positionals: ['USERNAME?'],
    flags: { password: { kind: 'value', short: 'p' }, email: { kind: 'values', short: 'e' }, 'upstream-provider-mapping': { kind: 'values', short: 'm' }, admin: { kind: 'switch', short: 'a' },
      'no-admin': { kind: 'switch', short: 'A' }, yes: { kind: 'switch', short: 'y' }, 'display-name': { kind: 'value', short: 'd' }, 'ignore-password-complexity': SWITCH },
  },
];

async function demandUser(client: pg.ClientBase, username: string): Promise<UserRow> {
  const user = await findUser(client, username);
  if (user === undefined) throw new CommandError('User not found');
  return user;
}

function fields(user: UserRow): Record<string, string> {
  return { 'user.id': ulidOf(user.user_id), 'user.username': user.username };
}

function passwords(root: ConfigValue): Passwords {
  const config = passwordsConfig(root);
  return new Passwords(config.enabled, config.enabled ? loadSchemes(config) : []);
}

function homeserver(root: ConfigValue): Homeserver {
  const matrix = matrixConfig(root);
  return new Homeserver(matrix.homeserver, matrix.endpoint, trimmedSecret(matrix.secret), matrix.kind === 'synapse_read_only');
}

async function addPassword(client: pg.ClientBase, userId: string, hash: { version: number; hashed: string }): Promise<void> {
  await client.query('insert into user_passwords (user_password_id, user_id, hashed_password, version, created_at) values ($1, $2, $3, $4, clock_timestamp())', [newId(), userId, hash.hashed, hash.version]);
}

async function setPassword(root: ConfigValue, client: pg.ClientBase, [username = '', password = '']: readonly string[], ignoreComplexity: boolean): Promise<number> {
  const manager = passwords(root);
  const user = await demandUser(client, username);
  if (!ignoreComplexity && !isComplexEnough(password, passwordsConfig(root).minimumComplexity)) {
    log('ERROR', TARGET, 'That password is too weak.');
    return 1;
  }
  await addPassword(client, user.user_id, await manager.hash(password));
  log('INFO', TARGET, 'Password changed', fields(user));
  return 0;
}

/** The token is written to the log, on stderr, as mas-cli does it. */
async function issueToken(root: ConfigValue, client: pg.ClientBase, [username = '', deviceId]: readonly string[], admin: boolean): Promise<number> {
  const synapse = homeserver(root);
  const user = await demandUser(client, username);
  const device = deviceId ?? alphanumeric(10);
  try {
    await synapse.upsertDevice(user.username, device, undefined);
  } catch (error) {
    log('ERROR', TARGET, 'Could not create the device on the homeserver, aborting', { error: error instanceof Error ? error.message : String(error) });
    await schedule(client, 'sync-devices', user.user_id);
    return 1;
  }
  const session = newId();
  const [id, token] = [newId(), newToken('compat-access')];
  await client.query('insert into compat_sessions (compat_session_id, user_id, device_id, created_at, is_synapse_admin) values ($1, $2, $3, now(), $4)', [session, user.user_id, device, admin]);
  await client.query('insert into compat_access_tokens (compat_access_token_id, compat_session_id, access_token, created_at) values ($1, $2, $3, now())', [id, session, token]);
  log('INFO', TARGET, `Compatibility token issued: ${token}`, { 'compat_access_token.id': ulidOf(id), 'compat_session.id': ulidOf(session), 'compat_session.device': device, ...fields(user) });
  return 0;
}

async function killSessions(client: pg.ClientBase, username: string, dryRun: boolean): Promise<number> {
  const user = await demandUser(client, username);
  const kinds: [string, string][] = [['compat_sessions', 'compatibility'], ['oauth2_sessions', 'OAuth 2.0'], ['user_sessions', 'browser']];
  for (const [table, name] of kinds) {
    const ended = await client.query(`update ${table} set finished_at = now() where user_id = $1 and finished_at is null`, [user.user_id]);
    const count = ended.rowCount ?? 0;
    // The message for no OAuth session says "compatibility" in mas-cli too.
    log('INFO', TARGET, count === 0 ? `No active ${name === 'browser' ? name : 'compatibility'} sessions to end` : `Ended ${String(count)} active ${name} session${count === 1 ? '' : 's'}`);
  }
  log('WARN', TARGET, 'Scheduling job to sync devices for the user');
  await schedule(client, 'sync-devices', user.user_id);
  if (dryRun) {
    log('INFO', TARGET, 'Dry run, not saving');
    await client.query('rollback');
  }
  return 0;
}

async function registerUser(root: ConfigValue, client: pg.ClientBase, parsed: Parsed): Promise<number> {
  const on = (name: string): boolean => parsed.switches.has(name);
  const given = parsed.positionals[0] ?? '';
  if (!on('yes')) throw new CommandError('The stand-in asks no questions: give a user name and --yes');
  const manager = passwords(root);
  const synapse = homeserver(root);
  const password = parsed.values.get('password')?.[0];
  if (password !== undefined && !on('ignore-password-complexity') && !isComplexEnough(password, passwordsConfig(root).minimumComplexity)) {
    log('ERROR', TARGET, 'That password is too weak.');
    return 1;
  }
  const localpart = given.replace(/^@+/, '').split(':')[0] ?? '';
  if (localpart === '') throw new CommandError('Username cannot be empty');
  if ((await client.query('select 1 from users where lower(username) = lower($1)', [localpart])).rowCount !== 0) throw new CommandError('User already exists');
  if (!await synapse.isLocalpartAvailable(localpart)) throw new CommandError('Username not available on homeserver');
  const hash = password === undefined ? undefined : await manager.hash(password);
  const emails = parsed.values.get('email') ?? [];
  process.stdout.write(`User attributes\n         Username: ${localpart}\n        Matrix ID: ${synapse.mxid(localpart)}\n`);
  if (emails.length === 0) log('WARN', TARGET, 'No email address provided, user will need to add one');
  const id = newId();
  await client.query('insert into users (user_id, username, created_at, can_request_admin) values ($1, $2, now(), $3)', [id, localpart, on('admin')]);
  if (hash !== undefined) await addPassword(client, id, hash);
  for (const email of emails) await client.query('insert into user_emails (user_email_id, user_id, email, created_at) values ($1, $2, $3, now())', [newId(), id, email]);
  for (const mapping of parsed.values.get('upstream-provider-mapping') ?? []) {
    const [provider = '', ...subject] = mapping.split(':');
    await client.query('insert into upstream_oauth_links (upstream_oauth_link_id, upstream_oauth_provider_id, user_id, subject, created_at) values ($1, $2, $3, $4, now())',
      [newId(), uuidOf(provider), id, subject.join(':')]);
  }
  // Only queued: the user is in Synapse once a worker has run.
  await schedule(client, 'provision-user', id, { set_display_name: parsed.values.get('display-name')?.[0] ?? null });
  log('INFO', TARGET, 'User registered', { 'user.id': ulidOf(id) });
  return 0;
}

async function dispatch(root: ConfigValue, client: pg.ClientBase, parsed: Parsed): Promise<number> {
  const [first = '', second = ''] = parsed.positionals;
  const on = (name: string): boolean => parsed.switches.has(name);
  switch (parsed.command.words[1]) {
    case 'set-password': return setPassword(root, client, parsed.positionals, on('ignore-complexity'));
    case 'issue-compatibility-token': return issueToken(root, client, parsed.positionals, on('yes-i-want-to-grant-synapse-admin-privileges'));
    case 'kill-sessions': return killSessions(client, first, on('dry-run'));
    case 'register-user': return registerUser(root, client, parsed);
    case 'promote-admin':
    case 'demote-admin': {
      const promote = parsed.command.words[1] === 'promote-admin';
      const user = await demandUser(client, first);
      await client.query('update users set can_request_admin = $2 where user_id = $1', [user.user_id, promote]);
      log('INFO', TARGET, promote ? 'User promoted to admin' : 'User is no longer admin', fields(user));
      return 0;
    }
    case 'list-admin-users': {
      const admins = (await client.query<UserRow>('select * from users where can_request_admin order by user_id')).rows;
      log('INFO', TARGET, `The following users can request admin privileges (${String(admins.length)} total):`);
      for (const user of admins) log('INFO', TARGET, `user.id=${ulidOf(user.user_id)} username=${user.username}`);
      return 0;
    }
    case 'add-email': {
      const user = await demandUser(client, first);
      const known = await client.query('select 1 from user_emails where user_id = $1 and email = $2', [user.user_id, second]);
      if (known.rowCount === 0) await client.query('insert into user_emails (user_email_id, user_id, email, created_at) values ($1, $2, $3, now())', [newId(), user.user_id, second]);
      log('INFO', TARGET, 'Email added', { ...fields(user), 'email.email': second });
      return 0;
    }
    case 'lock-user': {
      const user = await demandUser(client, first);
      log('INFO', TARGET, 'Locking user', { 'user.id': ulidOf(user.user_id) });
      await client.query('update users set locked_at = coalesce(locked_at, now()) where user_id = $1', [user.user_id]);
      await schedule(client, 'provision-user', user.user_id);
      if (on('deactivate')) await schedule(client, 'deactivate-user', user.user_id, { hs_erase: false });
      return 0;
    }
    case 'unlock-user': {
      const user = await demandUser(client, first);
      await schedule(client, 'provision-user', user.user_id);
      if (on('reactivate')) await schedule(client, 'reactivate-user', user.user_id);
      else await client.query('update users set locked_at = null where user_id = $1', [user.user_id]);
      return 0;
    }
    case 'provision-all-users': {
      for (const user of (await client.query<UserRow>('select * from users')).rows) await schedule(client, 'provision-user', user.user_id);
      return 0;
    }
    default: throw new CommandError(`no such command: ${parsed.command.words.join(' ')}`);
  }
}

/** Runs one `manage` command in one transaction. */
export async function manage(root: ConfigValue, parsed: Parsed): Promise<number> {
  const client = await connectMas(databaseConfig(root));
  try {
    return await inTransaction(client, () => dispatch(root, client, parsed));
  } finally {
    await client.end();
  }
}
