import * as pulumi from '@pulumi/pulumi';
import type { Image } from '../model/model.ts';
import { aliases, innerPorts, paths } from '../model/names.ts';
import type { FilesVolume } from './files-volume.ts';
import { ManagedContainer } from './managed-container.ts';
import type { Networks } from './networks.ts';

export interface ElementWebArgs {
  readonly stack: string;
  readonly image: Image;
  readonly config: FilesVolume;
  readonly networks: Networks;
}

/** The browser client: static files behind the edge. */
export class ElementWeb extends pulumi.ComponentResource {
  readonly server: ManagedContainer;

  constructor(name: string, args: ElementWebArgs, opts?: pulumi.ComponentResourceOptions) {
    super('matrix:element-web:ElementWeb', name, { image: args.image.reference }, opts);
    this.server = new ManagedContainer(`${name}-server`, {
      stack: args.stack,
      role: 'element',
      image: args.image,
      files: { config: args.config },
      // The image's entry point writes into /etc/nginx and its page expects config.json in /app; our nginx.conf puts both together.
      entrypoint: ['nginx'],
      command: ['-e', 'stderr', '-c', `${paths.config}/nginx.conf`],
      environment: [`ELEMENT_WEB_PORT=${innerPorts.element}`],
      scratch: ['/tmp'],
      networks: [{ network: args.networks.name.backend, aliases: [aliases.element] }],
      memory: 128,
      stopSignal: 'SIGQUIT',
      grace: 10,
      startedBy: 'engine',
    }, { parent: this });
    this.registerOutputs({});
  }
}
