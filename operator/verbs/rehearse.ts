import { acceptanceOf } from '../../model/moves.ts';
import type { Phase } from '../../model/model.ts';
import { rehearsalDigest } from '../../templates/all.ts';
import { exitCodes, VerbError } from '../exit-codes.ts';
import { ledgerOf, loadStack } from '../loaded-stack.ts';
import { pulumiAttached } from '../pulumi.ts';
import { runJob } from '../run-job.ts';
import { writeSettings } from '../stack-file.ts';
import type { Verb } from '../verb.ts';

/** What a mirror cannot prove, whatever it does: it has other names and no way out. */
const unproved = ['TLS of the public names', 'DNS', 'federation', 'bridges', 'single sign-on at upstream providers'];

/** One move of a rehearsal, as the ledger measured it. */
interface Leg {
  readonly to: Phase;
  readonly move: string;
  readonly epoch: number;
  /** Milliseconds that clients were shut out. */
  readonly shutOut: number;
}

/** Moves the staging stack to a phase, as an operator does: the setting, the accepted loss, `up`. */
async function leg(stack: string, to: Phase): Promise<Leg> {
  await writeSettings(stack, { phase: to, acceptLoss: undefined });
  const reading = await ledgerOf(await loadStack(stack));
  if (reading.phase === 'delegated' && to === 'legacy') await writeSettings(stack, { acceptLoss: acceptanceOf(reading) });
  const ran = await pulumiAttached(['up', '--stack', stack, '--yes', '--skip-preview'], { output: 'shown' });
  if (ran.code !== 0) throw new VerbError(exitCodes.failed, `The rehearsal stopped on the way to ${to}; the lines above say why. Nothing was recorded, ${stack} stays as it is. Correct it and type matrix-stack rehearse ${stack}`);
  const { lastMove } = await ledgerOf(await loadStack(stack));
  return { to, move: lastMove?.move ?? '', epoch: lastMove?.epoch ?? 0, shutOut: Number(lastMove?.detail['shutOut'] ?? 0) };
}

export const rehearse: Verb = {
  name: 'rehearse',
  summary: 'goes the whole way on a staging mirror (legacy, MAS, back, MAS) and records the evidence for the stack that it mirrors',
  usage: '<staging stack> [--json]',
  arguments: ['<staging stack>'],
  async run({ positionals: [name = ''], json }) {
    const staging = await loadStack(name);
    const { mirror } = staging.model;
    if (mirror === undefined) throw new VerbError(exitCodes.refused, `Stack ${name} mirrors nothing; a rehearsal needs a mirror. Type pulumi config set --stack ${name} --path matrix:mirror.of <stack>`);
    const mirrored = await loadStack(mirror.of);
    const digest = rehearsalDigest(staging.model);
    const wanted = rehearsalDigest({ ...mirrored.model, phase: staging.model.phase });
    if (digest !== wanted) {
      throw new VerbError(exitCodes.refused, `Stack ${name} is not what ${mirror.of} is: their rehearsal digests differ (${digest.slice(0, 12)} and ${wanted.slice(0, 12)}); a rehearsal would prove another configuration. Compare Pulumi.${name}.yaml with Pulumi.${mirror.of}.yaml: only hosts, ports, TLS, the Docker host and mirror may differ.`);
    }
    const begin = performance.now();
    const legs: Leg[] = [];
    for (const to of ['legacy', 'delegated', 'legacy', 'delegated'] as const) legs.push(await leg(name, to));
    const evidence = { green: true, digest, rehearsedOn: name, incarnation: (await ledgerOf(await loadStack(name))).incarnation, legs, seconds: Math.round((performance.now() - begin) / 1000), unproved };
    await runJob(await loadStack(name), 'evidence', { evidence });
    await runJob(mirrored, 'evidence', { evidence });
    if (json) console.log(JSON.stringify(evidence));
    else {
      for (const { move, epoch, to, shutOut } of legs) console.log(`move ${epoch}  ${move.padEnd(9)} to ${to.padEnd(9)}  shut out ${(shutOut / 1000).toFixed(1)} s`);
      console.log(`The rehearsal of ${mirror.of} on ${name} is green and recorded in both ledgers (${evidence.seconds} s). It could not prove: ${unproved.join(', ')}.`);
    }
    return exitCodes.ok;
  },
};
