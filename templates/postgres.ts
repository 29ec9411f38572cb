import type { Model } from '../model/model.ts';
import type { RenderedVolume, SecretLookup } from './file.ts';

/** Name of the superuser's password file in the server's secret volume. */
export const postgresPasswordFile = 'postgres-password';

/** Owner `postgres-secrets`, mounted at /secrets in the server; none for somebody else's server. */
export function postgresVolumes(model: Model, secret: SecretLookup): RenderedVolume[] {
  if (model.postgres.mode === 'external') return [];
  return [{ owner: 'postgres-secrets', secret: true, uid: model.images.postgres?.uid ?? 999, gid: model.images.postgres?.gid ?? 999,
    files: [{ path: postgresPasswordFile, content: secret('postgresPassword') }] }];
}
