/** What we write of MAS's config.yaml (its config.schema.json, 1.22.0). MAS ignores unknown keys, so the compiler checks ours. */
import type { Plain } from './secret-values.ts';

export interface MasConfig {
  readonly http: {
    readonly public_base: string;
    readonly issuer: string;
    readonly trusted_proxies: readonly string[];
    readonly listeners: readonly MasListener[];
  };
  readonly database: {
    readonly host: string;
    readonly port: number;
    readonly username: string;
    /** Trimmed by MAS. */
    readonly password_file: string;
    readonly database: string;
    readonly ssl_mode: 'disable' | 'require' | 'verify-full';
  };
  readonly matrix: { readonly kind: 'synapse'; readonly homeserver: string; readonly endpoint: string; readonly secret_file: string };
  readonly secrets: {
    /** 64 hex characters; not trimmed by MAS, so the file has no newline. */
    readonly encryption_file: string;
    /** Without `kid` a key is known by its RFC 7638 thumbprint, which a rotation changes by itself. */
    readonly keys: readonly { readonly key_file: string }[];
  };
  readonly passwords: { readonly enabled: boolean; readonly schemes: readonly MasScheme[]; readonly minimum_complexity?: number };
  readonly clients: readonly MasClient[];
  readonly policy: { readonly data: MasPolicyData };
  readonly email: { readonly transport: string };
  readonly account: Section;
  readonly upstream_oauth2?: { readonly providers: readonly MasProvider[] };
}

/** A section of the operator's. */
export interface Section { readonly [key: string]: Plain }

export interface MasListener {
  readonly name: string;
  readonly resources: readonly { readonly name: 'discovery' | 'human' | 'oauth' | 'compat' | 'graphql' | 'assets' | 'health' | 'adminapi' }[];
  readonly binds: readonly ({ readonly address: string } | { readonly port: number })[];
}

export interface MasScheme {
  readonly version: number;
  readonly algorithm: 'bcrypt' | 'argon2id';
  readonly unicode_normalization?: boolean;
  readonly cost?: number;
  /** Read as it is, not trimmed. */
  readonly secret_file?: string;
}

export interface MasClient {
  readonly client_id: string;
  readonly client_name: string;
  readonly client_auth_method: 'none' | 'client_secret_basic' | 'client_secret_post';
  readonly client_uri?: string;
  /** Trimmed by MAS. */
  readonly client_secret_file?: string;
  readonly redirect_uris: readonly string[];
}

export interface MasProvider {
  readonly id: string;
  readonly synapse_idp_id: string;
  readonly human_name: string;
  readonly issuer: string;
  readonly client_id: string;
  readonly client_secret_file: string;
  readonly token_endpoint_auth_method: 'client_secret_basic';
  readonly scope: string;
}

export interface MasPolicyData {
  readonly admin_clients: readonly string[];
  readonly admin_users: readonly string[];
  readonly client_registration: { readonly allow_host_mismatch: boolean; readonly allow_insecure_uris: boolean; readonly allow_missing_client_uri: boolean };
}
