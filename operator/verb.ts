/** What every verb of `matrix-stack` is. */
import type { ParseArgsConfig } from 'node:util';
import type { ExitCode } from './exit-codes.ts';

export interface Verb {
  readonly name: string;
  /** One line in the list of verbs. */
  readonly summary: string;
  /** After `matrix-stack NAME`, e.g. `<stack> [--json]`. */
  readonly usage: string;
  /** Names of the positional arguments; all are needed. */
  readonly arguments: readonly string[];
  /** Options besides --help, --yes and --json. */
  readonly options?: NonNullable<ParseArgsConfig['options']>;
  /** True: whatever follows the positional arguments goes to pulumi as it is. */
  readonly passesOn?: boolean;
  run(input: VerbInput): Promise<ExitCode>;
}

export interface VerbInput {
  /** The positional arguments, as many as the verb names. */
  readonly positionals: readonly string[];
  readonly options: { readonly [name: string]: string | boolean | undefined };
  /** Answer yes to every question. */
  readonly yes: boolean;
  /** Print one JSON document on stdout instead of text. */
  readonly json: boolean;
  /** For verbs that pass on. */
  readonly rest: readonly string[];
}
