/**
 * Layers of a rendered configuration: ours that may be overridden < operator's < ours that must not be. This is the last layer:
 * keys that follow from a setting of the stack, with the setting to use instead.
 */
import { at, isMap } from './free-form.ts';
import { shown, type Issue } from './issues.ts';
import type { FreeFormMap } from './model.ts';

type Table = { readonly [path: string]: string };

const init = 'it is a secret that `matrix-stack init` makes; remove the key';
const listeners = 'the stack decides where its services listen; use matrix:hosts and matrix:ports';
const database = 'the stack makes databases and roles; use matrix:postgres';

/** Keys of homeserver.yaml. */
export const synapseOwned: Table = {
  server_name: 'use matrix:serverName',
  public_baseurl: 'use matrix:hosts.homeserver and matrix:ports.https',
  listeners,
  serve_server_wellknown: 'the edge serves the documents; use matrix:hosts.apex',
  extra_well_known_client_content: 'the edge serves the documents; use matrix:hosts.apex',
  'database.name': database,
  'database.args.user': database,
  'database.args.password': database,
  'database.args.passfile': database,
  'database.args.dbname': database,
  'database.args.database': database,
  'database.args.host': database,
  'database.args.port': database,
  'database.args.sslmode': 'use matrix:postgres.sslMode',
  'database.args.application_name': database,
  databases: database,
  signing_key: init,
  signing_key_path: init,
  macaroon_secret_key: init,
  macaroon_secret_key_path: init,
  form_secret: init,
  form_secret_path: init,
  registration_shared_secret: init,
  registration_shared_secret_path: init,
  matrix_authentication_service: 'use matrix:phase',
  'password_config.pepper': 'use matrix:pepper',
  oidc_providers: 'use matrix:upstreamProviders',
  oidc_config: 'use matrix:upstreamProviders',
  app_service_config_files: 'use matrix:appservices',
  report_stats: 'use matrix:reportStats',
  max_upload_size: 'use matrix:maxUploadMiB',
  media_store_path: 'media lies in the data volume; to bring some along use matrix:adopt.mediaVolume',
  log_config: 'logs go to standard error; remove the key',
  pid_file: 'containers need none; remove the key',
};

/** Keys of MAS's config.yaml. */
export const masOwned: Table = {
  http: listeners,
  database,
  matrix: 'use matrix:serverName; the shared secret is made by `matrix-stack init`',
  secrets: init,
  clients: 'use matrix:clients',
  upstream_oauth2: 'use matrix:upstreamProviders',
  'passwords.schemes': 'scheme 1 must verify what Synapse hashed; use matrix:pepper, argon2id comes with phase committed',
  'policy.data.admin_users': 'use matrix:adminUsers',
  'policy.data.admin_clients': 'set admin: true at an entry of matrix:clients',
  'policy.data.client_registration': 'use matrix:registration',
  'policy.wasm_module': 'the image brings its policy; remove the key',
  templates: 'the image brings its templates; remove the key',
};

/** @returns an issue for each of the operator's keys that the stack owns, and for each section that hides one. */
export function ownedKeys(name: string, settings: FreeFormMap, owned: Table): Issue[] {
  const parents = [...new Set(Object.keys(owned).flatMap((path) => (path.includes('.') ? [path.slice(0, path.lastIndexOf('.'))] : [])))];
  const hidden = parents.flatMap((path) => {
    const value = at(settings, path);
    return value === undefined || isMap(value) ? [] : [{ path: `${name}.${path}`, problem: 'a map is expected here', got: shown(path, value), fix: 'write a map or remove the key' }];
  });
  return [...hidden, ...ownedValues(name, settings, owned)];
}

function ownedValues(name: string, settings: FreeFormMap, owned: Table): Issue[] {
  return Object.entries(owned).flatMap(([path, use]) => {
    const value = at(settings, path);
    if (value === undefined) return [];
    return [{ path: `${name}.${path}`, problem: 'this key follows from other settings', got: shown(path, value), fix: use }];
  });
}
