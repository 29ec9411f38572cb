import bcrypt from 'bcryptjs';
import { PEPPER, SERVER_NAME } from './configuration.ts';

/**
 * The six tables of Synapse that syn2mas reads, with the columns it reads (names and types as in Synapse 1.163.2's schema), and people
 * of every kind that a migration treats differently. Not Synapse: it never ran.
 */
const TABLES = `
  create table users (name text unique, password_hash text, creation_ts bigint, admin smallint not null default 0, is_guest smallint not null default 0,
    appservice_id text, deactivated smallint not null default 0, locked boolean not null default false);
  create table user_threepids (user_id text not null, medium text not null, address text not null, validated_at bigint not null, added_at bigint not null);
  create table user_external_ids (auth_provider text not null, external_id text not null, user_id text not null);
  create table devices (user_id text not null, device_id text not null, display_name text, last_seen bigint, ip text, user_agent text, hidden boolean default false);
  create table access_tokens (id bigint primary key, user_id text not null, device_id text, token text not null, valid_until_ms bigint, puppets_user_id text,
    last_validated bigint, refresh_token_id bigint, used boolean);
  create table refresh_tokens (id bigint primary key, user_id text not null, device_id text not null, token text not null, next_token_id bigint, expiry_ts bigint, ultimate_session_expiry_ts bigint);
`;

/** Password of everybody in the sample. */
export const PASSWORD = 'contract-password';

/** The hash Synapse would store: bcrypt over the password with the pepper behind it. */
export function synapseHash(password: string): string {
  return bcrypt.hashSync(password.normalize('NFKC') + PEPPER, 4);
}

const at = (localpart: string): string => `@${localpart}:${SERVER_NAME}`;

/** Statements that make the sample database. `alice` and `bob` are ordinary, `root` is an admin, the others are named by what they are. */
export function synapseSample(): string {
  const hash = synapseHash(PASSWORD);
  const user = (name: string, extra: Record<string, string | number | boolean> = {}): string => {
    const row = { name: at(name), password_hash: hash, creation_ts: 1_700_000_000, ...extra };
    const literal = (value: string | number | boolean): string => (typeof value === 'string' ? `'${value}'` : String(value));
    return `insert into users (${Object.keys(row).join(', ')}) values (${Object.values(row).map(literal).join(', ')});`;
  };
  return `${TABLES}
    ${user('alice')} ${user('bob')} ${user('root', { admin: 1 })} ${user('locked', { locked: true })} ${user('gone', { deactivated: 1 })}
    ${user('guest', { is_guest: 1 })} ${user('bridge_ghost', { appservice_id: 'bridge' })}
    insert into user_threepids values ('${at('alice')}', 'email', 'alice@example.test', 1700000000000, 1700000001000);
    insert into devices (user_id, device_id, display_name, last_seen, ip, user_agent, hidden) values
      ('${at('alice')}', 'ALICEDEV01', 'Phone', 1700000002000, '192.0.2.1', 'agent', false), ('${at('alice')}', 'ALICEDEV02', null, null, '-', null, false),
      ('${at('alice')}', 'HIDDEN', 'master signing key', null, null, null, true), ('${at('bob')}', 'BOBDEVICE1', null, null, 'nonsense', null, false),
      ('${at('root')}', 'ROOTDEVICE', null, null, null, null, false), ('${at('gone')}', 'GONEDEVICE', null, null, null, null, false);
    insert into refresh_tokens (id, user_id, device_id, token, next_token_id) values
      (1, '${at('bob')}', 'BOBDEVICE1', 'syr_bob_used', 2), (2, '${at('bob')}', 'BOBDEVICE1', 'syr_bob_live', null);
    insert into access_tokens (id, user_id, device_id, token, valid_until_ms, puppets_user_id, last_validated, refresh_token_id, used) values
      (1, '${at('alice')}', 'ALICEDEV01', 'syt_alice_one', null, null, 1700000003000, null, false),
      (2, '${at('alice')}', null, 'syt_alice_deviceless', null, null, null, null, false),
      (3, '${at('alice')}', 'NOSUCHDEV', 'syt_alice_lost_device', null, null, null, null, false),
      (4, '${at('root')}', 'ROOTDEVICE', 'syt_root', null, null, null, null, false),
      (5, '${at('root')}', null, 'syt_puppet', null, '${at('alice')}', null, null, false),
      (6, '${at('bob')}', 'BOBDEVICE1', 'syt_bob_used', 1700000004000, null, null, 1, true),
      (7, '${at('bob')}', 'BOBDEVICE1', 'syt_bob_live', 4100000000000, null, null, 2, true),
      (8, '${at('gone')}', 'GONEDEVICE', 'syt_gone', null, null, null, null, false),
      (9, '${at('locked')}', null, 'syt_locked', null, null, null, null, false),
      (10, '${at('bridge_ghost')}', null, 'syt_ghost', null, null, null, null, false);`;
}

/** A homeserver.yaml that fits the sample. */
export function homeserver(databaseUri: string) {
  const uri = new URL(databaseUri);
  return {
    server_name: SERVER_NAME,
    database: { name: 'psycopg2', args: { user: uri.username, host: uri.hostname, port: Number(uri.port), dbname: uri.pathname.slice(1) } as Record<string, unknown> },
    password_config: { pepper: PEPPER },
  } as Record<string, unknown>;
}
