/** What the full stack costs at the engine, against a program that makes nothing with the same settings, backend and way in. */
import { ledgerOf } from '../operator/loaded-stack.ts';
import { renderAll } from '../templates/all.ts';
import { command, TestStack } from '../test/e2e/support/stack.ts';
import ours from '../package.json' with { type: 'json' };
import { measure, medianOf, millisecondsOf } from './measure.ts';
import type { Found, Measure } from './measure.ts';
import { startOfProvider } from './providers.ts';
import type { Options, Subject } from './subject.ts';

const goal = 1.5;
const operations = { preview: ['--expect-no-changes'], up: ['--yes', '--expect-no-changes'] } as const;
type Operation = keyof typeof operations;

async function timeOf(stack: TestStack, program: string[], operation: Operation, args: readonly string[] = operations[operation]): Promise<number> {
  const ran = await command('node', [...program, operation, stack.name, ...args], { env: stack.environment });
  if (ran.code !== 0) throw new Error(`${program.join(' ')} ${operation} ended with ${ran.code}; expected no changes:\n${ran.output}`);
  return ran.milliseconds;
}

/** What lies between the two programs, each part by itself. */
async function costs(stack: TestStack, runs: number): Promise<readonly Measure[]> {
  const loaded = await stack.load();
  const ledger: number[] = [];
  const program: number[] = [];
  const render: number[] = [];
  const docker: number[] = [];
  const commands: number[] = [];
  for (let run = 0; run < runs; run += 1) {
    ledger.push(await millisecondsOf(() => ledgerOf(loaded)));
    program.push(Number((await command('node', ['bench/load-program.ts'], { env: stack.environment })).output));
    docker.push(await startOfProvider('docker', ours.dependencies['@pulumi/docker']));
    commands.push(await startOfProvider('command', ours.dependencies['@pulumi/command']));
    render.push(await millisecondsOf(() => renderAll(loaded.model, loaded.secret)));
  }
  return [measure('of that: the read of the ledger', 'ms', ledger), measure('of that: loading the program', 'ms', program), measure('of that: rendering, warm', 'ms', render),
    measure('of that: start of the provider docker', 'ms', docker), measure('of that: start of the provider command', 'ms', commands)];
}

export async function benchEngine({ runs }: Options, subject: Subject): Promise<Found> {
  const full = await subject.running();
  const empty = await TestStack.create('bench-empty', {}, {}, full);
  subject.atEnd(() => empty.remove());
  const real = ['operator/main.ts'];
  const nothing = ['bench/empty-program.ts'];
  await timeOf(empty, nothing, 'up', ['--yes']);
  const times = { preview: { full: [] as number[], empty: [] as number[] }, up: { full: [] as number[], empty: [] as number[] } };
  // In turns, so that whatever else the machine does falls on both.
  for (let run = 0; run < runs; run += 1) {
    for (const operation of ['preview', 'up'] as const) {
      times[operation].empty.push(await timeOf(empty, nothing, operation));
      times[operation].full.push(await timeOf(full, real, operation));
    }
  }
  const measures = (['preview', 'up'] as const).flatMap((operation) => {
    const found = times[operation];
    return [measure(`${operation}, full stack`, 'ms', found.full), measure(`${operation}, empty program`, 'ms', found.empty),
      measure(`${operation}, full / empty`, 'x', [medianOf(found.full) / medianOf(found.empty)], goal)];
  });
  const { deployment } = JSON.parse((await full.pulumi('stack', 'export')).output) as { deployment: { resources?: readonly unknown[] } };
  return { measures: [...measures, ...await costs(full, runs)],
    notes: [`${deployment.resources?.length ?? 0} resources in the full stack, phase legacy, running, nothing to change. A no-op up is "up --yes": its preview and its update.`,
      '"of that": parts that the full stack has beyond the empty program, each measured alone; a no-op up makes two passes. The rest is the registration of each resource and its comparison by its provider.'] };
}
