import * as pulumi from '@pulumi/pulumi';

/** What the stack's config says, before anything is checked. */
export interface StackConfig {
  readonly stack: string;
  /** Keys of the namespace `matrix`, without secrets. Scalars are text as Pulumi keeps them; maps and lists are parsed. */
  readonly settings: { readonly [key: string]: unknown };
  /** Values under `matrix:secrets`. */
  readonly secrets: ReadonlyMap<string, string>;
}

const namespace = 'matrix:';

/** Maps and lists reach the program as JSON, everything else as text. */
function valueOf(text: string): unknown {
  return /^[[{]/.test(text) ? JSON.parse(text) as unknown : text;
}

/** Reads every key at once: a getter for each would warn about secrets and miss misspelt keys. @throws RunError when `secrets` is no map of texts. */
export function readConfig(): StackConfig {
  const stack = pulumi.getStack();
  const all = Object.entries(pulumi.runtime.allConfig()).filter(([key]) => key.startsWith(namespace)).map(([key, text]) => [key.slice(namespace.length), valueOf(text)] as const);
  const { secrets = {}, ...settings } = Object.fromEntries(all);
  if (typeof secrets !== 'object' || secrets === null || Object.values(secrets).some((value) => typeof value !== 'string')) {
    throw new pulumi.RunError(`matrix:secrets is no map of texts; expected one value for each name. Type matrix-stack init ${stack}`);
  }
  return { stack, settings, secrets: new Map(Object.entries(secrets as { [name: string]: string })) };
}
