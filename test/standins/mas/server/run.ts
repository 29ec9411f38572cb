import { hkdfSync } from 'node:crypto';
import { accessSync, constants, readFileSync, statSync } from 'node:fs';
import type { Server } from 'node:http';
import { CommandError, withContext } from '../cli/errors.ts';
import { log } from '../cli/log.ts';
import { syncConfiguration } from '../cli/sync.ts';
import { appConfig, clientsConfig, providersConfig, type AppConfig } from '../config/config.ts';
import { fromWorkingDirectory } from '../config/load.ts';
import { encryptionKey, loadSchemes, loadSigningKeys, trimmedSecret } from '../config/secrets.ts';
import type { ConfigValue } from '../config/value.ts';
import { openPool } from '../db/connect.ts';
import { Encrypter } from '../db/encrypter.ts';
import { hasPendingMigrations, migrate } from '../db/migrate.ts';
import type { Context } from './context.ts';
import { Homeserver } from './homeserver.ts';
import { Limiter } from './limiter.ts';
import { openListener } from './listener.ts';
import { Passwords } from './passwords.ts';
import { Queue } from './queue.ts';
import { ROUTES } from './routes.ts';

const TARGET = 'mas_cli::commands::server';

export interface ServerOptions { readonly migrate: boolean; readonly sync: boolean; readonly worker: boolean }

function io(error: unknown): CommandError {
  return new CommandError(error instanceof Error && 'code' in error && error.code === 'EACCES' ? 'Permission denied (os error 13)' : 'No such file or directory (os error 2)');
}

/** The policy module must be there, though its rules are written out in policy.ts. */
function checkPolicy(config: AppConfig): void {
  log('INFO', TARGET, 'Loading and compiling the policy module');
  try {
    accessSync(fromWorkingDirectory(config.policy.wasmModule), constants.R_OK);
  } catch (error) {
    throw withContext('failed to open OPA WASM policy file', io(error));
  }
}

/** Templates, manifest and translations must be there, though nothing reads what is in them. */
function checkTemplates(config: AppConfig): void {
  const { templatesPath, assetsManifest, translationsPath } = config.small;
  const failed = `Failed to load the templates at ${templatesPath}`;
  try {
    readFileSync(fromWorkingDirectory(assetsManifest));
  } catch (error) {
    throw withContext(failed, withContext('failed to read the assets manifest', io(error)));
  }
  for (const folder of [translationsPath, templatesPath]) {
    try {
      if (!statSync(fromWorkingDirectory(folder)).isDirectory()) throw new Error('not a folder');
    } catch (error) {
      throw withContext(failed, io(error));
    }
  }
}

/** Signals to end, kept from the moment this is called: as process 1 of a container a signal without a listener would be lost. */
class Signals {
  readonly #received: string[] = [];
  #waiting: ((signal: string) => void) | undefined;

