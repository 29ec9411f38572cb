/** Where the demo keeps its sample people between runs: they hold passwords and tokens, so only the owner may read them. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { stateDirectory } from '../project.ts';
import type { SamplePeople } from '../sample-people.ts';

export const peopleFile = (stack: string): string => join(stateDirectory, 'demo', stack, 'people.json');
export const caFile = (stack: string): string => join(stateDirectory, 'demo', stack, 'ca.crt');

/** @returns null when none were made. */
export async function readPeople(stack: string): Promise<SamplePeople | null> {
  try {
    return JSON.parse(await readFile(peopleFile(stack), 'utf8')) as SamplePeople;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

export async function writePeople(stack: string, people: SamplePeople): Promise<void> {
  await mkdir(dirname(peopleFile(stack)), { recursive: true });
  await writeFile(peopleFile(stack), JSON.stringify(people, null, 2), { mode: 0o600 });
}

/** For browsers and curl: no secret. */
export async function writeCa(stack: string, pem: string): Promise<void> {
  await mkdir(dirname(caFile(stack)), { recursive: true });
  await writeFile(caFile(stack), pem);
}
