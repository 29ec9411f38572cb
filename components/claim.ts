import * as command from '@pulumi/command';
import * as pulumi from '@pulumi/pulumi';
import type { ClaimInput } from '../steps/claim.ts';

export interface ClaimArgs extends ClaimInput {
  readonly dockerHost: string;
}

/**
 * Made before everything else of a stack, and once: a state that does not hold it yet is new, or another one was lost. Then
 * the Docker host must be free of this stack, or be freed because `matrix:recover` says so.
 */
export class Claim extends pulumi.ComponentResource {
  constructor(name: string, args: ClaimArgs, opts?: pulumi.ComponentResourceOptions) {
    const { dockerHost, ...input } = args;
    super('matrix:claim:Claim', name, { stack: input.stack }, opts);
    new command.local.Command(`${name}-host`, {
      create: 'node steps/claim.ts',
      stdin: JSON.stringify(input satisfies ClaimInput),
      environment: { DOCKER_HOST: dockerHost },
      logging: 'stderr',
      addPreviousOutputInEnv: false,
      // What was asked for once is no reason to ask again.
    }, { parent: this, ignoreChanges: ['stdin', 'environment'] });
    this.registerOutputs({});
  }
}
