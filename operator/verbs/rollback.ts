import { readFile, writeFile } from 'node:fs/promises';
import { acceptanceOf } from '../../model/moves.ts';
import { confirmed } from '../confirm.ts';
import { exitCodes, VerbError } from '../exit-codes.ts';
import { changedKeys, updatesOf } from '../history.ts';
import type { Update } from '../history.ts';
import { ledgerOf, loadStack } from '../loaded-stack.ts';
import { planText } from '../plan-text.ts';
import { planOf } from '../plan.ts';
import { pulumiAttached } from '../pulumi.ts';
import { stackFile, writeSettings } from '../stack-file.ts';
import type { Verb } from '../verb.ts';
import { exitCodeOf } from './engine.ts';

export const rollback: Verb = {
  name: 'rollback',
  summary: "goes back to the legacy login: finds its last good update, shows what is lost, asks, and runs up",
  usage: '<stack> [--yes]',
  arguments: ['<stack>'],
  async run({ positionals: [name = ''], yes }) {
    const { phase, epoch } = await ledgerOf(await loadStack(name));
    if (phase !== 'delegated') {
      throw new VerbError(exitCodes.refused, `Stack ${name} is in phase ${phase}; only delegated can be rolled back.${phase === 'committed' ? ' The way back was given up by commit.' : ''}`);
    }
    const updates = await updatesOf(name);
    const good = updates.find((update) => update.kind === 'update' && update.result === 'succeeded' && update.phase === 'legacy');
    if (good === undefined) throw new VerbError(exitCodes.refused, `The history of stack ${name} has no good update in phase legacy; expected one to go back to. Type matrix-stack history ${name}`);
    const before = await readFile(stackFile(name), 'utf8');
    await writeSettings(name, { phase: 'legacy', acceptLoss: undefined });
    const kept = await propose(name, good, updates[0], epoch, yes).catch(async (error: unknown) => {
      await writeFile(stackFile(name), before);
      throw error;
    });
    if (!kept) {
      await writeFile(stackFile(name), before);
      console.log('Nothing was done.');
      return exitCodes.refused;
    }
    const code = await exitCodeOf(name, await pulumiAttached(['up', '--stack', name, '--yes', '--skip-preview'], { output: 'shown' }));
    // What was accepted has happened; nothing is accepted in advance.
    if (code === exitCodes.ok) await writeSettings(name, { acceptLoss: undefined });
    return code;
  },
};

/** Shows loss and difference of the way back. @returns whether it is wanted; the settings then say so. */
async function propose(name: string, good: Update, newest: Update | undefined, epoch: number, yes: boolean): Promise<boolean> {
  // The ledger tells what is lost only when legacy is wanted.
  const reading = await ledgerOf(await loadStack(name));
  await writeSettings(name, { acceptLoss: acceptanceOf(reading) });
  const plan = await planOf(await loadStack(name));
  console.log(`The last good update in phase legacy was at ${good.at}.`);
  const changed = newest === undefined ? [] : changedKeys(good.settings, newest.settings);
  if (changed.length > 0) console.log(`Settings that have changed since then stay as they are now: ${changed.join(', ')}.`);
  console.log(`\n${planText(plan, false)}\n`);
  if (plan.decision.kind === 'refused') throw new VerbError(exitCodes.refused, plan.decision.message);
  return confirmed(`Undo move ${epoch} and lose what is listed?`, yes);
}
