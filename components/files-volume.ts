import * as command from '@pulumi/command';
import * as docker from '@pulumi/docker';
import * as pulumi from '@pulumi/pulumi';
import type { FillInput } from '../steps/files-archive.ts';
import type { RenderedVolume } from '../templates/file.ts';
import { labelsOf } from './labels.ts';

export interface FilesVolumeArgs {
  readonly stack: string;
  readonly dockerHost: string;
  /** Name on the host; holds the digest of the files, so that other files are another volume. */
  readonly volumeName: string;
  readonly volume: RenderedVolume;
  /** An image that is on the host: it carries the files into the volume. */
  readonly image: string;
}

/**
 * An immutable volume of rendered files. Its logical name must hold the digest too: a change is then a new resource, made
 * before its user is replaced, and the old one goes after its last user.
 */
export class FilesVolume extends pulumi.ComponentResource {
  /** Name on the host, known once the volume is full. */
  readonly volumeName: pulumi.Output<string>;
  /** What a user of the volume waits for. */
  readonly full: pulumi.Resource;

  constructor(name: string, args: FilesVolumeArgs, opts?: pulumi.ComponentResourceOptions) {
    // The files are no input of the component: they would be stored in its state in clear.
    super('matrix:files-volume:FilesVolume', name, { owner: args.volume.owner, volumeName: args.volumeName }, opts);
    const volume = this.createVolume(name, args);
    this.full = this.createContent(name, args, volume);
    this.volumeName = pulumi.output(args.volumeName);
    this.registerOutputs({ volumeName: args.volumeName });
  }

  private createVolume(name: string, args: FilesVolumeArgs): docker.Volume {
    return new docker.Volume(`${name}-volume`, { name: args.volumeName, labels: labelsOf(args.stack, `files-${args.volume.owner}`) }, { parent: this });
  }

  private createContent(name: string, args: FilesVolumeArgs, volume: docker.Volume): pulumi.Resource {
    const { files, secret, uid, gid } = args.volume;
    const input = JSON.stringify({ stack: args.stack, volume: args.volumeName, image: args.image, files, secret, uid, gid } satisfies FillInput);
    return new command.local.Command(`${name}-content`, {
      create: 'node steps/fill-volume.ts',
      stdin: secret ? pulumi.secret(input) : input,
      environment: { DOCKER_HOST: args.dockerHost },
      addPreviousOutputInEnv: false,
      ...(secret ? { logging: 'none' } : {}),
      // A secret stdin does not make the outputs secret. The name holds the digest, so what differs in stdin is the carrier.
    }, { parent: this, dependsOn: [volume], ignoreChanges: ['stdin'], ...(secret ? { additionalSecretOutputs: ['stdout', 'stderr'] } : {}) });
  }
}