  constructor() {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      process.on(signal, () => {
        const waiting = this.#waiting;
        this.#waiting = undefined;
        if (waiting === undefined) this.#received.push(signal);
        else waiting(signal);
      });
    }
    process.on('SIGHUP', () => { log('INFO', 'mas_cli::lifecycle', 'Reload signal received (SIGHUP), reloading'); });
  }

  /** The next one that was not taken yet. */
  next(): Promise<string> {
    const early = this.#received.shift();
    return early !== undefined ? Promise.resolve(early) : new Promise((resolve) => { this.#waiting = resolve; });
  }
}

/** Waits for a signal, then for what is open; a second signal, or 60 seconds, cuts that short (crates/cli/src/lifecycle.rs). */
async function untilShutdown(servers: readonly Server[], signals: Signals): Promise<void> {
  // Keeps the process alive where nothing listens, as for a worker without jobs.
  const alive = setInterval(() => undefined, 60_000);
  const signal = await signals.next();
  log('INFO', 'mas_cli::lifecycle', `Shutdown signal received (${signal}), shutting down`);
  const closed = Promise.all(servers.map((server) => new Promise<void>((resolve) => {
    server.close(() => { resolve(); });
    server.closeIdleConnections();
  })));
  const deadline = new Promise<string>((resolve) => { setTimeout(() => { resolve('timeout'); }, 60_000).unref(); });
  const forced = await Promise.race([closed.then(() => undefined), signals.next(), deadline]);
  if (forced !== undefined) {
    log('WARN', 'mas_cli::lifecycle', forced === 'timeout' ? 'Shutdown timeout reached, abort' : `Second shutdown signal received (${forced}), abort`);
    for (const server of servers) server.closeAllConnections();
  }
  clearInterval(alive);
  log('INFO', 'mas_cli::lifecycle', 'All tasks are done, exitting');
}

function homeserverOf(config: AppConfig): Homeserver {
  const { homeserver, endpoint, secret, kind } = config.matrix;
  return new Homeserver(homeserver, endpoint, trimmedSecret(secret), kind === 'synapse_read_only');
}

/** `worker`: the job queue alone; no policy, no migration, no configuration sync (crates/cli/src/commands/worker.rs). */
export async function runWorker(root: ConfigValue): Promise<number> {
  const signals = new Signals();
  const config = appConfig(root);
  log('INFO', 'mas_cli::commands::worker', 'Connecting to the database');
  const pool = await openPool(config.database);
  const queue = new Queue(pool, homeserverOf(config));
  try {
    checkTemplates(config);
    log('INFO', 'mas_cli::commands::worker', 'Starting task scheduler');
    queue.start();
    await untilShutdown([], signals);
    return 0;
  } finally {
    await queue.stop();
    await pool.end().catch(() => undefined);
  }
}

/** `server`: database, migrations, configuration sync, keys, policy, templates, worker, listeners, in that order (crates/cli/src/commands/server.rs). Exit code 0 after a signal. */
export async function runServer(root: ConfigValue, options: ServerOptions): Promise<number> {
  const signals = new Signals();
  const config = appConfig(root);
  log('INFO', TARGET, 'Starting up', { version: 'v1.22.0' });
  log('INFO', TARGET, 'Connecting to the database');
  const pool = await openPool(config.database);
  const servers: Server[] = [];
  let queue: Queue | undefined;
  try {
    const client = await pool.connect();
    try {
      if (!options.migrate && await hasPendingMigrations(client)) {
        throw new CommandError('The server is running with `--no-migrate` but there are pending migrations. Please run them first with `mas-cli database migrate`, or omit the `--no-migrate` flag to apply them automatically on startup.');
      }
      if (options.migrate) {
        log('INFO', TARGET, 'Running pending database migrations');
        await migrate(client);
      }
      const encryption = encryptionKey(config.secrets);
      const encrypter = new Encrypter(encryption);
      if (options.sync) await syncConfiguration(client, { clients: clientsConfig(root), providers: providersConfig(root), encrypter, prune: false, dryRun: false });
      else log('INFO', TARGET, 'Skipping configuration sync');
      const keys = await loadSigningKeys(config.secrets);
      checkPolicy(config);
      checkTemplates(config);
      const homeserver = homeserverOf(config);
      queue = new Queue(pool, homeserver);
      if (options.worker) {
        log('INFO', TARGET, 'Starting task worker');
        queue.start();
      }
      const context: Context = {
        config, pool, keys, encrypter, homeserver, queue, limiter: new Limiter(config.rateLimits),
        passwords: new Passwords(config.passwords.enabled, config.passwords.enabled ? loadSchemes(config.passwords) : []),
        cookieKey: Buffer.from(hkdfSync('sha256', encryption, '', 'stand-in cookies', 32)),
      };
      for (const listener of config.http.listeners) servers.push(...await openListener(context, listener, ROUTES));
      client.release();
      await untilShutdown(servers, signals);
    } catch (error) {
      client.release(true);
      throw error;
    }
    return 0;
  } finally {
    for (const server of servers) server.close();
    await queue?.stop();
    await pool.end().catch(() => undefined);
  }
}
