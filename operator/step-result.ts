/** What a step of the last update printed, as the state keeps it. */
import { pulumiOk } from './pulumi.ts';

interface Exported {
  readonly deployment: { readonly resources?: readonly { readonly urn: string; readonly outputs?: { readonly stdout?: unknown } }[] };
}

/** @param name logical name, e.g. `delegated-probe`. @returns null when there is no such step. */
export async function stepResult(stack: string, name: string): Promise<{ readonly [key: string]: unknown } | null> {
  const { deployment } = JSON.parse(await pulumiOk(['stack', 'export', '--stack', stack])) as Exported;
  const stdout = deployment.resources?.find(({ urn }) => urn.endsWith(`::${name}`))?.outputs?.stdout;
  return typeof stdout === 'string' && stdout.startsWith('{') ? JSON.parse(stdout) as { [key: string]: unknown } : null;
}
