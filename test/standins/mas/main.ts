import { realpathSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArguments, UsageError, type Command } from './cli/args.ts';
import { checkConfiguration, dumpConfiguration, migrateDatabase, syncFromConfiguration } from './cli/basic.ts';
import { doctor } from './cli/doctor.ts';
import { report } from './cli/errors.ts';
import { log } from './cli/log.ts';
import { manage, MANAGE_COMMANDS } from './cli/manage.ts';
import { syn2mas } from './cli/syn2mas.ts';
import { checkTelemetry } from './config/config.ts';
import { loadMasConfig } from './config/load.ts';
import { runServer, runWorker } from './server/run.ts';

/** The version this stand-in copies. */
export const COPIED_VERSION = '1.22.0';

const SYN2MAS = { 'synapse-config': { kind: 'values' }, 'synapse-database-uri': { kind: 'value' }, 'ignore-missing-auth-providers': { kind: 'switch' } } as const;

/** Commands and flags of mas-cli (crates/cli/src/commands/*.rs) that the stand-in knows. */
const COMMANDS: readonly Command[] = [
  { words: ['config', 'check'], flags: {}, positionals: [] },
  { words: ['config', 'dump'], flags: { output: { kind: 'value', short: 'o' } }, positionals: [] },
  { words: ['config', 'sync'], flags: { prune: { kind: 'switch' }, 'dry-run': { kind: 'switch' } }, positionals: [] },
  { words: ['database', 'migrate'], flags: {}, positionals: [] },
  { words: ['server'], flags: { 'no-migrate': { kind: 'switch' }, migrate: { kind: 'switch' }, 'no-worker': { kind: 'switch' }, 'no-sync': { kind: 'switch' } }, positionals: [] },
  { words: ['worker'], flags: {}, positionals: [] },
  { words: ['doctor'], flags: {}, positionals: [] },
  ...MANAGE_COMMANDS,
  { words: ['syn2mas', 'check'], flags: SYN2MAS, positionals: [] },
  { words: ['syn2mas', 'migrate'], flags: { ...SYN2MAS, 'dry-run': { kind: 'switch' } }, positionals: [] },
];

/** Runs one command line and resolves to its exit code. */
export async function main(argv: readonly string[]): Promise<number> {
  let parsed;
  try {
    if (argv.includes('-V') || argv.includes('--version')) {
      process.stdout.write(`mas-cli v${COPIED_VERSION} (stand-in)\n`);
      return 0;
    }
    parsed = parseArguments(COMMANDS, argv);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    process.stderr.write(`error: ${error.message}\n\nFor more information, try '--help'.\n`);
    return 2;
  }
  log('WARN', 'standin', `This is a stand-in for mas-cli ${COPIED_VERSION}, not Matrix Authentication Service. It is for demonstrations and tests only.`);
  try {
    const root = loadMasConfig(parsed.configs);
    checkTelemetry(root);
    const on = (name: string): boolean => parsed.switches.has(name);
    switch (parsed.command.words.join(' ')) {
      case 'config check': return checkConfiguration(root);
      case 'config dump': return dumpConfiguration(root, parsed.values.get('output')?.[0]);
      case 'config sync': return await syncFromConfiguration(root, { prune: on('prune'), dryRun: on('dry-run') });
      case 'database migrate': return await migrateDatabase(root);
      case 'server': return await runServer(root, { migrate: !on('no-migrate'), sync: !on('no-sync'), worker: !on('no-worker') });
      case 'worker': return await runWorker(root);
      case 'doctor': return await doctor(root);
      case 'syn2mas check':
      case 'syn2mas migrate':
        return await syn2mas(root, {
          verb: parsed.command.words[1] === 'check' ? 'check' : 'migrate', dryRun: on('dry-run'),
          synapseConfigs: parsed.values.get('synapse-config') ?? [], synapseDatabaseUri: parsed.values.get('synapse-database-uri')?.[0],
          ignoreMissingAuthProviders: on('ignore-missing-auth-providers'),
        });
      default: return await manage(root, parsed);
    }
  } catch (error) {
    process.stderr.write(report(error));
    return 1;
  }
}

/** True when this file is what Node was asked to run, also through a link or without its extension. */
function isEntry(): boolean {
  const script = process.argv[1];
  return script !== undefined && realpathSync(script) === realpathSync(fileURLToPath(import.meta.url));
}

if (isEntry()) {
  process.exitCode = await main(process.argv.slice(2));
}
