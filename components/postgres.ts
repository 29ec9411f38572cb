import * as pulumi from '@pulumi/pulumi';
import type { Image } from '../model/model.ts';
import { aliases, paths } from '../model/names.ts';
import { postgresPasswordFile } from '../templates/postgres.ts';
import type { FilesVolume } from './files-volume.ts';
import { ManagedContainer } from './managed-container.ts';
import type { Networks } from './networks.ts';

export interface PostgresArgs {
  readonly stack: string;
  readonly image: Image;
  /** Owner `postgres-secrets`. */
  readonly secrets: FilesVolume;
  /** Data volume. */
  readonly data: pulumi.Input<string>;
  readonly networks: Networks;
}

/** PGDATA of the official image up to 17 (images before 18 declare this volume). */
const pgdata = '/var/lib/postgresql/data';

/** Both Synapses' pools, MAS's, the nine of syn2mas, jobs and a person at psql. */
const maxConnections = 200;

/** The database server of both services. Roles and databases are made by the `prepare` step. */
export class Postgres extends pulumi.ComponentResource {
  readonly server: ManagedContainer;

  constructor(name: string, args: PostgresArgs, opts?: pulumi.ComponentResourceOptions) {
    super('matrix:postgres:Postgres', name, { image: args.image.reference }, opts);
    this.server = new ManagedContainer(`${name}-server`, {
      stack: args.stack,
      role: 'postgres',
      image: args.image,
      files: { secrets: args.secrets },
      command: ['postgres', '-c', `max_connections=${maxConnections}`],
      environment: [
        `POSTGRES_PASSWORD_FILE=${paths.secrets}/${postgresPasswordFile}`,
        // Synapse refuses any other locale (synapse/storage/engines/postgres.py).
        'POSTGRES_INITDB_ARGS=--locale=C --encoding=UTF8',
      ],
      mounts: [{ source: args.data, target: pgdata, writable: true }],
      scratch: ['/tmp', '/var/run/postgresql'],
      networks: [{ network: args.networks.name.data, aliases: [aliases.postgres] }],
      memory: 4096,
      sharedMemory: 256,
      // Fast shutdown: ends sessions and writes a checkpoint.
      stopSignal: 'SIGINT',
      grace: 120,
      startedBy: 'engine',
      healthcheck: ['pg_isready', '--username', 'postgres', '--host', '127.0.0.1'],
    }, { parent: this });
    this.registerOutputs({});
  }
}
