/** What an update would do, in the operator's terms: move, files, routes, containers, steps. */
import type { Model } from '../model/model.ts';
import { decide } from '../model/moves.ts';
import type { Decision, Loss } from '../model/moves.ts';
import { wishOf } from '../model/wish.ts';
import type { FillInput } from '../steps/files-archive.ts';
import { rehearsalDigest } from '../templates/all.ts';
import { routes, upstreams } from '../templates/routes.ts';
import type { Side } from '../templates/routes.ts';
import { exitCodes, VerbError } from './exit-codes.ts';
import { lineDiff } from './line-diff.ts';
import type { LineChange } from './line-diff.ts';
import { ledgerOf } from './loaded-stack.ts';
import type { LoadedStack } from './loaded-stack.ts';
import { pulumiAttached } from './pulumi.ts';

export interface Plan {
  readonly decision: Decision;
  /** Expected losses of the move, by class. */
  readonly losses: readonly Loss[];
  readonly files: readonly FilesChange[];
  readonly routes: readonly RouteChange[];
  readonly containers: readonly { readonly change: Change; readonly name: string; readonly because: readonly string[] }[];
  /** Jobs in the order they would run. */
  readonly steps: readonly string[];
  /** Networks, data volumes and images. */
  readonly others: readonly { readonly change: Change; readonly name: string }[];
}

type Change = 'create' | 'replace' | 'update' | 'delete';

export interface FilesChange {
  /** What reads them: `mas`, `synapse-delegated-secrets` … */
  readonly owner: string;
  readonly change: 'create' | 'replace' | 'delete';
  /** Null for secret files, whose content is never shown. */
  readonly lines: readonly (LineChange & { readonly file: string })[] | null;
}

export interface RouteChange {
  readonly host: string;
  readonly pattern: string;
  readonly from: string;
  readonly to: string;
}

interface EngineStep {
  readonly op: string;
  readonly urn: string;
  readonly oldState?: { readonly inputs?: { readonly [key: string]: unknown } };
  readonly newState?: { readonly inputs?: { readonly [key: string]: unknown } };
  readonly diffReasons?: readonly string[] | null;
}

/** Asks the ledger and the engine; changes nothing. @throws VerbError when the engine's preview fails for another reason than a refusal. */
export async function planOf(stack: LoadedStack): Promise<Plan> {
  const reading = await ledgerOf(stack);
  const decision = decide(reading, wishOf(stack.model, stack.facts.modelDigest, rehearsalDigest(stack.model)));
  const nothing = { decision, losses: reading.losses, files: [], routes: [], containers: [], steps: [], others: [] };
  if (decision.kind === 'refused') return nothing;
  const ran = await pulumiAttached(['preview', '--stack', stack.model.stack, '--json']);
  if (ran.code !== 0) throw new VerbError(exitCodes.failed, `The engine's preview failed: ${ran.stderr.trim() || ran.stdout.trim()}`);
  const { steps } = JSON.parse(ran.stdout) as { steps: readonly EngineStep[] };
  const changed = steps.filter((step) => step.op !== 'same' && step.op !== 'read');
  return { ...nothing, files: filesOf(changed), routes: routesOf(stack.model, decision), ...resourcesOf(changed) };
}

const nameOf = (step: EngineStep): string => step.urn.split('::').at(-1) ?? '';
const typeOf = (step: EngineStep): string => (step.urn.split('::').at(-2) ?? '').split('$').at(-1) ?? '';

const changeOf = (op: string): Change => (op.startsWith('create') ? 'create' : op.startsWith('delete') ? 'delete' : op === 'update' ? 'update' : 'replace');

function resourcesOf(changed: readonly EngineStep[]): Pick<Plan, 'containers' | 'steps' | 'others'> {
  const of = (type: string): readonly EngineStep[] => changed.filter((step) => typeOf(step) === type);
  const input = (step: EngineStep, key: string): unknown => (step.newState ?? step.oldState)?.inputs?.[key];
  return {
    containers: of('docker:index/container:Container').map((step) => ({ change: changeOf(step.op), name: String(input(step, 'name')), because: step.diffReasons ?? [] })),
    steps: of('command:local:Command').filter((step) => changeOf(step.op) !== 'delete' && input(step, 'create') === 'node steps/host-job.ts')
      .map((step) => (JSON.parse(String(input(step, 'stdin'))) as { job: string }).job),
    others: ['docker:index/network:Network', 'docker:index/volume:Volume', 'docker:index/remoteImage:RemoteImage'].flatMap((type) => of(type))
      .filter((step) => !nameOf(step).startsWith('files-')).map((step) => ({ change: changeOf(step.op), name: String(input(step, 'name')) })),
  };
}

/** Other files are another volume, so a change is one volume made and one removed. */
function filesOf(changed: readonly EngineStep[]): FilesChange[] {
  const contents = changed.filter((step) => nameOf(step).startsWith('files-') && nameOf(step).endsWith('-content'));
  const byOwner = new Map<string, { before?: EngineStep; after?: EngineStep }>();
  for (const step of contents) {
    const owner = nameOf(step).replace(/^files-(.*)-[0-9a-f]{16}-content$/, '$1');
    const known = byOwner.get(owner) ?? {};
    byOwner.set(owner, changeOf(step.op) === 'delete' ? { ...known, before: step } : { ...known, after: step });
  }
  return [...byOwner].map(([owner, { before, after }]) => ({
    owner,
    change: before === undefined ? 'create' as const : after === undefined ? 'delete' as const : 'replace' as const,
    lines: linesOf(contentOf(before?.oldState), contentOf(after?.newState)),
  })).sort((a, b) => a.owner.localeCompare(b.owner));
}

/** @returns file to text; null where the engine hides a secret. */
function contentOf(state: EngineStep['newState']): ReadonlyMap<string, string> | null {
  if (state === undefined) return new Map();
  const stdin = state.inputs?.['stdin'];
  if (typeof stdin !== 'string' || !stdin.startsWith('{')) return null;
  const input = JSON.parse(stdin) as FillInput;
  return input.secret ? null : new Map(input.files.map((file) => [file.path, file.content]));
}

function linesOf(before: ReadonlyMap<string, string> | null, after: ReadonlyMap<string, string> | null): FilesChange['lines'] {
  if (before === null || after === null) return null;
  return [...new Set([...before.keys(), ...after.keys()])].flatMap((file) => lineDiff(before.get(file) ?? '', after.get(file) ?? '').map((change) => ({ ...change, file })));
}

/** Routes that another service answers after the move. */
function routesOf(model: Model, decision: Decision): RouteChange[] {
  if (decision.kind !== 'move' || decision.from === 'empty') return [];
  const from: Side = decision.from === 'legacy' ? 'legacy' : 'delegated';
  const to: Side = decision.to === 'legacy' ? 'legacy' : 'delegated';
  if (from === to) return [];
  const hosts = { homeserver: model.hosts.homeserver, auth: model.hosts.auth, apex: model.hosts.apex.name, element: model.hosts.element ?? '' };
  return routes(model).flatMap((route) => {
    if (route.answer.from !== 'upstream') return [];
    const answers = upstreams[route.answer.upstream];
    if (answers[from] === answers[to]) return [];
    return [{ host: hosts[route.host], pattern: route.pattern, from: answers[from] ?? 'nobody (404)', to: answers[to] ?? 'nobody (404)' }];
  });
}
