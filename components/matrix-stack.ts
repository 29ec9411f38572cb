import * as pulumi from '@pulumi/pulumi';
import { digestOf } from '../templates/file.ts';
import type { RenderedVolume } from '../templates/file.ts';
import type { Image, Model, Phase, Service } from '../model/model.ts';
import { namesOf } from '../model/names.ts';
import type { JobName, StackFacts } from '../steps/contract.ts';
import { jobOptions, jobsAfter, jobsBefore } from './chains.ts';
import { DataVolumes } from './data-volumes.ts';
import { Edge } from './edge.ts';
import { ElementWeb } from './element-web.ts';
import { FilesVolume } from './files-volume.ts';
import { Images } from './images.ts';
import type { ManagedContainer } from './managed-container.ts';
import { Mas } from './mas.ts';
import { Networks } from './networks.ts';
import { Postgres } from './postgres.ts';
import { Steps } from './steps.ts';
import { Synapse } from './synapse.ts';

export interface MatrixStackArgs {
  readonly model: Model;
  readonly volumes: readonly RenderedVolume[];
  /** Owner to name on the host, for the files of this phase. */
  readonly fileNames: { readonly [owner: string]: string };
  readonly facts: StackFacts;
  /** The move that the steps make or have made, and its tries that were undone. */
  readonly decision: { readonly epoch: number; readonly attempt: number };
}

type Side = 'legacy' | 'delegated';

/** Sides of the homeserver that a phase keeps. */
const sidesOf: { readonly [P in Phase]: readonly Side[] } = { legacy: ['legacy'], delegated: ['legacy', 'delegated'], committed: ['delegated'] };

/** By the first word of an owner: whose image is on the host anyway and can carry its files. */
const carriers: { readonly [owner: string]: Service } = { synapse: 'synapse', mas: 'mas', syn2mas: 'mas', edge: 'edge', element: 'elementWeb', postgres: 'postgres', runner: 'runner' };

/** @returns owner to volume name on the host, for the files that this phase uses. @param digestKey keys the digests of secret files. */
export function fileNamesOf({ stack, phase }: Pick<Model, 'stack' | 'phase'>, volumes: readonly RenderedVolume[], digestKey: string): { readonly [owner: string]: string } {
  return Object.fromEntries(volumes.filter((volume) => usedIn(phase, volume.owner)).map((volume) => [volume.owner, namesOf(stack).filesVolume(volume.owner, digestOf(volume, digestKey))]));
}

/** Whether a phase has a use for the files of this owner. */
export function usedIn(phase: Phase, owner: string): boolean {
  if (owner.startsWith('synapse-legacy')) return sidesOf[phase].includes('legacy');
  if (owner.startsWith('synapse-delegated') || owner.startsWith('mas')) return sidesOf[phase].includes('delegated');
  return owner.startsWith('syn2mas') ? phase === 'delegated' : true;
}

/** Everything of one stack. Which resources exist follows from the model alone; what is live is the steps' business. */
export class MatrixStack extends pulumi.ComponentResource {
  /** What the last step recorded, as JSON. */
  readonly recorded: pulumi.Output<string>;
  private readonly args: MatrixStackArgs;
  private readonly files: ReadonlyMap<string, FilesVolume>;
  private readonly networks: Networks;
  private readonly data: DataVolumes;

  constructor(name: string, args: MatrixStackArgs, opts?: pulumi.ComponentResourceOptions) {
    super('matrix:matrix-stack:MatrixStack', name, { serverName: args.model.serverName, phase: args.model.phase }, opts);
    this.args = args;
    const images = this.createImages();
    this.networks = this.createNetworks();
    this.data = this.createData(images);
    this.files = this.createFiles(images);
    const postgres = this.createPostgres();
    const before = this.createStepsBefore([...images.pulled, ...(postgres === null ? [] : [postgres])]);
    const sides = this.createSides(before.last);
    const front = this.createFront(before.last);
    const after = this.createStepsAfter(sides, front);
    this.recorded = after.result;
    this.registerOutputs({});
  }

  private createImages(): Images {
    const { images, phase } = this.args.model;
    const used: readonly Service[] = ['postgres', 'synapse', 'mas', 'edge', 'elementWeb', 'runner'];
    const services = used.filter((service) => images[service] !== undefined && (service !== 'mas' || phase !== 'legacy'));
    return new Images('images', { images, services }, { parent: this });
  }

  private createNetworks(): Networks {
    const { stack, mirror } = this.args.model;
    return new Networks('networks', { stack, mirror: mirror !== undefined }, { parent: this });
  }

