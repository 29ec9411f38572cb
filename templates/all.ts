/** Every file of a stack, and the digests by which two renderings are the same stack and two stacks the same rehearsal. */
import { createHash } from 'node:crypto';
import type { Model } from '../model/model.ts';
import ours from '../package.json' with { type: 'json' };
import { elementVolumes } from './element-web.ts';
import { digestOf, type RenderedVolume, type SecretLookup } from './file.ts';
import { masVolumes, syn2masVolumes } from './mas.ts';
import { neutralModel } from './neutral.ts';
import { edgeVolumes } from './nginx.ts';
import { postgresVolumes } from './postgres.ts';
import { runnerSecretsVolume, toolsSecretsVolume } from './runner-secrets.ts';
import { synapseVolumes } from './synapse.ts';

/** @returns every volume; owners are unique. Which are created follows from the phase; which are rendered does not, so that digests compare. */
export function renderAll(model: Model, secret: SecretLookup): RenderedVolume[] {
  return [
    ...synapseVolumes(model, 'legacy', secret),
    ...synapseVolumes(model, 'delegated', secret),
    ...masVolumes(model, secret),
    ...syn2masVolumes(model, secret),
    ...elementVolumes(model),
    ...edgeVolumes(model, secret),
    ...postgresVolumes(model, secret),
    runnerSecretsVolume(model, secret),
    toolsSecretsVolume(model, secret),
  ];
}

/**
 * Digest of all that is rendered plus image references: what the ledger calls the model. Phases legacy and delegated render the
 * same, and acceptLoss and migration are rendered nowhere.
 * @param volumes of `renderAll`.
 * @param key keyed digest for secret files.
 * @returns 64 hex characters.
 */
export function modelDigest(volumes: readonly RenderedVolume[], model: Model, key: string): string {
  return sha256({ volumes: digestsByOwner(volumes, key), images: imageReferences(model) });
}

/**
 * Digest of what a rehearsal proves: everything rendered and every setting, with hosts, ports, names, TLS and isolation replaced by
 * fixed ones, plus image references and our version. Secrets count by name.
 * @returns 64 hex characters.
 */
export function rehearsalDigest(model: Model): string {
  const neutral = neutralModel(model);
  const { acceptLoss: _loss, recover: _recover, adopt: _adopt, ...settings } = neutral;
  return sha256({ version: ours.version, volumes: digestsByOwner(renderAll(neutral, (name) => name), 'rehearsal'), settings, images: imageReferences(model) });
}

function digestsByOwner(volumes: readonly RenderedVolume[], key: string): readonly (readonly [string, string])[] {
  return volumes.map((volume) => [volume.owner, digestOf(volume, key)] as const).sort(([a], [b]) => (a < b ? -1 : 1));
}

function imageReferences(model: Model): readonly (readonly [string, string])[] {
  return Object.entries(model.images).map(([service, { reference }]) => [service, reference] as const).sort(([a], [b]) => (a < b ? -1 : 1));
}

/** Keys in sorted order, so that the order in a settings file counts for nothing. */
function sha256(value: unknown): string {
  const sorted = JSON.stringify(value, (_key, entry: unknown) => (typeof entry === 'object' && entry !== null && !Array.isArray(entry)
    ? Object.fromEntries(Object.entries(entry).sort(([a], [b]) => (a < b ? -1 : 1))) : entry));
  return createHash('sha256').update(sorted).digest('hex');
}
