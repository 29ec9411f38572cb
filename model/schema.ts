/** Shape of every settings key, with its default. What one key alone cannot show is checked in parse.ts. */
import { z } from 'zod';

/** Messages of format checks are `not a …|how to write it`; shape.ts makes the sentence. */
const cidr = z.string().regex(/^[0-9a-fA-F.:]+(\/\d{1,3})?$/, 'an address or network|10.0.0.0/8');
const localpart = z.string().regex(/^[a-z0-9._=/+-]+$/, 'the local part of a user id|alice, without @ and server name');

/** Pulumi stores plain values as text: `true` and `50` arrive as strings from `pulumi config set`. */
const boolean = z.preprocess((value) => (value === 'true' ? true : value === 'false' ? false : value), z.boolean());
const integer = z.preprocess((value) => (typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : value), z.int());
const text = z.string().min(1);
/** Every key of Pulumi.yaml needs a default; for what is not there that is an empty map or an empty text. */
const orNone = <S extends z.ZodType>(schema: S) => z.preprocess((value) => (value === '' || (typeof value === 'object' && value !== null && Object.keys(value).length === 0) ? undefined : value), schema.optional());
const secretRef = z.strictObject({ secret: text });
const map = z.record(z.string(), z.unknown());
const port = integer.pipe(z.int().min(1, 'a port|443').max(65535, 'a port|443'));

/** Durations are seconds or text like `30s`, `5m`, `2h`, `7d`. */
const units: { readonly [unit: string]: number } = { s: 1, m: 60, h: 3600, d: 86400 };
const durationWanted = 'a duration|30s, 5m, 2h, 7d or seconds';
const duration = z.union([z.int().positive(durationWanted), z.string().regex(/^[1-9]\d*[smhd]?$/, durationWanted)], durationWanted)
  .transform((value) => (typeof value === 'number' ? value : Number.parseInt(value, 10) * (units[value.slice(-1)] ?? 1)));

export const clientTypes = ['element-web', 'native-loopback', 'native-scheme', 'confidential', 'device', 'service', 'custom'] as const;

/** One shape for all client types; what a type needs or forbids is told by clients.ts in words of that type. */
export const clientShape = z.strictObject({
  name: text.regex(/^[A-Za-z0-9][A-Za-z0-9 ._-]*$/, 'a name|letters, digits, space, dot, - and _'),
  type: z.enum(clientTypes),
  clientId: text.optional(),
  authMethod: z.enum(['none', 'client_secret_basic', 'client_secret_post']).optional(),
  secret: secretRef.optional(),
  clientUri: text.optional(),
  redirectUris: z.array(text).optional(),
  /** native-loopback: path of the callback. */
  path: text.optional(),
  scopes: z.array(text).optional(),
  admin: z.boolean().default(false),
});
export type ClientSettings = z.output<typeof clientShape>;

export const providerShape = z.strictObject({
  idpId: text.regex(/^[A-Za-z0-9._~-]+$/, "an idp_id|google, without Synapse's oidc- prefix"),
  masId: text.optional(),
  name: text,
  issuer: text,
  clientId: text,
  clientSecret: secretRef,
  scopes: z.array(text).default(['openid']),
});

export const appserviceShape = z.strictObject({
  id: text.regex(/^[A-Za-z0-9._-]+$/, 'an appservice id|letters, digits, dot, - and _'),
  url: text.nullable(),
  asToken: secretRef,
  hsToken: secretRef,
  senderLocalpart: localpart,
  namespaces: map.default({}),
  rateLimited: z.boolean().default(true),
});

const mediaVolume = text.optional();

