/** Cut-overs and rollbacks of a stack with people on it, as seen from outside and as the ledger has them. */
import { observe } from '../test/e2e/support/observer.ts';
import type { TestStack } from '../test/e2e/support/stack.ts';
import { watchMemory } from './memory-watch.ts';
import type { Peak } from './memory-watch.ts';
import { fill, tokenOf } from './people.ts';

export interface MoveSample {
  readonly move: 'cut-over' | 'rollback';
  readonly users: number;
  /** Milliseconds from the first refused request to the first served one, of a client that asks every 50 ms. */
  readonly shutOut: number;
  /** The same as the switch measured it. */
  readonly measured: number;
  /** Milliseconds that cannot be saved: the stop, the data, the longer boot, the gate. */
  readonly floor: number;
  readonly times: { readonly [part: string]: number };
  /** Answers of the client, and those that were neither 200 nor the edge's closed one. */
  readonly answers: number;
  readonly strange: readonly string[];
  /** Peak by container: the switch, and the upstream's migration tool that it runs. */
  readonly memory: { readonly [container: string]: Peak };
  /** Milliseconds of the whole `up`. */
  readonly up: number;
}

export const switchJob = '-job-switch-';
export const migrateTool = '-tool-syn2mas-migrate';

/** Containers of each target, which boot side by side. */
const bootsOf = { 'cut-over': ['synapse-delegated', 'mas'], rollback: ['synapse-legacy'] } as const;

function floorOf(move: MoveSample['move'], times: MoveSample['times']): number {
  const part = (name: string): number => {
    const found = times[name];
    if (found === undefined) throw new Error(`The ledger's measured row of the ${move} has no "${name}"; it has ${Object.keys(times).join(', ')}.`);
    return found;
  };
  return part('stop') + part('data') + Math.max(...bootsOf[move].map(part)) + part('gate');
}

async function sampleMove(stack: TestStack, move: MoveSample['move'], users: number): Promise<MoveSample> {
  await stack.set('phase', move === 'cut-over' ? 'delegated' : 'legacy');
  if (move === 'rollback') await stack.set('acceptLoss', await stack.acceptedLoss());
  const peaks = watchMemory(stack.names.prefix, [switchJob, migrateTool]);
  const stop = await observe(stack, '/_matrix/client/v3/account/whoami', tokenOf(1));
  const ran = await stack.tryUp();
  const seen = await stop();
  const memory = await peaks();
  if (ran.code !== 0) throw new Error(`The ${move} ended with ${ran.code}:\n${ran.output}`);
  const row = JSON.parse(await stack.sql('synapse', "SELECT detail FROM matrix_stack.ledger WHERE result = 'measured' ORDER BY id DESC LIMIT 1")) as { move: string; shutOut: number; times: MoveSample['times'] };
  if (row.move !== move) throw new Error(`The last measured move is a ${row.move}; expected the ${move}.`);
  return { move, users, shutOut: seen.shutOut, measured: row.shutOut, floor: floorOf(move, row.times), times: row.times, answers: seen.answers.length,
    strange: seen.strange.slice(0, 20), memory, up: ran.milliseconds };
}

/** `runs` times: cut over and go back. Begins and ends in phase legacy. */
export async function sampleMoves(stack: TestStack, users: number, runs: number): Promise<readonly MoveSample[]> {
  await fill(stack, users);
  const samples: MoveSample[] = [];
  for (let run = 1; run <= runs; run += 1) {
    for (const move of ['cut-over', 'rollback'] as const) {
      const sample = await sampleMove(stack, move, users);
      console.error(`  ${move} ${run} of ${runs} with ${users} people: shut out for ${sample.shutOut} ms, floor ${sample.floor} ms${sample.strange.length === 0 ? '' : `, ${sample.strange.length} strange answers`}`);
      samples.push(sample);
    }
  }
  return samples;
}
