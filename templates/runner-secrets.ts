import type { Model } from '../model/model.ts';
import type { RunnerSecrets } from '../steps/contract.ts';
import { databaseAddress, passLine } from './urls.ts';
import { toJson, type RenderedVolume, type SecretLookup } from './file.ts';

/** Owner `runner-secrets`, mounted at /secrets in host jobs: the file runner.json. */
export function runnerSecretsVolume(model: Model, secret: SecretLookup): RenderedVolume {
  const content: RunnerSecrets = {
    admin: secret(model.postgres.mode === 'managed' ? 'postgresPassword' : model.postgres.adminPassword.secret),
    roles: {
      synapse_legacy: secret('roleSynapseLegacy'), synapse_delegated: secret('roleSynapseDelegated'), mas: secret('roleMas'), syn2mas: secret('roleSyn2mas'), ledger: secret('roleLedger'),
    },
    matrixSecret: secret('masMatrixSecret'),
    probeKey: secret('probeKey'),
    probePassword: secret('probePassword'),
    masAdminClient: secret('masAdminClient'),
    registration: secret('synapseRegistration'),
    asTokens: Object.fromEntries(model.appservices.map(({ id, asToken }) => [id, secret(asToken.secret)])),
  };
  return { owner: 'runner-secrets', secret: true, uid: 0, gid: 0, files: [{ path: 'runner.json', content: toJson(content) }] };
}

/** Owner `tools-secrets`, mounted at /secrets in PostgreSQL's client tools: libpq's password file for the administrator. */
export function toolsSecretsVolume(model: Model, secret: SecretLookup): RenderedVolume {
  const { host, port } = databaseAddress(model.postgres);
  const [user, password] = model.postgres.mode === 'managed' ? ['postgres', secret('postgresPassword')] : [model.postgres.adminUser, secret(model.postgres.adminPassword.secret)];
  return { owner: 'tools-secrets', secret: true, uid: model.images.postgres?.uid ?? 999, gid: model.images.postgres?.gid ?? 999,
    files: [{ path: 'pgpass', content: passLine(host, port, '*', user, password) }] };
}
