/** A stack of the shipped templates, recorded. */
import { DockerHost } from '../../components/docker-host.ts';
import { fileNamesOf, MatrixStack } from '../../components/matrix-stack.ts';
import type { Model } from '../../model/model.ts';
import { modelDigest, renderAll } from '../../templates/all.ts';
import { factsOf } from '../../templates/facts.ts';
import { record } from './recorded.ts';
import type { Recorded } from './recorded.ts';

/** Every secret value in tests begins with this. The certificate authority is public and does not. */
export const secretPrefix = 'SECRET-';

const publicSecrets = ['tlsCaCertificate', 'tlsServerCertificate'];

export const secret = (name: string): string => (publicSecrets.includes(name) ? `public ${name}` : `${secretPrefix}${name}`);

const decided = { epoch: 1, attempt: 0 };

export function recordStack(model: Model, decision = decided): Promise<readonly Recorded[]> {
  const volumes = renderAll(model, secret);
  const digest = modelDigest(volumes, model, 'key');
  const fileNames = fileNamesOf(model, volumes, 'key');
  return record(model.stack, () => {
    const host = new DockerHost('docker-host', { host: model.dockerHost });
    return new MatrixStack(model.stack, { model, volumes, fileNames, facts: factsOf(model, fileNames, digest, 'CA'), decision }, { providers: { docker: host.provider } });
  });
}

export const containers = (resources: readonly Recorded[]): readonly Recorded[] => resources.filter(({ type }) => type === 'docker:index/container:Container');
export const steps = (resources: readonly Recorded[]): readonly Recorded[] => resources.filter(({ type, inputs }) => type === 'command:local:Command' && inputs['create'] === 'node steps/host-job.ts');

/** The container of a role. @throws Error when there is none. */
export function containerOf(resources: readonly Recorded[], role: string): Recorded {
  const found = containers(resources).find(({ inputs }) => String(inputs['name']).endsWith(role));
  if (found === undefined) throw new Error(`no container for ${role}`);
  return found;
}

/** The step of a job. @throws Error when there is none. */
export function stepOf(resources: readonly Recorded[], job: string): Recorded {
  const found = steps(resources).find(({ name }) => name.endsWith(`-${job}`));
  if (found === undefined) throw new Error(`no step for ${job}`);
  return found;
}
