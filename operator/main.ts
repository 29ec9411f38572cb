/** `matrix-stack VERB …`: the verbs around the engine. */
import { parseArgs } from 'node:util';
import { exitCodes, VerbError } from './exit-codes.ts';
import type { ExitCode } from './exit-codes.ts';
import type { Verb, VerbInput } from './verb.ts';
import { backup } from './verbs/backup.ts';
import { demo } from './verbs/demo.ts';
import { destroy } from './verbs/destroy.ts';
import { preview, refresh, up } from './verbs/engine.ts';
import { history } from './verbs/history.ts';
import { init } from './verbs/init.ts';
import { pin } from './verbs/pin.ts';
import { plan } from './verbs/plan.ts';
import { probe } from './verbs/probe.ts';
import { rehearse } from './verbs/rehearse.ts';
import { rollback } from './verbs/rollback.ts';

const verbs: readonly Verb[] = [init, plan, preview, up, probe, history, rehearse, rollback, backup, pin, refresh, destroy, demo];

const common = { help: { type: 'boolean', short: 'h' }, yes: { type: 'boolean', short: 'y' }, json: { type: 'boolean' } } as const;

function usage(): string {
  const width = Math.max(...verbs.map((verb) => verb.name.length));
  return [
    'matrix-stack VERB … operates a Matrix homeserver whose login moves to Matrix Authentication Service and back.',
    '',
    ...verbs.map((verb) => `  ${verb.name.padEnd(width)}  ${verb.summary}`),
    '',
    'Every verb takes --help, --yes and --json. Exit codes: 0 done, 1 failed, 2 not understood, 3 refused and nothing done, 4 a move is unfinished.',
  ].join('\n');
}

const usageOf = (verb: Verb): string => `matrix-stack ${verb.name} ${verb.usage}\n\n${verb.summary}`;

/** @throws VerbError for a command line that cannot be understood. */
function inputOf(verb: Verb, args: readonly string[]): VerbInput & { readonly help: boolean } {
  if (verb.passesOn === true) {
    const positionals = args.slice(0, verb.arguments.length);
    const rest = args.slice(verb.arguments.length);
    const help = args.includes('--help') || args.includes('-h');
    if (!help && (positionals.length < verb.arguments.length || positionals.some((value) => value.startsWith('-')))) throw lacking(verb);
    return { positionals, rest, help, options: {}, yes: rest.includes('--yes') || rest.includes('-y'), json: rest.includes('--json') };
  }
  let parsed;
  try {
    parsed = parseArgs({ args: [...args], options: { ...verb.options, ...common }, allowPositionals: true, strict: true });
  } catch (error) {
    throw new VerbError(exitCodes.usage, `${error instanceof Error ? error.message : String(error)}\n${usageOf(verb)}`);
  }
  const { positionals } = parsed;
  const values = parsed.values as VerbInput['options'];
  const help = values['help'] === true;
  if (!help && positionals.length !== verb.arguments.length) throw lacking(verb);
  return { positionals, rest: [], help, options: values, yes: values['yes'] === true, json: values['json'] === true };
}

const lacking = (verb: Verb): VerbError =>
  new VerbError(exitCodes.usage, `${verb.name} takes ${verb.arguments.length === 0 ? 'no argument' : verb.arguments.join(' and ')}.\n${usageOf(verb)}`);

async function main(args: readonly string[]): Promise<ExitCode> {
  const [name, ...rest] = args;
  if (name === undefined || name === '--help' || name === '-h' || name === 'help') {
    console.log(usage());
    return name === undefined ? exitCodes.usage : exitCodes.ok;
  }
  const verb = verbs.find((candidate) => candidate.name === name);
  if (verb === undefined) throw new VerbError(exitCodes.usage, `There is no verb "${name}"; expected one of ${verbs.map((known) => known.name).join(', ')}. Type matrix-stack --help`);
  const input = inputOf(verb, rest);
  if (input.help) {
    console.log(usageOf(verb));
    return exitCodes.ok;
  }
  return verb.run(input);
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof VerbError)) throw error;
  console.error(error.message);
  process.exitCode = error.code;
}
