import type pg from 'pg';
import { matrixConfig, databaseConfig, passwordsConfig, providersConfig, syncConfig } from '../config/config.ts';
import { encryptionKey, loadSchemes } from '../config/secrets.ts';
import { parseSmallSections } from '../config/sections.ts';
import type { ConfigValue } from '../config/value.ts';
import { advisoryKey, connect, connectMas, fromUri } from '../db/connect.ts';
import { Encrypter } from '../db/encrypter.ts';
import { uuidOf } from '../db/ids.ts';
import { migrate } from '../db/migrate.ts';
import { checkConfig, checkMasDatabase, checkSynapseDatabase, type MasSide } from '../syn2mas/checks.ts';
import { Migration } from '../syn2mas/migration.ts';
import { SynapseReader } from '../syn2mas/reader.ts';
import { loadSynapseConfig } from '../syn2mas/synapse-config.ts';
import { MasWriter } from '../syn2mas/writer.ts';
import { CommandError, withContext } from './errors.ts';
import { log } from './log.ts';
import { syncConfiguration } from './sync.ts';

const TARGET = 'mas_cli::commands::syn2mas';

/** Exit codes of a check (crates/cli/src/commands/syn2mas.rs). */
const CHECK_ERRORS = 10;
const CHECK_WARNINGS = 11;
const WRITERS = 8;

export interface Syn2masOptions {
  readonly verb: 'check' | 'migrate';
  readonly dryRun: boolean;
  readonly synapseConfigs: readonly string[];
  readonly synapseDatabaseUri?: string;
  readonly ignoreMissingAuthProviders: boolean;
}

function list(title: string, sentence: string, findings: readonly string[]): void {
  if (findings.length === 0) return;
  process.stderr.write(`\n\n===== ${title} =====\n${sentence}\n\n${findings.map((finding) => `• ${finding}\n\n`).join('')}`);
}

/** `syn2mas check` and `syn2mas migrate`, step by step in mas-cli's order (mas.md 4.1). Resolves to the exit code. */
export async function syn2mas(root: ConfigValue, options: Syn2masOptions): Promise<number> {
  if (options.synapseConfigs.length === 0) {
    log('ERROR', TARGET, 'Please specify the path to the Synapse configuration file(s).');
    return 1;
  }
  const synapseConfig = loadSynapseConfig(options.synapseConfigs);
  if (options.synapseDatabaseUri === undefined && synapseConfig.database instanceof CommandError) {
    throw withContext('Synapse database configuration is invalid, cannot migrate.', synapseConfig.database);
  }
  const clients: pg.Client[] = [];
  const opened = async (client: Promise<pg.Client>): Promise<pg.Client> => {
    const open = await client;
    clients.push(open);
    return open;
  };
  try {
    const address = options.synapseDatabaseUri !== undefined ? fromUri(options.synapseDatabaseUri, 'invalid value for --synapse-database-uri')
      : synapseConfig.database instanceof CommandError ? {} : synapseConfig.database;
    const synapse = await opened(connect(address, 'could not connect to Synapse Postgres database'));
    const database = databaseConfig(root);
    const mas = await opened(connectMas(database));
    // The schema is made even for a check; clients and providers are synced, and committed, even for a dry run.
    await migrate(mas);
    if (options.verb === 'migrate') {
      const config = syncConfig(root);
      await syncConfiguration(mas, { ...config, encrypter: new Encrypter(encryptionKey(config.secrets)), prune: false, dryRun: false });
    }
    const lock = await mas.query<{ locked: boolean }>('select pg_try_advisory_lock($1) as locked', [advisoryKey('syn2mas-maswriter').toString()]);
    if (lock.rows[0]?.locked !== true) {
      log('ERROR', TARGET, 'Failed to acquire syn2mas lock on the database.');
      log('ERROR', TARGET, 'This likely means that another syn2mas instance is already running!');
      return 1;
    }
    const small = parseSmallSections(root);
    const passwords = passwordsConfig(root);
    const homeserver = matrixConfig(root).homeserver;
    const providers = providersConfig(root);
    const side: MasSide = { schemes: loadSchemes(passwords), homeserver, captchaService: small.captchaService, tosUri: small.tosUri, providers };
    const ofConfig = checkConfig(synapseConfig, side);
    // A MAS database with people in it ends the run here, before any finding is printed.
    await checkMasDatabase(mas);
    const ofDatabase = await checkSynapseDatabase(synapse, synapseConfig, side, options.ignoreMissingAuthProviders);
    const errors = [...ofConfig.errors, ...ofDatabase.errors];
    const warnings = [...ofConfig.warnings, ...ofDatabase.warnings];
    list('Errors', 'These issues prevent migrating from Synapse to MAS right now:', errors);
    list('Warnings', 'These potential issues should be considered before migrating from Synapse to MAS right now:', warnings);
    if (errors.length > 0) return CHECK_ERRORS;
    if (options.verb === 'check') {
      if (warnings.length > 0) return CHECK_WARNINGS;
      process.stdout.write('Check completed successfully with no errors or warnings.\n');
      return 0;
    }
    const reader = await SynapseReader.open(synapse, options.dryRun);
    const writers = await Promise.all(Array.from({ length: WRITERS }, () => opened(connectMas(database))));
    const writer = await MasWriter.open(mas, writers, options.dryRun);
    const mapping = new Map(providers.flatMap((provider): [string, string][] => {
      const uuid = uuidOf(provider.id);
      return provider.synapseIdpId === undefined || uuid === undefined ? [] : [[provider.synapseIdpId, uuid]];
    }));
    await new Migration(reader, writer, { serverName: homeserver, providers: mapping, ignoreMissingAuthProviders: options.ignoreMissingAuthProviders }).run();
    return 0;
  } finally {
    // An unfinished writer transaction is rolled back by the server when its connection ends; nothing puts the renamed tables back.
    await Promise.allSettled(clients.map((client) => client.end()));
  }
}
