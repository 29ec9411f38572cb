import * as docker from '@pulumi/docker';
import * as pulumi from '@pulumi/pulumi';
import type { Model, Service } from '../model/model.ts';

export interface ImagesArgs {
  readonly images: Model['images'];
  /** Services whose images the stack runs. */
  readonly services: readonly Service[];
}

/** Images on the Docker host, pulled before anything needs them and kept when the stack goes. */
export class Images extends pulumi.ComponentResource {
  /** What containers wait for. */
  readonly pulled: readonly pulumi.Resource[];

  constructor(name: string, args: ImagesArgs, opts?: pulumi.ComponentResourceOptions) {
    super('matrix:images:Images', name, { services: args.services }, opts);
    this.pulled = args.services.flatMap((service) => {
      const image = args.images[service];
      // keepLocally: replacing one would delete it by name, also under a second stack on this host.
      return image === undefined ? [] : [new docker.RemoteImage(`${name}-${service}`, { name: image.reference, keepLocally: true }, { parent: this })];
    });
    this.registerOutputs({});
  }
}
