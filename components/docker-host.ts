import * as docker from '@pulumi/docker';
import * as pulumi from '@pulumi/pulumi';

export interface DockerHostArgs {
  /** `unix:///…` or `ssh://user@host`. */
  readonly host: string;
}

/** The Docker host of a stack: the one explicit provider that every resource goes through. */
export class DockerHost extends pulumi.ComponentResource {
  readonly provider: docker.Provider;

  constructor(name: string, args: DockerHostArgs, opts?: pulumi.ComponentResourceOptions) {
    super('matrix:docker-host:DockerHost', name, { host: args.host }, opts);
    this.provider = new docker.Provider(`${name}-docker`, { host: args.host }, { parent: this });
    this.registerOutputs({ host: args.host });
  }
}
