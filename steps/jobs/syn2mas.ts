/** `syn2mas check` and the dry run, beside the running server. Exit codes 0, 1, 10 and 11 mean four different things. */
import type { Job, JobContext } from '../context.ts';
import { StepError } from '../contract.ts';
import { databases } from '../../model/names.ts';
import { withDatabase } from '../databases.ts';
import { oneShot } from '../docker-api.ts';
import type { OneShotResult } from '../docker-api.ts';
import { read } from '../ledger.ts';
import { allow, revoke } from '../roles.ts';
import { firstError, parseCheck } from '../syn2mas-report.ts';
import { syn2masTool } from '../tools.ts';

/** True when the ledger says that people are still on the legacy login and MAS is wanted. */
export async function cutOverIsWanted({ facts, secrets, wanted }: JobContext): Promise<boolean> {
  const ledger = await withDatabase(facts, secrets, databases.synapse, read);
  return wanted === 'delegated' && (ledger.phase === 'legacy' || ledger.unfinished?.move === 'cut-over' && ledger.unfinished.decision !== 'opened');
}

async function runTool(context: JobContext, tool: string, command: readonly string[], timeout: number): Promise<OneShotResult> {
  const { facts, secrets } = context;
  const query = (work: (q: Parameters<typeof allow>[0]) => Promise<void>): Promise<void> => withDatabase(facts, secrets, 'postgres', work);
  await query((q) => allow(q, 'syn2mas'));
  try {
    return await oneShot(syn2masTool(facts, tool, command), timeout);
  } finally {
    await query((q) => revoke(q, 'syn2mas'));
  }
}

export const syn2masCheck: Job = async (context) => {
  if (!(await cutOverIsWanted(context))) return { summary: 'syn2mas check: no cut-over is wanted.' };
  const result = await runTool(context, 'syn2mas-check', ['check'], 300_000);
  const output = `${result.stdout}\n${result.stderr}`;
  const report = parseCheck(output);
  const accepted = new Set(context.facts.acceptWarnings);
  const open = report.warnings.filter((warning) => !accepted.has(warning.name));
  switch (result.exitCode) {
    case 0:
      return { summary: 'syn2mas check: no errors, no warnings.' };
    case 11:
      if (open.length === 0) return { summary: `syn2mas check: warnings accepted by name: ${report.warnings.map((warning) => warning.name).join(', ')}.`, detail: { warnings: report.warnings } };
      throw new StepError(`syn2mas check warns: ${open.map((warning) => `${warning.name}: ${warning.text}`).join(' | ')} Nothing was changed. If these are meant, add their names to matrix:migration.acceptWarnings (${open.map((warning) => warning.name).join(', ')}).`, { warnings: open });
    case 10:
      throw new StepError(`syn2mas check found ${report.errors.length} error(s) that block the cut-over: ${report.errors.map((error) => `${error.name}: ${error.text}`).join(' | ')} Nothing was changed.`, { errors: report.errors });
    default:
      throw new StepError(`syn2mas check could not run (exit code ${result.exitCode}): ${firstError(output)} Nothing was changed.`);
  }
};

export const syn2masDryRun: Job = async (context) => {
  if (!(await cutOverIsWanted(context))) return { summary: 'syn2mas dry run: no cut-over is wanted.' };
  const result = await runTool(context, 'syn2mas-dry-run', ['migrate', '--dry-run'], 3_600_000);
  const output = `${result.stdout}\n${result.stderr}`;
  if (result.exitCode !== 0) {
    throw new StepError(`The dry run of syn2mas failed (exit code ${result.exitCode}): ${firstError(output)} Nothing was changed for clients.`);
  }
  return { summary: 'syn2mas dry run: every row can be migrated.' };
};
