/** What `npm start` shows: a server with people, moved to MAS while they are logged in, and proof that they still are. */
import { relative } from 'node:path';
import type { LedgerReading } from '../../model/moves.ts';
import type { ProbeOutcome } from '../../probes/contract.ts';
import { formatOutcomes, runProbes } from '../../probes/index.ts';
import { caFile, peopleFile, readPeople, writeCa, writePeople } from '../demo/people-store.ts';
import { seenBothWays } from '../demo/outcomes.ts';
import { readParts, replacements } from '../demo/parts.ts';
import { writeDemoSettings } from '../demo/settings.ts';
import { exitCodes, VerbError } from '../exit-codes.ts';
import type { ExitCode } from '../exit-codes.ts';
import { initialise } from '../init.ts';
import { ledgerOf, loadStack } from '../loaded-stack.ts';
import type { LoadedStack } from '../loaded-stack.ts';
import { observe } from '../observer.ts';
import type { Observation } from '../observer.ts';
import { planText } from '../plan-text.ts';
import { planOf } from '../plan.ts';
import { progressLines } from '../progress-lines.ts';
import { root } from '../project.ts';
import { pulumiAttached } from '../pulumi.ts';
import { createSamplePeople, verifySamplePeople } from '../sample-people.ts';
import { probeContextOf, stackClient } from '../stack-client.ts';
import { writeSettings } from '../stack-file.ts';
import { stepResult } from '../step-result.ts';
import type { Verb } from '../verb.ts';
import { exitCodeOf } from './engine.ts';

export const demo: Verb = {
  name: 'demo',
  summary: 'shows the whole way on this machine: a server with people, moved to MAS while they are logged in (npm start runs it)',
  usage: '[--stack NAME]\n\n--stack  name of the throw-away stack, by default local',
  arguments: [],
  options: { stack: { type: 'string' } },
  async run({ options }) {
    const name = typeof options['stack'] === 'string' ? options['stack'] : 'local';
    return show(name);
  },
};

const say = (line = ''): void => console.log(line);
const seconds = (milliseconds: number): string => `${(milliseconds / 1000).toFixed(1)} s`;

async function show(name: string): Promise<ExitCode> {
  const begin = performance.now();
  const parts = await readParts();
  await writeDemoSettings(name, parts);
  const { secrets } = await initialise(name);
  if (secrets.length > 0) say(`Stack ${name}: settings in Pulumi.${name}.yaml, ${secrets.length} secrets made and encrypted there.`);
  let stack = await loadStack(name);
  await writeCa(name, stack.secret('tlsCaCertificate'));
  let reading = await ledgerOf(stack);
  const first = reading.epoch < 2;
  // A move that was cut off is proved by the run that finishes it.
  const unproved = first || reading.unfinished !== null;
  let observation: Observation | undefined;
  if (first) {
    reading = await bringLegacy(name, reading);
    if (reading.phase === 'legacy') observation = await cutOver(name);
    stack = await loadStack(name);
  } else {
    await bring(name, `pulumi up: phase ${stack.model.phase} as it is`);
  }
  reading = await ledgerOf(stack);
  const green = await prove(stack, reading, unproved);
  tell(stack, reading, observation, replacements(parts));
  say(`\n${first ? 'All of this' : 'This run'} took ${seconds(performance.now() - begin)}.`);
  return green ? exitCodes.ok : exitCodes.failed;
}

/** Runs up and shows its jobs. @throws VerbError with the engine's last lines when it fails. */
async function bring(name: string, title: string): Promise<void> {
  say(`\n${title}`);
  const ran = await pulumiAttached(['up', '--stack', name, '--yes', '--skip-preview', '--non-interactive'], { onLine: progressLines(say) });
  if (ran.code === 0) return;
  const [, diagnostics = ran.stdout] = /^Diagnostics:\n([^]*?)(?=^(?:Outputs|Resources):$|(?![^]))/m.exec(ran.stdout) ?? [];
  throw new VerbError(await exitCodeOf(name, ran), `${diagnostics.trim()}\n${ran.stderr.trim()}`.trim());
}

