import { SHARE } from './sections.ts';
import type { ConfigValue } from './value.ts';

/** `policy.data.client_registration` (policies/client_registration/client_registration.rego). */
export interface RegistrationPolicy {
  readonly allowHostMismatch: boolean;
  readonly allowInsecureUris: boolean;
  readonly allowMissingClientUri: boolean;
}

/** `policy`: the WebAssembly module is only checked for being there, its rules are written out in server/policy.ts. */
export interface PolicyConfig {
  readonly wasmModule: string;
  readonly adminUsers: readonly string[];
  readonly adminClients: readonly string[];
  readonly registration: RegistrationPolicy;
}

export function parsePolicy(section: ConfigValue): PolicyConfig {
  const data = section.at('data');
  const registration = data.at('client_registration');
  const names = (key: string): string[] => (data.at(key).present ? data.at(key).list().map((entry) => entry.string()) : []);
  const flag = (key: string): boolean => registration.at(key).present && registration.at(key).boolean();
  return {
    wasmModule: section.at('wasm_module').present ? section.at('wasm_module').string() : `${SHARE}/policy.wasm`,
    adminUsers: names('admin_users'),
    adminClients: names('admin_clients'),
    registration: { allowHostMismatch: flag('allow_host_mismatch'), allowInsecureUris: flag('allow_insecure_uris'), allowMissingClientUri: flag('allow_missing_client_uri') },
  };
}
