import { createInterface } from 'node:readline/promises';
import { exitCodes, VerbError } from './exit-codes.ts';

/** @returns what a person at the terminal says; true with --yes. @throws VerbError where there is nobody to ask. */
export async function confirmed(question: string, yes: boolean): Promise<boolean> {
  if (yes) return true;
  if (!process.stdin.isTTY) throw new VerbError(exitCodes.refused, `Nobody is here to answer "${question}"; nothing was done. Add --yes to mean it.`);
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  try {
    return /^y(es)?$/i.test((await terminal.question(`${question} [y/N] `)).trim());
  } finally {
    terminal.close();
  }
}
