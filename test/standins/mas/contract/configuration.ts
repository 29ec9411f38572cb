import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';

/** Fixed values of the configuration under test. None of them is used anywhere else. */
export const SERVER_NAME = 'example.test';
export const SECRET = 'contract-shared-secret';
export const PEPPER = 'contract-pepper';
export const CLIENTS = {
  web: '01HFVBY12TMNTYTBV8W921M5FA',
  loopback: '01HFVBY12TMNTYTBV8W921M5FB',
  admin: '01HFVBY12TMNTYTBV8W921M5FC',
  scheme: '01HFVBY12TMNTYTBV8W921M5FD',
} as const;
export const CLIENT_SECRET = 'contractclientsecret';
export const PROVIDER = '01HFVBY12TMNTYTBV8W921M5FE';

export interface ConfigOptions {
  /** Where policy, templates, translations and manifest are. */
  readonly program: { readonly share: string };
  readonly database: string;
  readonly synapse?: string;
  readonly port?: number;
  readonly healthPort?: number;
}

const RSA = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
const EC = generateKeyPairSync('ec', { namedCurve: 'prime256v1' }).privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();

/** A configuration that works, as plain data to be changed by a test. */
export function configuration(options: ConfigOptions) {
  const base = `http://127.0.0.1:${String(options.port ?? 8080)}/`;
  const { share } = options.program;
  return {
    http: {
      public_base: base, issuer: base, trusted_proxies: ['127.0.0.0/8'],
      listeners: [
        { name: 'web', resources: ['discovery', 'human', 'oauth', 'compat', 'adminapi'].map((name) => ({ name })), binds: [{ address: `127.0.0.1:${String(options.port ?? 8080)}` }] },
        { name: 'internal', resources: [{ name: 'health' }], binds: [{ host: '127.0.0.1', port: options.healthPort ?? 8081 }] },
      ] as unknown[],
    },
    database: { uri: options.database } as Record<string, unknown>,
    matrix: { kind: 'synapse', homeserver: SERVER_NAME, endpoint: options.synapse ?? 'http://127.0.0.1:9/', secret: SECRET } as Record<string, unknown>,
    secrets: { encryption: '0123456789abcdef'.repeat(4), keys: [{ kid: 'rsa', key: RSA }, { kid: 'ec', key: EC }] } as Record<string, unknown>,
    passwords: { enabled: true, schemes: [{ version: 1, algorithm: 'bcrypt', cost: 4, unicode_normalization: true, secret: PEPPER }] as Record<string, unknown>[] },
    clients: [
      { client_id: CLIENTS.web, client_auth_method: 'none', client_name: 'Web', client_uri: 'https://chat.example.test/', redirect_uris: ['https://chat.example.test/?no_universal_links=true'] },
      { client_id: CLIENTS.loopback, client_auth_method: 'none', client_name: 'Desktop', redirect_uris: ['http://127.0.0.1/callback', 'http://[::1]/callback', 'http://localhost:8765/callback'] },
      { client_id: CLIENTS.admin, client_auth_method: 'client_secret_basic', client_secret: CLIENT_SECRET, redirect_uris: ['https://app.example.test/callback'] },
      { client_id: CLIENTS.scheme, client_auth_method: 'none', redirect_uris: ['matrix-client-android://callback'] },
    ] as Record<string, unknown>[],
    policy: { wasm_module: join(share, 'policy.wasm'), data: { admin_clients: [CLIENTS.admin], admin_users: ['admin'] } },
    templates: { path: join(share, 'templates'), assets_manifest: join(share, 'manifest.json'), translations_path: join(share, 'translations') },
    email: { transport: 'blackhole' },
    account: { password_registration_email_required: false },
    rate_limiting: { login: { per_ip: { burst: 1000, per_second: 100 } } } as Record<string, unknown>,
  };
}

/** A folder for files, removed when the process ends. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'mas-contract-files-'));
  process.once('exit', () => { rmSync(folder, { recursive: true, force: true }); });
  return folder;
}

let written = 0;

/** Writes data as a YAML file and returns its path. */
export function writeYaml(folder: string, data: unknown, name = `config-${String(++written)}.yaml`): string {
  const path = join(folder, name);
  writeFileSync(path, typeof data === 'string' ? data : stringify(data));
  return path;
}