/** A server in phase legacy with sample people on it. */
async function bringLegacy(name: string, before: LedgerReading): Promise<LedgerReading> {
  if (before.phase !== 'delegated' && before.unfinished === null) {
    await writeSettings(name, { phase: 'legacy' });
    await bring(name, 'pulumi up: phase legacy, people log in with Synapse');
  }
  const stack = await loadStack(name);
  const reading = await ledgerOf(stack);
  if (reading.phase !== 'legacy' || await readPeople(name) !== null) return reading;
  say('\nMaking sample people: two devices, an administrator, a refreshable session, a locked one, a deactivated one …');
  const client = stackClient(stack);
  try {
    const people = await createSamplePeople(probeContextOf(stack, client, 'legacy'));
    await writePeople(name, people);
    say(`  ${people.people.map((person) => `${person.name} (${person.kind})`).join(', ')}`);
  } finally {
    await client.close();
  }
  return reading;
}

/** Shows the plan of the move, makes it, and watches it as somebody who is logged in. */
async function cutOver(name: string): Promise<Observation | undefined> {
  await writeSettings(name, { phase: 'delegated' });
  const stack = await loadStack(name);
  say('\nmatrix:phase is now delegated. What pulumi up would do:\n');
  const plan = await planOf(stack);
  say(planText(plan, false).replaceAll(/^(?=.)/gm, '  '));
  if (plan.decision.kind === 'refused') throw new VerbError(exitCodes.refused, plan.decision.message);
  const people = await readPeople(name);
  const token = people?.people.find((person) => person.expected.delegated.sessions === 'live' && person.sessions.length > 0)?.sessions[0]?.accessToken;
  const client = stackClient(stack);
  try {
    const stop = token === undefined ? undefined : observe(client.fetch, `${stack.facts.urls.homeserver}_matrix/client/v3/account/whoami`, token);
    const [moved] = await Promise.allSettled([bring(name, 'pulumi up: phase delegated, MAS becomes the only login')]);
    const seen = await stop?.();
    if (moved.status === 'rejected') throw moved.reason;
    return seen;
  } finally {
    await client.close();
  }
}

/** Probes from outside, and after the move every sample person. @returns false when anything failed. */
async function prove(stack: LoadedStack, { phase }: LedgerReading, withPeople: boolean): Promise<boolean> {
  const side = phase === 'legacy' ? 'legacy' : 'delegated';
  const client = stackClient(stack);
  try {
    const context = probeContextOf(stack, client, side);
    const inside = await stepResult(stack.model.stack, `${stack.model.phase}-probe`);
    const outcomes = seenBothWays(await runProbes(context, 'steady'), (inside?.['outcomes'] ?? []) as readonly ProbeOutcome[]);
    say(`\nProbes of the ${side} side, asked now from outside\n${formatOutcomes(outcomes)}`);
    const people = withPeople ? await readPeople(stack.model.stack) : null;
    if (people !== null) {
      const verified = await verifySamplePeople(context, people, side);
      await writePeople(stack.model.stack, verified.people);
      outcomes.push(...verified.outcomes);
      say(`\nSample people, with sessions and passwords from before\n${formatOutcomes(verified.outcomes)}`);
    }
    return outcomes.every((outcome) => outcome.passed);
  } finally {
    await client.close();
  }
}

function tell({ model, facts }: LoadedStack, reading: LedgerReading, observation: Observation | undefined, replaced: readonly string[]): void {
  const { stack } = model;
  const here = (path: string): string => relative(root, path);
  if (observation !== undefined) {
    const strange = [...observation.strange].map(([said, times]) => `${times} times ${said}`).join(', ');
    say(`\nA client that asked every 50 ms was shut out for ${seconds(observation.shutOut)} (${observation.refused} of ${observation.asked} requests refused with the closed answer${strange === '' ? ', nothing else seen' : `; also ${strange}`}).`);
  }
  say(`\nPhase ${reading.phase}, move ${reading.epoch}.`);
  if (facts.urls.element !== null) say(`  Element      ${facts.urls.element}`);
  say(`  Homeserver   ${facts.urls.homeserver}\n  MAS          ${facts.urls.issuer}account/`);
  say(`  Trust        import ${here(caFile(stack))} as an authority in the browser, or curl --cacert ${here(caFile(stack))} ${facts.urls.homeserver}_matrix/client/versions`);
  say(`  Log in       as sample-alice; passwords are in ${here(peopleFile(stack))}`);
  if (replaced.length > 0) say(`\nNot what a user would download, because that could not be reached:\n${replaced.map((line) => `  ${line}`).join('\n')}`);
  say(`\nNext\n  npx matrix-stack probe ${stack}      ask again\n  npx matrix-stack rollback ${stack}   go back to Synapse's own login, with a report of what is lost\n  npx matrix-stack destroy ${stack}    remove containers, networks, volumes and state`);
}
