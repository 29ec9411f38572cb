import * as docker from '@pulumi/docker';
import * as pulumi from '@pulumi/pulumi';
import { namesOf, paths } from '../model/names.ts';
import type { ContainerRole } from '../model/names.ts';
import type { Image } from '../model/model.ts';
import type { FilesVolume } from './files-volume.ts';
import { labelsOf } from './labels.ts';

export interface Mount {
  /** Volume name, or an absolute directory on the Docker host. */
  readonly source: pulumi.Input<string>;
  readonly target: string;
  /** @default false */
  readonly writable?: boolean;
}

export interface Attachment {
  readonly network: pulumi.Input<string>;
  readonly aliases: readonly string[];
}

export interface Publication {
  /** Address of the host. */
  readonly ip: string;
  readonly external: number;
  readonly internal: number;
}

export interface ManagedContainerArgs {
  readonly stack: string;
  readonly role: ContainerRole;
  readonly image: Image;
  /** By mount point: config volumes at `/config`, secret ones at `/secrets`. */
  readonly files: { readonly config?: FilesVolume; readonly secrets?: FilesVolume };
  /** @default the image's */
  readonly entrypoint?: readonly string[];
  /** @default the image's */
  readonly command?: readonly string[];
  /** `NAME=value`, no secret. */
  readonly environment?: readonly string[];
  readonly mounts?: readonly Mount[];
  /** Writable in memory; everything else but the mounts is read-only. */
  readonly scratch: readonly string[];
  readonly networks: readonly Attachment[];
  readonly ports?: readonly Publication[];
  /** MiB; a limit, nothing is reserved. */
  readonly memory: number;
  /** MiB of /dev/shm. @default Docker's 64 */
  readonly sharedMemory?: number;
  readonly stopSignal: 'SIGTERM' | 'SIGINT' | 'SIGQUIT';
  /** Seconds from the stop signal to SIGKILL. */
  readonly grace: number;
  /** `steps`: created stopped, because only a switch or start step may run it. */
  readonly startedBy: 'engine' | 'steps';
  /** Command that exits 0 when the service answers. @default none: probes ask as a client does */
  readonly healthcheck?: readonly string[];
}

/** A service container with the least it needs: its own user, no capability, a read-only root, limits, rotated logs. */
export class ManagedContainer extends pulumi.ComponentResource {
  readonly container: docker.Container;
  /** Changes whenever the container is another one. */
  readonly containerId: pulumi.Output<string>;

  constructor(name: string, args: ManagedContainerArgs, opts?: pulumi.ComponentResourceOptions) {
    super('matrix:managed-container:ManagedContainer', name, { role: args.role, image: args.image.reference }, opts);
    const waits = [args.files.config, args.files.secrets].flatMap((files) => (files === undefined ? [] : [files.full]));
    this.container = new docker.Container(`${name}-container`, { ...identity(args), ...hardening(args), ...wiring(args), ...lifecycle(args) }, {
      parent: this,
      dependsOn: waits,
      // Two containers of one name cannot be, and a replacement that the provider did not ask for would create first.
      deleteBeforeReplace: true,
      // The provider plans some changes as updates and then does not apply them: mounts, healthcheck, tmpfs, init (seen with 5.1.0;
      // kreuzwerker/terraform-provider-docker issue 988). A container is cheap, so every change makes a new one.
      replaceOnChanges: ['*'],
    });
    this.containerId = this.container.id;
    this.registerOutputs({ containerId: this.containerId });
  }
}

function identity(args: ManagedContainerArgs): docker.ContainerArgs {
  return {
    name: namesOf(args.stack).container(args.role),
    image: args.image.reference,
    labels: labelsOf(args.stack, args.role),
    ...(args.entrypoint === undefined ? {} : { entrypoints: [...args.entrypoint] }),
    ...(args.command === undefined ? {} : { command: [...args.command] }),
    ...(args.environment === undefined ? {} : { envs: [...args.environment] }),
  };
}

function hardening(args: ManagedContainerArgs): Partial<docker.ContainerArgs> {
  return {
    user: `${args.image.uid}:${args.image.gid}`,
    capabilities: { drops: ['ALL'] },
    securityOpts: ['no-new-privileges'],
    readOnly: true,
    // The mount takes the owner of the image's directory unless told otherwise.
    tmpfs: Object.fromEntries(args.scratch.map((path) => [path, `uid=${args.image.uid},gid=${args.image.gid},mode=700`])),
    memory: args.memory,
    // The daemon fills in twice the memory when it is absent, which then shows as a difference.
    memorySwap: args.memory,
    ...(args.sharedMemory === undefined ? {} : { shmSize: args.sharedMemory }),
    logDriver: 'json-file',
    logOpts: { 'max-size': '20m', 'max-file': '5' },
  };
}

function wiring(args: ManagedContainerArgs): Partial<docker.ContainerArgs> {
  const { config, secrets } = args.files;
  const mounts: Mount[] = [
    ...(config === undefined ? [] : [{ source: config.volumeName, target: paths.config }]),
    ...(secrets === undefined ? [] : [{ source: secrets.volumeName, target: paths.secrets }]),
    ...(args.mounts ?? []),
  ];
  return {
    mounts: mounts.map(({ source, target, writable }) => ({
      type: pulumi.output(source).apply((value) => (value.startsWith('/') ? 'bind' : 'volume')),
      source, target, readOnly: writable !== true,
    })),
    networksAdvanced: args.networks.map(({ network, aliases }) => ({ name: network, aliases: [...aliases] })),
    ...(args.ports === undefined ? {} : { ports: args.ports.map((port) => ({ ...port, protocol: 'tcp' })) }),
  };
}

function lifecycle(args: ManagedContainerArgs): Partial<docker.ContainerArgs> {
  return {
    restart: 'unless-stopped',
    stopSignal: args.stopSignal,
    stopTimeout: args.grace,
    // What the provider waits on delete; its default kills at once.
    destroyGraceSeconds: args.grace,
    ...(args.startedBy === 'steps' ? { start: false, mustRun: false } : {}),
    // Spelt as Go prints durations, or every preview shows an update. All of them, also for none: Docker fills what is missing from the image's own check.
    healthcheck: { tests: args.healthcheck === undefined ? ['NONE'] : ['CMD', ...args.healthcheck], interval: '10s', timeout: '5s', retries: 3, startPeriod: '30s' },
  };
}
