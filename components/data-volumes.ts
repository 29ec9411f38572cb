import * as command from '@pulumi/command';
import * as docker from '@pulumi/docker';
import * as pulumi from '@pulumi/pulumi';
import type { Image } from '../model/model.ts';
import { namesOf } from '../model/names.ts';
import type { DataVolume } from '../model/names.ts';
import type { FillInput } from '../steps/files-archive.ts';
import { labelsOf } from './labels.ts';

export interface DataVolumesArgs {
  readonly stack: string;
  readonly dockerHost: string;
  /** A throw-away stack: its data goes with it. */
  readonly demo: boolean;
  /** False when PostgreSQL is somebody else's server. */
  readonly postgres: boolean;
  /** Whose user writes the media. */
  readonly synapse: Image;
}

/** The volumes that hold what cannot be rendered again. */
export class DataVolumes extends pulumi.ComponentResource {
  readonly name: { readonly [D in Exclude<DataVolume, 'postgres'>]: pulumi.Output<string> } & { readonly postgres: pulumi.Output<string> | null };
  /** What containers that write media wait for. */
  readonly owned: pulumi.Resource;

  constructor(name: string, args: DataVolumesArgs, opts?: pulumi.ComponentResourceOptions) {
    super('matrix:data-volumes:DataVolumes', name, { stack: args.stack, demo: args.demo, postgres: args.postgres }, opts);
    const volumes = {
      postgres: args.postgres ? this.createVolume(name, 'postgres', args) : null,
      synapse: this.createVolume(name, 'synapse', args),
      markers: this.createVolume(name, 'markers', args),
      backups: this.createVolume(name, 'backups', args),
    };
    this.name = { postgres: volumes.postgres?.name ?? null, synapse: volumes.synapse.name, markers: volumes.markers.name, backups: volumes.backups.name };
    this.owned = this.createOwner(name, volumes.synapse, args);
    this.registerOutputs({});
  }

  private createVolume(name: string, data: DataVolume, args: DataVolumesArgs): docker.Volume {
    return new docker.Volume(`${name}-${data}`, { name: namesOf(args.stack).volume(data), labels: labelsOf(args.stack, data) }, {
      parent: this,
      protect: !args.demo,
      retainOnDelete: !args.demo,
      // Any changed property would replace the volume and destroy what it holds.
      ignoreChanges: ['labels', 'driverOpts'],
    });
  }

  /** The image has no directory of Synapse's user there, so a new volume would belong to root. */
  private createOwner(name: string, volume: docker.Volume, args: DataVolumesArgs): pulumi.Resource {
    const { reference, uid, gid } = args.synapse;
    const input: FillInput = { stack: args.stack, volume: namesOf(args.stack).volume('synapse'), image: reference, files: [], secret: false, uid, gid };
    return new command.local.Command(`${name}-synapse-owner`, {
      create: 'node steps/fill-volume.ts',
      stdin: JSON.stringify(input),
      environment: { DOCKER_HOST: args.dockerHost },
      addPreviousOutputInEnv: false,
      // The image only carries the files: another version of it changes nothing.
    }, { parent: this, dependsOn: [volume], ignoreChanges: ['stdin'] });
  }
}
