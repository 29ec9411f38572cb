import * as pulumi from '@pulumi/pulumi';
import type { Image } from '../model/model.ts';
import { aliases, paths } from '../model/names.ts';
import { synapseConfigFiles } from '../templates/synapse.ts';
import type { FilesVolume } from './files-volume.ts';
import { ManagedContainer } from './managed-container.ts';
import type { Networks } from './networks.ts';

export interface SynapseArgs {
  readonly stack: string;
  /** Which login it has: its own, or MAS's. */
  readonly side: 'legacy' | 'delegated';
  readonly image: Image;
  readonly config: FilesVolume;
  readonly secrets: FilesVolume;
  /** Media and scratch, shared by both sides: only one runs at a time. */
  readonly data: pulumi.Input<string>;
  readonly networks: Networks;
  /** True when it sends transactions to bridges on the apps network. */
  readonly appservices: boolean;
}

/** One side of the homeserver. Created stopped: the switch and start steps run the live one. */
export class Synapse extends pulumi.ComponentResource {
  readonly server: ManagedContainer;

  constructor(name: string, args: SynapseArgs, opts?: pulumi.ComponentResourceOptions) {
    super('matrix:synapse:Synapse', name, { side: args.side, image: args.image.reference }, opts);
    this.server = new ManagedContainer(`${name}-server`, {
      stack: args.stack,
      role: `synapse-${args.side}`,
      image: args.image,
      files: { config: args.config, secrets: args.secrets },
      // Not /start.py: it starts as root. Later files win by top-level section (synapse/config/_base.py).
      entrypoint: ['python', '-m', 'synapse.app.homeserver'],
      command: synapseConfigFiles.flatMap((file) => ['-c', file]),
      mounts: [{ source: args.data, target: paths.synapseData, writable: true }],
      scratch: ['/tmp'],
      networks: [
        { network: args.networks.name.data, aliases: [] },
        { network: args.networks.name.backend, aliases: [aliases.synapse] },
        ...(args.appservices ? [{ network: args.networks.name.apps, aliases: [] }] : []),
      ],
      memory: 4096,
      stopSignal: 'SIGTERM',
      grace: 30,
      startedBy: 'steps',
    }, { parent: this });
    this.registerOutputs({});
  }
}
