/** Starts and stops the containers of a side, and proves each by asking it. */
import { innerPorts } from '../model/names.ts';
import type { ContainerRole } from '../model/names.ts';
import type { JobContext } from './context.ts';
import type { StackFacts } from './contract.ts';
import { StepError } from './contract.ts';
import { inspect, logs, start, stop } from './docker-api.ts';
import type { Side } from './edge.ts';
import { until } from './until.ts';

/** Containers of each side, in the order they are stopped. */
export const containersOf = { legacy: ['synapse-legacy'], delegated: ['synapse-delegated', 'mas'] } as const satisfies Record<Side, readonly ContainerRole[]>;

/**
 * Seconds that a service gets to stop by itself. MAS allows itself 60 s (crates/cli/src/lifecycle.rs); a closed edge leaves it nothing to
 * wait for. A side that never opened gets little: while Synapse boots it has no signal handler yet, and as PID 1 it then hears no SIGTERM.
 */
export const grace = { live: 30, neverOpened: 3 } as const;
/** Seconds that a service gets to answer after its start; Synapse may have a schema to raise. */
const bootLimit = 120;

const nameOf = (facts: StackFacts, role: ContainerRole): string => {
  const name = facts.containers[role];
  if (name === undefined) throw new StepError(`The stack has no container for ${role}; expected one. Run pulumi up again.`);
  return name;
};

/** Where a job reaches a service inside the stack. */
export function direct(facts: StackFacts, side: Side): { synapse: string; mas: string; masInternal: string } {
  const synapse = nameOf(facts, side === 'legacy' ? 'synapse-legacy' : 'synapse-delegated');
  const mas = facts.containers.mas ?? 'mas';
  return { synapse: `http://${synapse}:${innerPorts.synapse}`, mas: `http://${mas}:${innerPorts.masWeb}`, masInternal: `http://${mas}:${innerPorts.masInternal}` };
}

const healthUrl = (facts: StackFacts, role: ContainerRole): string =>
  role === 'mas' ? `http://${nameOf(facts, role)}:${innerPorts.masInternal}/health` : `http://${nameOf(facts, role)}:${innerPorts.synapse}/health`;

async function answers(url: string): Promise<boolean> {
  try {
    return (await fetch(url, { signal: AbortSignal.timeout(2000) })).ok;
  } catch {
    // Not listening yet: asked again until the limit.
    return false;
  }
}

/** Waits until a started container answers its health path; one that ended says why at once. */
async function awaitHealthy(facts: StackFacts, role: ContainerRole): Promise<void> {
  const container = nameOf(facts, role);
  const since = (await inspect(container))?.startedAt;
  let ended = false;
  let next = 0;
  const healthy = await until(bootLimit * 1000, 25, async () => {
    if (await answers(healthUrl(facts, role))) return true;
    // A container that dies is restarted by the daemon; a changed start time tells it from a slow one.
    if (performance.now() > next) {
      next = performance.now() + 250;
      const state = await inspect(container);
      ended = state === null || !state.running || state.startedAt !== since;
    }
    return ended;
  });
  if (healthy && !ended) return;
  const said = await logs(container, 30);
  const tail = `${said.stdout}\n${said.stderr}`.trim().split('\n').filter((line) => line.trim() !== '').slice(-3).join(' | ').slice(0, 700);
  throw new StepError(`${role} ${ended ? 'ended right after it was started' : `did not answer within ${bootLimit} s`}; expected 200 at its /health. Its log ends: ${tail}. Look at docker logs ${container}`);
}

/** Whether every container of a side has been made, running or not. */
export async function sideExists({ facts }: JobContext, side: Side): Promise<boolean> {
  const found = await Promise.all(containersOf[side].map((role) => inspect(nameOf(facts, role))));
  return found.every((state) => state !== null);
}

/** Starts a side's containers side by side and waits until each answers. @returns milliseconds to health by container. */
export async function startSide(context: JobContext, side: Side): Promise<{ [role: string]: number }> {
  const times: { [role: string]: number } = {};
  await Promise.all(containersOf[side].map(async (role) => {
    const begin = performance.now();
    await start(nameOf(context.facts, role));
    await awaitHealthy(context.facts, role);
    times[role] = Math.round(performance.now() - begin);
  }));
  return times;
}

/** Stops a side's containers; those that the current phase does not have are skipped. @param seconds one of {@link grace}. */
export async function stopSide(context: JobContext, side: Side, seconds: number): Promise<void> {
  await Promise.all(containersOf[side].map(async (role) => {
    const name = context.facts.containers[role];
    if (name === undefined) return;
    await stop(name, seconds);
    const state = await inspect(name);
    if (state?.running === true) throw new StepError(`${role} still runs after it was stopped; expected it to have ended. Look at docker ps --filter name=${name}`);
  }));
}
