import * as command from '@pulumi/command';
import * as pulumi from '@pulumi/pulumi';
import type { Phase } from '../model/model.ts';
import type { JobInput, JobName, StackFacts } from '../steps/contract.ts';

/** One link of a chain. */
export interface Step {
  readonly job: JobName;
  /** Values besides move and attempt that make the step run again. */
  readonly triggers?: readonly pulumi.Input<string>[];
  readonly options?: JobInput['options'];
}

export interface StepsArgs {
  readonly phase: Phase;
  /** Number of the move that the chain makes or has made. */
  readonly epoch: number;
  /** Tries of that move that were undone. */
  readonly attempt: number;
  readonly dockerHost: string;
  readonly facts: StackFacts;
  readonly steps: readonly Step[];
  /** What must exist before the first step. */
  readonly after: readonly pulumi.Resource[];
}

/**
 * A chain of host jobs, each after the one before it went well. Names hold the phase: another phase is another chain, made
 * in order before anything of the former one goes. The inputs hold nothing of the operator's machine and no secret.
 */
export class Steps extends pulumi.ComponentResource {
  /** What waits for the whole chain depends on this. */
  readonly last: pulumi.Resource;
  /** JSON that the last job printed: its summary and detail. */
  readonly result: pulumi.Output<string>;

  constructor(name: string, args: StepsArgs, opts?: pulumi.ComponentResourceOptions) {
    super('matrix:steps:Steps', name, { phase: args.phase, epoch: args.epoch, attempt: args.attempt, steps: args.steps.map((step) => step.job) }, opts);
    let last: command.local.Command | undefined;
    for (const step of args.steps) last = this.createStep(step, args, last === undefined ? args.after : [last]);
    if (last === undefined) throw new Error(`The chain ${name} has no step; expected at least one.`);
    this.last = last;
    this.result = last.stdout;
    this.registerOutputs({});
  }

  private createStep(step: Step, args: StepsArgs, after: readonly pulumi.Resource[]): command.local.Command {
    const input: JobInput = { job: step.job, facts: args.facts, wanted: args.phase, attempt: args.attempt, options: { ...step.options, epoch: args.epoch } };
    return new command.local.Command(`${args.phase}-${step.job}`, {
      create: 'node steps/host-job.ts',
      stdin: JSON.stringify(input),
      environment: { DOCKER_HOST: args.dockerHost },
      // What is wanted of the data is in no input else: a phase that was left half way and wanted again finds its old steps in the state.
      triggers: [args.epoch, args.attempt, ...(step.triggers ?? [])],
      // stdout is the result as JSON, for outputs; people read the progress on stderr.
      logging: 'stderr',
      addPreviousOutputInEnv: false,
    }, { parent: this, dependsOn: [...after] });
  }
}
