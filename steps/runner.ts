/**
 * Entry of the runner container: runs one job and prints `RESULT <json>` as its last line.
 * Killed in the middle, the daemon starts it again; a job reads the ledger first and finishes or undoes.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { hostname } from 'node:os';
import { paths } from '../model/names.ts';
import type { JobInput, JobName, JobResult, RunnerSecrets } from './contract.ts';
import { unsettled } from './begun.ts';
import { StepError } from './contract.ts';
import type { Job, JobContext, JobReport } from './context.ts';
import { neverRestart } from './docker-api.ts';
import { SwitchHold } from './move.ts';
import { adopt } from './jobs/adopt.ts';
import { backup } from './jobs/backup.ts';
import { checkConfigs } from './jobs/check-configs.ts';
import { evidence } from './jobs/evidence.ts';
import { masSchema } from './jobs/mas-schema.ts';
import { mirror } from './jobs/mirror.ts';
import { preflight } from './jobs/preflight.ts';
import { prepare } from './jobs/prepare.ts';
import { probe } from './jobs/probe.ts';
import { record } from './jobs/record.ts';
import { startLive } from './jobs/start.ts';
import { switchSides } from './jobs/switch.ts';
import { syn2masCheck, syn2masDryRun } from './jobs/syn2mas.ts';

const jobs: { readonly [J in JobName]?: Job } = { prepare, adopt, mirror, evidence, preflight, backup, 'check-configs': checkConfigs, 'mas-schema': masSchema, 'syn2mas-check': syn2masCheck,
  'dry-run': syn2masDryRun, switch: switchSides, start: startLive, probe, record };

/** They take their turn themselves: one makes the database that the lock lives in, the other owns a move. */
const ownTurn: readonly JobName[] = ['prepare', 'switch'];

/** One job at a time on a database, whoever started it: another chain could take this one's roles or MAS's database away. */
async function inTurn(job: Job, context: JobContext): Promise<JobReport> {
  if (ownTurn.includes(context.job)) return job(context);
  const hold = await SwitchHold.take(context);
  try {
    return await job(context);
  } finally {
    await hold.close();
  }
}

async function main(): Promise<JobResult | null> {
  const input = JSON.parse(await readFile(join(paths.job, 'input.json'), 'utf8')) as JobInput;
  const holder = (await readFile(join(paths.job, 'holder'), 'utf8')).trim();
  const job = jobs[input.job];
  if (job === undefined) return { ok: false, message: `Job "${input.job}" is not known to this version; expected one of ${Object.keys(jobs).join(', ')}.`, detail: {} };
  const secrets = JSON.parse(await readFile(join(paths.secrets, 'runner.json'), 'utf8')) as RunnerSecrets;
  try {
    const report = await inTurn(job, { job: input.job, facts: input.facts, secrets, wanted: input.wanted, attempt: input.attempt, options: input.options, holder, log: (line) => console.log(line) });
    return { ok: true, summary: report.summary, detail: report.detail ?? {} };
  } catch (error) {
    if (unsettled()) {
      console.log(`${error instanceof Error ? error.message : String(error)}; this job is started again and goes on from the ledger`);
      return null;
    }
    if (error instanceof StepError) return { ok: false, message: error.message, detail: error.detail };
    return { ok: false, message: `${input.job} failed in a way that was not foreseen: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`, detail: {} };
  }
}

const result = await main();
if (result === null) process.exit(1);
console.log(`RESULT ${JSON.stringify(result)}`);
// Exit code 0 and no restart: the job said what it had to say, in either direction.
await neverRestart(hostname());