/** Top-level keys in the order of Pulumi.yaml. A list key holds the shape of one entry in `lists` below. */
export const keys = {
  serverName: text.regex(/^[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:\d{1,5})?$/, 'a server name|example.com, the part of user ids after the colon'),
  phase: z.enum(['legacy', 'delegated', 'committed']).default('legacy'),
  hosts: z.strictObject({
    homeserver: text,
    auth: text,
    element: text.optional(),
    apex: z.strictObject({ name: text.optional(), served: z.boolean().default(true) }).default({ served: true }),
  }),
  ports: z.strictObject({
    bind: z.array(z.string().regex(/^[0-9a-fA-F.:]+$/, 'an address to publish on|0.0.0.0 or ::')).min(1).default(['0.0.0.0', '::']),
    https: port.default(443),
    http: port.default(80),
  }).default({ bind: ['0.0.0.0', '::'], https: 443, http: 80 }),
  tls: z.discriminatedUnion('mode', [
    z.strictObject({ mode: z.literal('selfSigned') }),
    z.strictObject({ mode: z.literal('files'), directory: text.regex(/^\//, 'an absolute path on the Docker host|/etc/letsencrypt'), certificate: text, key: text }),
    z.strictObject({ mode: z.literal('offloaded'), trustedProxies: z.array(cidr).min(1) }),
  ]),
  images: z.partialRecord(z.enum(['postgres', 'synapse', 'mas', 'edge', 'elementWeb', 'runner', 'restic']), text).default({}),
  dockerHost: text.default('unix:///var/run/docker.sock'),
  postgres: z.discriminatedUnion('mode', [
    z.strictObject({ mode: z.literal('managed') }),
    z.strictObject({ mode: z.literal('external'), host: text, port: port.default(5432), adminUser: text, adminPassword: secretRef,
      sslMode: z.enum(['disable', 'require', 'verify-full']).default('require') }),
  ]).default({ mode: 'managed' }),
  clients: z.array(z.unknown()).default([]),
  upstreamProviders: z.array(z.unknown()).default([]),
  appservices: z.array(z.unknown()).default([]),
  pepper: orNone(secretRef),
  registration: z.strictObject({ dynamic: z.boolean().default(false), allowHosts: z.array(z.string().regex(/^[a-z0-9.-]+$/, 'a host name|element.example.com')).default([]) }).default({ dynamic: false, allowHosts: [] }),
  federation: boolean.default(true),
  reportStats: boolean.default(false),
  exposeSynapseAdmin: boolean.default(false),
  maxUploadMiB: integer.pipe(z.int().min(1, 'a size in MiB|50').max(10240, 'a size in MiB|50')).default(50),
  adminUsers: z.array(localpart).default([]),
  synapseSettings: map.default({}),
  masSettings: map.default({}),
  mirror: orNone(z.strictObject({ of: text, allow: z.array(cidr).default(['127.0.0.0/8', '10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '::1/128', 'fd00::/8']) })),
  adopt: orNone(z.discriminatedUnion('from', [
    z.strictObject({ from: z.literal('dump'), volume: text, file: text, mediaVolume }),
    z.strictObject({ from: z.literal('volume'), volume: text, database: text, mediaVolume }),
    z.strictObject({ from: z.literal('external'), database: text, mediaVolume }),
  ])),
  migration: z.strictObject({
    acceptWarnings: z.array(text).default([]),
    evidenceMaxAge: duration.default(604800),
    requireRehearsal: z.boolean().optional(),
    switchTimeout: duration.default(300),
  }).default({ acceptWarnings: [], evidenceMaxAge: 604800, switchTimeout: 300 }),
  acceptLoss: orNone(text.regex(/^\d+:([\w-]+(,[\w-]+)*)?$/, 'an accepted loss|the preview prints it, e.g. 3:changedPasswords,newSessions')),
  recover: boolean.default(false),
  backup: z.strictObject({ keep: z.int().min(1, 'a number of backups|7').default(7) }).default({ keep: 7 }),
  demo: boolean.default(false),
  secrets: map.default({}),
};

/** Entries of the list keys; each is read on its own, so that one bad entry hides no other. */
export const lists = { clients: clientShape, upstreamProviders: providerShape, appservices: appserviceShape };

export type Keys = { readonly [K in keyof typeof keys]: z.output<(typeof keys)[K]> };
export type Entries = { readonly [K in keyof typeof lists]: readonly z.output<(typeof lists)[K]>[] };

/** versions.json: the only file that an update bot edits. */
export const versionsShape = z.strictObject({
  images: z.record(z.enum(['postgres', 'synapse', 'mas', 'edge', 'elementWeb', 'runner', 'restic']), z.strictObject({
    image: text,
    version: text,
    digest: z.string().regex(/^sha256:[0-9a-f]{64}$/).nullable(),
    uid: z.int().nonnegative(),
    gid: z.int().nonnegative(),
    /** Where the image keeps its data. */
    data: z.string().nullable(),
  })),
  /** Repository prefix of images that replace a download. */
  counterpartPrefix: text,
  /** Pairs that were migrated and rolled back together. */
  tested: z.array(z.strictObject({ synapse: text, mas: text })),
});
export type Versions = z.output<typeof versionsShape>;
