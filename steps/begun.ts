/**
 * A mark beside the job's input, from the moment a move begins until it is carried out either way. A job that fails
 * in between ends without a result, so that the daemon starts it again: who finds the mark has something to finish or undo.
 */
import { existsSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { paths } from '../model/names.ts';

const mark = join(paths.job, 'begun');

export async function begun(): Promise<void> {
  await writeFile(mark, '');
}

export async function settled(): Promise<void> {
  await rm(mark, { force: true });
}

/** Whether this job began a move that may be half done. */
export const unsettled = (): boolean => existsSync(mark);