  private createData(images: Images): DataVolumes {
    const { stack, dockerHost, demo, postgres } = this.args.model;
    return new DataVolumes('data', { stack, dockerHost, demo, postgres: postgres.mode === 'managed', synapse: this.image('synapse') }, { parent: this, dependsOn: [...images.pulled] });
  }

  private createFiles(images: Images): ReadonlyMap<string, FilesVolume> {
    const { stack, dockerHost } = this.args.model;
    return new Map(this.args.volumes.flatMap((volume) => {
      const volumeName = this.args.fileNames[volume.owner];
      if (volumeName === undefined) return [];
      const carrier = carriers[volume.owner.split('-')[0] ?? ''] ?? 'runner';
      const logical = volumeName.slice(namesOf(stack).prefix.length + 1);
      return [[volume.owner, new FilesVolume(logical, { stack, dockerHost, volumeName, volume, image: this.image(carrier).reference },
        { parent: this, dependsOn: [...images.pulled] })] as const];
    }));
  }

  private createPostgres(): Postgres | null {
    if (this.data.name.postgres === null) return null;
    return new Postgres('postgres', { stack: this.args.model.stack, image: this.image('postgres'), secrets: this.filesOf('postgres-secrets'),
      data: this.data.name.postgres, networks: this.networks }, { parent: this });
  }

  private createStepsBefore(after: readonly pulumi.Resource[]): Steps {
    return this.createSteps('before', jobsBefore(this.args.model.phase, this.args.model), [], after);
  }

  private createSides(checked: pulumi.Resource): readonly ManagedContainer[] {
    const { stack, phase, appservices, mirror } = this.args.model;
    const opts = { parent: this, dependsOn: [checked, this.data.owned] };
    const synapses = sidesOf[phase].map((side) => new Synapse(`synapse-${side}`, { stack, side, image: this.image('synapse'), config: this.filesOf(`synapse-${side}`),
      secrets: this.filesOf(`synapse-${side}-secrets`), data: this.data.name.synapse, networks: this.networks,
      appservices: appservices.length > 0 && mirror === undefined }, opts).server);
    if (phase === 'legacy') return synapses;
    return [...synapses, new Mas('mas', { stack, image: this.image('mas'), config: this.filesOf('mas'), secrets: this.filesOf('mas-secrets'), networks: this.networks }, opts).server];
  }

  private createFront(checked: pulumi.Resource): readonly ManagedContainer[] {
    const { stack, hosts, ports, tls, images } = this.args.model;
    const opts = { parent: this, dependsOn: [checked] };
    const edge = new Edge('edge', { stack, image: this.image('edge'), config: this.filesOf('edge'), secrets: this.filesOf('edge-secrets'), markers: this.data.name.markers,
      networks: this.networks, hosts, ports, tls }, opts);
    if (images.elementWeb === undefined || hosts.element === undefined) return [edge.server];
    return [edge.server, new ElementWeb('element-web', { stack, image: images.elementWeb, config: this.filesOf('element'), networks: this.networks }, opts).server];
  }

  private createStepsAfter(sides: readonly ManagedContainer[], front: readonly ManagedContainer[]): Steps {
    return this.createSteps('after', jobsAfter, [...sides, ...front], [...sides, ...front]);
  }

  private createSteps(half: string, jobs: readonly JobName[], containers: readonly ManagedContainer[], after: readonly pulumi.Resource[]): Steps {
    const { model, facts, decision: { epoch, attempt } } = this.args;
    const ids = containers.map((container) => container.containerId);
    const triggers = (job: JobName): pulumi.Input<string>[] => {
      switch (job) {
        case 'start':
          return ids;
        case 'probe':
        case 'record':
          return [facts.modelDigest, ...ids];
        case 'check-configs':
          return [facts.modelDigest];
        default:
          return [];
      }
    };
    return new Steps(`${model.phase}-${half}`, { phase: model.phase, epoch, attempt, dockerHost: model.dockerHost, facts,
      steps: jobs.map((job) => ({ job, triggers: triggers(job), options: jobOptions(job, model) })), after: [...this.everyFile(), ...after] }, { parent: this });
  }

  private everyFile(): readonly pulumi.Resource[] {
    return [...this.files.values()].map((volume) => volume.full);
  }

  private filesOf(owner: string): FilesVolume {
    const found = this.files.get(owner);
    if (found === undefined) throw new Error(`No template renders the files of "${owner}"; expected one of ${[...this.files.keys()].join(', ')}.`);
    return found;
  }

  private image(service: Service): Image {
    const found = this.args.model.images[service];
    if (found === undefined) throw new Error(`The model names no image for ${service}; expected one in versions.json.`);
    return found;
  }
}
