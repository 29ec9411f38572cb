/** Addresses inside the stack. */
import type { Postgres } from '../model/model.ts';
import { aliases, innerPorts } from '../model/names.ts';

/** Where Synapse and MAS reach each other; the base that each joins its paths to. */
export const innerUrls = {
  synapse: `http://${aliases.synapse}:${innerPorts.synapse}/`,
  mas: `http://${aliases.mas}:${innerPorts.masWeb}/`,
} as const;

/** Where PostgreSQL is reached from the data network. */
export function databaseAddress(postgres: Postgres): { readonly host: string; readonly port: number; readonly ssl: 'disable' | 'require' | 'verify-full' } {
  return postgres.mode === 'managed'
    ? { host: aliases.postgres, port: innerPorts.postgres, ssl: 'disable' }
    : { host: postgres.host, port: postgres.port, ssl: postgres.sslMode };
}

/**
 * Line of a libpq password file (PostgreSQL docs, "The Password File"): `:` and `\` are escaped.
 * libpq reads it only when nobody but its owner may.
 */
export function passLine(host: string, port: number, database: string, user: string, password: string): string {
  const escaped = (text: string): string => text.replaceAll(/[\\:]/g, (character) => `\\${character}`);
  return `${[host, String(port), database, user, password].map(escaped).join(':')}\n`;
}
