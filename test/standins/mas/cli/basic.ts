import { writeFileSync } from 'node:fs';
import { stringify } from 'yaml';
import { databaseConfig, rootConfig, syncConfig } from '../config/config.ts';
import { encryptionKey } from '../config/secrets.ts';
import type { ConfigValue } from '../config/value.ts';
import { connectMas } from '../db/connect.ts';
import { Encrypter } from '../db/encrypter.ts';
import { migrate } from '../db/migrate.ts';
import { log } from './log.ts';
import { syncConfiguration } from './sync.ts';

/** `config check`: parses and cross-checks, opens nothing that the configuration refers to (crates/cli/src/commands/config.rs). */
export function checkConfiguration(root: ConfigValue): number {
  rootConfig(root);
  log('INFO', 'mas_cli::commands::config', 'Configuration file looks good');
  return 0;
}

/** `config dump`: the merged configuration, inline secrets included. Unlike mas-cli it prints keys as given, without defaults. */
export function dumpConfiguration(root: ConfigValue, output: string | undefined): number {
  rootConfig(root);
  const text = stringify(root.value);
  log('INFO', 'mas_cli::commands::config', output === undefined ? 'Writing configuration to standard output' : `Writing configuration to "${output}"`);
  if (output === undefined) process.stdout.write(text);
  else writeFileSync(output, text);
  return 0;
}

/** `config sync`: makes the schema first, also for a dry run. */
export async function syncFromConfiguration(root: ConfigValue, options: { readonly prune: boolean; readonly dryRun: boolean }): Promise<number> {
  const config = syncConfig(root);
  const encrypter = new Encrypter(encryptionKey(config.secrets));
  const client = await connectMas(config.database);
  try {
    await migrate(client);
    await syncConfiguration(client, { ...config, ...options, encrypter });
  } finally {
    await client.end();
  }
  return 0;
}

/** `database migrate`: idempotent. */
export async function migrateDatabase(root: ConfigValue): Promise<number> {
  const client = await connectMas(databaseConfig(root));
  try {
    await migrate(client);
  } finally {
    await client.end();
  }
  return 0;
}
