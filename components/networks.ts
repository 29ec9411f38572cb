import * as docker from '@pulumi/docker';
import * as pulumi from '@pulumi/pulumi';
import { namesOf, type tiers } from '../model/names.ts';
import type { Tier } from '../model/names.ts';
import { labelsOf } from './labels.ts';

export interface NetworksArgs {
  readonly stack: string;
  /** A mirror has no way out but through the edge's published ports. */
  readonly mirror: boolean;
}

/** The four networks of a stack (model/names.ts says who is on which). */
export class Networks extends pulumi.ComponentResource {
  /** Names, known once the network exists. */
  readonly name: { readonly [T in Tier]: pulumi.Output<string> };

  constructor(name: string, args: NetworksArgs, opts?: pulumi.ComponentResourceOptions) {
    super('matrix:networks:Networks', name, { stack: args.stack, mirror: args.mirror }, opts);
    const internal: { readonly [T in Tier]: boolean } = { data: true, backend: args.mirror, apps: args.mirror, public: false };
    const network = (tier: Tier): pulumi.Output<string> => new docker.Network(`${name}-${tier}`, {
      name: namesOf(args.stack).network(tier),
      driver: 'bridge',
      internal: internal[tier],
      labels: labelsOf(args.stack, tier),
    }, { parent: this, deleteBeforeReplace: true }).name;
    this.name = { data: network('data'), backend: network('backend'), apps: network('apps'), public: network('public') } satisfies { [T in (typeof tiers)[number]]: unknown };
    this.registerOutputs({});
  }
}
