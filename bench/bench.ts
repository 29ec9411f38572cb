/**
 * Measures what is promised in numbers and writes bench/results.json: `npm run bench -- [--only NAME]… [--runs N] [--users N] [--out FILE]`.
 * Needs what `npm start` brings. A part that is measured alone replaces its former result when machine and versions are the same.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { loadavg } from 'node:os';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { benchChecks } from './checks.ts';
import { benchEngine } from './engine.ts';
import { benchJob } from './job.ts';
import { settingOf } from './machine.ts';
import type { Setting } from './machine.ts';
import { tableOf } from './measure.ts';
import type { Found, PartResult } from './measure.ts';
import { benchMemory } from './memory.ts';
import { benchRender } from './render.ts';
import { benchShutOut } from './shut-out.ts';
import { Subject } from './subject.ts';
import type { Options } from './subject.ts';

/** In order: what needs few people comes before what makes many. */
const parts = { render: benchRender, checks: benchChecks, engine: benchEngine, job: benchJob, memory: benchMemory, 'shut-out': benchShutOut } as const satisfies {
  readonly [name: string]: (options: Options, subject: Subject) => Promise<Found> };
type PartName = keyof typeof parts;
const names = Object.keys(parts) as PartName[];

interface Results extends Setting {
  readonly parts: { readonly [name: string]: PartResult };
}

class UsageError extends Error {
  override readonly name = 'UsageError';
}

function optionsOf(args: readonly string[]): Options & { readonly only: readonly PartName[]; readonly out: string } {
  const { values } = parseArgs({ args: [...args], options: { only: { type: 'string', multiple: true }, runs: { type: 'string' }, users: { type: 'string' }, out: { type: 'string' } } });
  const count = (name: string, text: string | undefined, otherwise: number): number => {
    const found = text === undefined ? otherwise : Number(text);
    if (!Number.isInteger(found) || found < 1) throw new UsageError(`--${name} is "${text}"; expected a whole number from 1. Type --${name} ${otherwise}`);
    return found;
  };
  const strange = values.only?.filter((name) => !(name in parts)) ?? [];
  if (strange.length > 0) throw new UsageError(`--only ${strange.join(', ')} is no part of the bench; expected one of ${names.join(', ')}.`);
  return { runs: count('runs', values.runs, 5), users: count('users', values.users, 20_000), only: names.filter((name) => values.only?.includes(name) ?? true),
    out: values.out === undefined ? fileURLToPath(new URL('results.json', import.meta.url)) : resolve(values.out) };
}

const same = (a: Setting, b: Setting): boolean => JSON.stringify([a.machine, a.versions, a.standIns]) === JSON.stringify([b.machine, b.versions, b.standIns]);

/** Parts of an earlier run that still hold beside this one. */
async function formerOf(file: string, setting: Setting): Promise<Results['parts']> {
  const text = await readFile(file, 'utf8').catch(() => null);
  if (text === null) return {};
  const former = JSON.parse(text) as Results;
  return same(former, setting) ? former.parts : {};
}

/** @returns whether every part could be measured; a goal that was missed is a result like another. */
async function bench(args: readonly string[]): Promise<boolean> {
  const { only, out, ...options } = optionsOf(args);
  const setting = await settingOf();
  const found: { [name: string]: PartResult } = {};
  const failed: string[] = [];
  const subject = new Subject();
  const interrupted = (): void => {
    console.error('Interrupted; what was made is removed.');
    void subject.remove().finally(() => process.exit(130));
  };
  process.once('SIGINT', interrupted);
  try {
    for (const name of only) {
      console.error(`${name} …`);
      const before = { at: new Date().toISOString(), loadBefore: loadavg().map((load) => Math.round(load * 100) / 100) };
      try {
        found[name] = { ...before, ...await parts[name](options, subject) };
        await writeFile(out, `${JSON.stringify({ ...setting, parts: { ...await formerOf(out, setting), ...found } } satisfies Results, null, 2)}\n`);
      } catch (error) {
        failed.push(name);
        console.error(`${name} could not be measured: ${error instanceof Error ? error.message : String(error)}`);
      }
    }
  } finally {
    await subject.remove();
    process.off('SIGINT', interrupted);
  }
  console.log(tableOf(found));
  for (const [name, { loadBefore, notes }] of Object.entries(found)) console.log([`\n${name}, load before ${loadBefore.join(' ')}:`, ...notes].join('\n  '));
  console.log(`\nStand-ins: ${setting.standIns.length === 0 ? 'none' : setting.standIns.join('; ')}.`);
  console.log(`${Object.values(found).some(({ measures }) => measures.some(({ met }) => met === false)) ? 'Some goals are missed' : 'Every goal that was measured is met'}.${failed.length === 0 ? '' : ` Not measured: ${failed.join(', ')}.`}${Object.keys(found).length === 0 ? '' : ` Written to ${out}`}`);
  return failed.length === 0;
}

try {
  process.exitCode = await bench(process.argv.slice(2)) ? 0 : 1;
} catch (error) {
  console.error(error instanceof UsageError || error instanceof TypeError ? error.message : error);
  process.exitCode = 2;
}
