import * as pulumi from '@pulumi/pulumi';
import type { Image } from '../model/model.ts';
import { aliases } from '../model/names.ts';
import { masConfigFiles } from '../templates/mas.ts';
import type { FilesVolume } from './files-volume.ts';
import { ManagedContainer } from './managed-container.ts';
import type { Networks } from './networks.ts';

export interface MasArgs {
  readonly stack: string;
  readonly image: Image;
  readonly config: FilesVolume;
  readonly secrets: FilesVolume;
  readonly networks: Networks;
}

/** Matrix Authentication Service. Created stopped: the switch and start steps run it. */
export class Mas extends pulumi.ComponentResource {
  readonly server: ManagedContainer;

  constructor(name: string, args: MasArgs, opts?: pulumi.ComponentResourceOptions) {
    super('matrix:mas:Mas', name, { image: args.image.reference }, opts);
    this.server = new ManagedContainer(`${name}-server`, {
      stack: args.stack,
      role: 'mas',
      image: args.image,
      files: { config: args.config, secrets: args.secrets },
      // A missing file would silently be an empty document; the check-configs step has read this one.
      command: ['server', ...masConfigFiles.flatMap((file) => ['-c', file])],
      scratch: ['/tmp'],
      networks: [
        { network: args.networks.name.data, aliases: [] },
        { network: args.networks.name.backend, aliases: [aliases.mas] },
      ],
      memory: 1024,
      stopSignal: 'SIGTERM',
      grace: 30,
      startedBy: 'steps',
    }, { parent: this });
    this.registerOutputs({});
  }
}
