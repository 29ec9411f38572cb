/** The stack that is measured: made when the first part needs it, in phase legacy and running, removed at the end. */
import { TestStack } from '../test/e2e/support/stack.ts';
import { sampleMoves } from './moves.ts';
import type { MoveSample } from './moves.ts';

export interface Options {
  readonly runs: number;
  /** People on the server while it moves. */
  readonly users: number;
}

export class Subject {
  private stack: Promise<TestStack> | undefined;
  private readonly removals: (() => Promise<void>)[] = [];
  private readonly moves = new Map<number, Promise<readonly MoveSample[]>>();

  /** The running stack. */
  running(): Promise<TestStack> {
    this.stack ??= this.create();
    return this.stack;
  }

  private async create(): Promise<TestStack> {
    const stack = await TestStack.create('bench');
    this.atEnd(() => stack.remove());
    await stack.up();
    return stack;
  }

  /** What is done at the end, the last one first. */
  atEnd(removal: () => Promise<void>): void {
    this.removals.push(removal);
  }

  /** Cut-overs and rollbacks with so many people, made once for all parts. People only ever grow: ask for few before many. */
  async movesWith(users: number, runs: number): Promise<readonly MoveSample[]> {
    const samples = this.moves.get(users) ?? this.running().then((stack) => sampleMoves(stack, users, runs));
    this.moves.set(users, samples);
    return samples;
  }

  async remove(): Promise<void> {
    for (let removal = this.removals.pop(); removal !== undefined; removal = this.removals.pop()) await removal();
  }
}
