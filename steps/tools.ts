/** Upstream tools as one-shot containers of their own images. */
import { paths } from '../model/names.ts';
import type { StackFacts } from './contract.ts';
import { StepError } from './contract.ts';
import type { OneShot } from './docker-api.ts';

/** Name of the files volume of an owner. @throws StepError when the components did not make it. */
export function filesOf(facts: StackFacts, owner: string): string {
  const volume = facts.files[owner];
  if (volume === undefined) throw new StepError(`The stack has no rendered files of "${owner}"; expected a volume of them. Run pulumi up again.`);
  return volume;
}

const labels = (facts: StackFacts, tool: string): { [key: string]: string } => ({ 'matrix-stack': facts.stack, 'matrix-stack.role': 'tool', 'matrix-stack.tool': tool });
const named = (facts: StackFacts, tool: string): string => `matrix-${facts.stack}-tool-${tool}`;

/** `mas-cli` with the files of the migration role: database migrate, config sync, syn2mas. */
export function masTool(facts: StackFacts, tool: string, command: readonly string[]): OneShot {
  return { name: named(facts, tool), image: facts.images.mas, command: ['--config', `${paths.secrets}/mas.yaml`, ...command], user: facts.users.mas,
    env: ['RUST_LOG=info'], mounts: { [filesOf(facts, 'syn2mas')]: paths.secrets }, network: facts.networks.data, labels: labels(facts, tool) };
}

/** `mas-cli syn2mas` on Synapse's legacy configuration. */
export const syn2masTool = (facts: StackFacts, tool: string, command: readonly string[]): OneShot =>
  masTool(facts, tool, ['syn2mas', ...command, '--synapse-config', `${paths.secrets}/synapse.yaml`]);

/** `mas-cli config check` on the files that the server will read. */
export function masConfigCheck(facts: StackFacts): OneShot {
  return { name: named(facts, 'mas-config'), image: facts.images.mas, command: ['--config', `${paths.config}/config.yaml`, 'config', 'check'], user: facts.users.mas,
    mounts: { [filesOf(facts, 'mas')]: paths.config, [filesOf(facts, 'mas-secrets')]: paths.secrets }, network: null, labels: labels(facts, 'mas-config') };
}

/** Synapse's own `load_config` path with all its cross-checks (synapse/config/__main__.py). */
export function synapseConfigCheck(facts: StackFacts, side: 'legacy' | 'delegated'): OneShot {
  return { name: named(facts, `synapse-${side}-config`), image: facts.images.synapse, entrypoint: ['python'],
    command: ['-m', 'synapse.config', '-c', `${paths.config}/homeserver.yaml`, '-c', `${paths.secrets}/secrets.yaml`], user: facts.users.synapse,
    mounts: { [filesOf(facts, `synapse-${side}`)]: paths.config, [filesOf(facts, `synapse-${side}-secrets`)]: paths.secrets }, network: null,
    labels: labels(facts, `synapse-${side}-config`), tmpfs: ['/tmp', paths.synapseData] };
}

/** A PostgreSQL client or throwaway server of the stack's own major. */
export function postgresTool(facts: StackFacts, tool: string, script: string, mounts: OneShot['mounts'], env: readonly string[], tmpfs: readonly string[] = ['/tmp']): OneShot {
  return { name: named(facts, tool), image: facts.images.postgres, entrypoint: ['sh', '-ec'], command: [script], user: facts.users.postgres, env, mounts,
    network: facts.networks.data, labels: labels(facts, tool), tmpfs };
}
