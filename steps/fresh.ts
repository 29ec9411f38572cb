/** What a chain looked at and kept before the switch counts for an hour: a try may stop between and be continued days later. */
import type { JobContext } from './context.ts';
import { backup } from './jobs/backup.ts';
import { preflight } from './jobs/preflight.ts';
import type { SwitchHold } from './move.ts';

/** Seconds. */
const counts = 3600;

/** Looks and keeps again where the newest backup is older than that. @throws StepError as preflight and backup do. */
export async function freshen(hold: SwitchHold, context: JobContext): Promise<void> {
  const [row] = await hold.connection.query("SELECT extract(epoch FROM clock_timestamp() - max(at))::int AS age FROM matrix_stack.ledger WHERE result = 'backup'");
  const age = row?.['age'] == null ? null : Number(row['age']);
  if (age !== null && age <= counts) return;
  context.log(`the backup of this move is ${age === null ? 'missing' : `${Math.round(age / 60)} minutes old`}; looking again and making another`);
  context.log((await preflight(context)).summary);
  context.log((await backup({ ...context, options: { ...context.options, always: true } })).summary);
}
