/** Records every resource that a program registers, with its options, in place of an engine. */
import * as pulumi from '@pulumi/pulumi';
import { disconnect, getMonitor } from '@pulumi/pulumi/runtime/settings.js';

/** What marks a secret on the wire (pulumi sdk/go/common/resource/sig). */
const secretMark = { key: '4dabf18193072939515e22adb298388d', value: '1b47061264138c4ac30d75fd1eb44270' };

export interface Recorded {
  readonly type: string;
  readonly name: string;
  readonly urn: string;
  readonly parent: string;
  /** URNs. */
  readonly dependsOn: readonly string[];
  readonly protect: boolean;
  readonly retainOnDelete: boolean;
  readonly deleteBeforeReplace: boolean;
  readonly replaceOnChanges: readonly string[];
  readonly ignoreChanges: readonly string[];
  readonly secretOutputs: readonly string[];
  readonly inputs: Inputs;
}

export type Inputs = { readonly [key: string]: unknown };

interface Request {
  getType(): string;
  getName(): string;
  getParent(): string;
  getDependenciesList(): string[];
  getProtect(): boolean | undefined;
  getRetainondelete(): boolean | undefined;
  getDeletebeforereplace(): boolean | undefined;
  getReplaceonchangesList(): string[];
  getIgnorechangesList(): string[];
  getAdditionalsecretoutputsList(): string[];
  getObject(): { toJavaScript(): Inputs } | undefined;
}
interface Response {
  getUrn(): string;
}
type Answer = (error: Error | null, response?: Response) => void;

/** Runs `build` on an engine that accepts everything. @returns every resource in the order of registration. */
export async function record(stack: string, build: () => unknown): Promise<readonly Recorded[]> {
  const recorded: Recorded[] = [];
  await pulumi.runtime.setMocks({
    newResource: ({ name, inputs }: { readonly name: string; readonly inputs: { readonly [key: string]: unknown } }) =>
      ({ id: `${name}-id`, state: { ...inputs, ...(typeof inputs['create'] === 'string' ? { stdout: '{}', stderr: '' } : {}) } }),
    call: ({ inputs }: { readonly inputs: { [key: string]: unknown } }) => inputs,
  }, 'matrix', stack, false);
  const monitor = getMonitor() as { registerResource(request: Request, answer: Answer): void };
  const register = monitor.registerResource.bind(monitor);
  monitor.registerResource = (request, answer) => {
    register(request, (error, response) => {
      recorded.push({ type: request.getType(), name: request.getName(), urn: response?.getUrn() ?? '', parent: request.getParent(), dependsOn: request.getDependenciesList(),
        protect: request.getProtect() === true, retainOnDelete: request.getRetainondelete() === true, deleteBeforeReplace: request.getDeletebeforereplace() === true,
        replaceOnChanges: request.getReplaceonchangesList(), ignoreChanges: request.getIgnorechangesList(), secretOutputs: request.getAdditionalsecretoutputsList(),
        inputs: request.getObject()?.toJavaScript() ?? {} });
      answer(error, response);
    });
  };
  build();
  // Waits for every registration first.
  await disconnect(false);
  return recorded;
}

/** @returns true for a value that the engine keeps encrypted. */
export function isSecret(value: unknown): boolean {
  return typeof value === 'object' && value !== null && (value as Inputs)[secretMark.key] === secretMark.value;
}

/** Texts in clear at any depth; what is inside a secret is left out. */
export function clearTexts(value: unknown): readonly string[] {
  if (typeof value === 'string') return [value];
  if (typeof value !== 'object' || value === null || isSecret(value)) return [];
  return Object.entries(value).flatMap(([key, entry]) => [key, ...clearTexts(entry)]);
}

/**
 * @returns whether `later` waits, directly or through others, for `earlier`. The SDK registers a child after its component, and a
 * component after what it depends on (@pulumi/pulumi runtime/resource.js, prepareResource).
 */
export function waitsFor(resources: readonly Recorded[], later: Recorded, earlier: Recorded): boolean {
  const byUrn = new Map(resources.map((resource) => [resource.urn, resource]));
  const seen = new Set<string>();
  const waits = (resource: Recorded): readonly string[] => [...resource.dependsOn, resource.parent];
  const open = [...waits(later)];
  for (let urn = open.pop(); urn !== undefined; urn = open.pop()) {
    if (urn === earlier.urn) return true;
    if (seen.has(urn)) continue;
    seen.add(urn);
    const resource = byUrn.get(urn);
    if (resource !== undefined) open.push(...waits(resource));
  }
  return false;
}
