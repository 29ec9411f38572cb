/** Settings to Model: the only place where one is made. Every issue is told in one error. */
import { clientIssues, derivedClient, sharedByClients } from './clients.ts';
import { masFatal, synapseFatal } from './fatal.ts';
import { sorted } from './free-form.ts';
import { freeFormIssues } from './free-form-issues.ts';
import { hostIssues, hostsOf } from './hosts.ts';
import { imageIssues, imagesOf } from './images.ts';
import { SettingsError, shown, unknownKey, type Issue } from './issues.ts';
import { noSecondFactor, unknownMasKeys } from './mas-keys.ts';
import { publicUrls, type Client, type FreeFormMap, type Model, type PublicUrls, type UpstreamProvider } from './model.ts';
import { databases } from './names.ts';
import { masOwned, ownedKeys, synapseOwned } from './overrides.ts';
import { keys, lists, versionsShape, type Entries, type Keys } from './schema.ts';
import { missingSecrets, neededSecrets } from './secret-names.ts';
import { fit } from './shape.ts';
import { derivedUlid, ulidPattern } from './ulid.ts';

export interface SettingsInput {
  /** Stack name; used in names and in what the operator is told to type. */
  readonly stack: string;
  /** The config keys without their `matrix:` prefix. */
  readonly settings: unknown;
  /** Names under matrix:secrets. */
  readonly secretNames: ReadonlySet<string>;
  /** versions.json, parsed. */
  readonly versions: unknown;
}

/**
 * @returns the typed description of the stack.
 * @throws SettingsError with every issue; no message holds a secret.
 */
export function parseSettings(input: SettingsInput): Model {
  const settings = isRecord(input.settings) ? input.settings : {};
  const { found, entries, issues } = shapes(settings);
  if (!/^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/.test(input.stack)) {
    issues.push({ path: 'stack', problem: 'containers and networks cannot carry this stack name', got: shown('stack', input.stack), fix: 'choose small letters, digits and -' });
  }
  const versions = fit(versionsShape, 'versions.json', input.versions);
  issues.push(...versions.issues);

  // A wrong key leaves undefined here, so that the checks of the others still run.
  const serverName = found.serverName ?? '';
  const phase = found.phase ?? 'legacy';
  const hosts = found.hosts === undefined ? undefined : hostsOf(found.hosts, found.serverName ?? 'missing.invalid');
  if (hosts !== undefined) issues.push(...hostIssues(hosts, found.mirror, input.stack, found.serverName));
  const urls = hosts !== undefined && found.tls !== undefined && found.ports !== undefined ? publicUrls({ hosts, tls: found.tls, ports: found.ports }) : undefined;
  const clients = clientsOf(entries.clients, serverName, urls, hosts?.element, issues);
  const upstreamProviders = providersOf(entries.upstreamProviders, serverName, issues);
  const appservices = appservicesOf(entries.appservices, issues);
  const images = versions.value === undefined ? undefined : imagesOf(versions.value, found.images ?? {});
  if (images !== undefined && versions.value !== undefined) issues.push(...imageIssues(images, found.images ?? {}, versions.value, phase, found.demo ?? false));

  const synapseSettings = sorted((found.synapseSettings ?? {}) as FreeFormMap) as FreeFormMap;
  const masSettings = sorted((found.masSettings ?? {}) as FreeFormMap) as FreeFormMap;
  const fatal = synapseFatal(synapseSettings, phase);
  const told = new Set(fatal.map((issue) => issue.path));
  issues.push(...fatal, ...ownedKeys('synapseSettings', synapseSettings, synapseOwned).filter((issue) => !told.has(issue.path)));
  issues.push(...freeFormIssues('synapseSettings', synapseSettings), ...freeFormIssues('masSettings', masSettings));
  issues.push(...masIssues(masSettings), ...adoptIssues(found));

  const { secrets, ...readable } = settings;
  const present = new Set([...input.secretNames, ...(isRecord(secrets) ? Object.keys(secrets) : [])]);
  issues.push(...missingSecrets(input.stack, readable, neededSecrets(found.postgres?.mode !== 'external', found.tls?.mode === 'selfSigned'), present));
  if (issues.length > 0 || !isComplete(found) || hosts === undefined || images === undefined) throw new SettingsError(input.stack, issues);

  const { secrets: _values, ...plain } = found;
  return {
    ...plain,
    stack: input.stack,
    hosts,
    images,
    postgres: found.postgres.mode === 'managed' ? { mode: 'managed', major: 17 } : found.postgres,
    clients,
    upstreamProviders,
    appservices,
    synapseSettings,
    masSettings,
    // A throw-away stack has no staging unless it says so.
    migration: { ...found.migration, requireRehearsal: found.migration.requireRehearsal ?? !found.demo },
  };
}

type Placed<K extends keyof Entries> = readonly { readonly path: string; readonly entry: Entries[K][number] }[];
type Found = { readonly [K in keyof Keys]?: Keys[K] | undefined };

/** Reads every key on its own: what is right in one is checked further although another is wrong. */
function shapes(settings: { readonly [key: string]: unknown }): { found: Found; entries: { [K in keyof Entries]: Placed<K> }; issues: Issue[] } {
  const known = Object.keys(keys);
  const issues = Object.keys(settings).filter((key) => !known.includes(key)).map((key) => (/^(totp|mfa|2fa)$/i.test(key) ? noSecondFactor(key) : unknownKey('', key, known)));
  const found: { [key: string]: unknown } = {};
  for (const [key, shape] of Object.entries(keys)) {
    const read = fit(shape, key, settings[key]);
    issues.push(...read.issues);
    found[key] = read.value;
  }
  const entriesOf = <K extends keyof Entries>(key: K): Placed<K> => {
    const list = found[key];
    return (Array.isArray(list) ? list : []).flatMap((value: unknown, index) => {
      const path = `${key}[${index}]`;
      const read = fit(lists[key], path, value);
      issues.push(...read.issues);
      return read.value === undefined ? [] : [{ path, entry: read.value as Entries[K][number] }];
    });
  };
  return { found, entries: { clients: entriesOf('clients'), upstreamProviders: entriesOf('upstreamProviders'), appservices: entriesOf('appservices') }, issues };
}

function clientsOf(entries: Placed<'clients'>, serverName: string, urls: PublicUrls | undefined, elementHost: string | undefined, issues: Issue[]): Client[] {
  // Wrong hosts have their own issue; any will do to check the rest.
  const standing = urls ?? { homeserver: '', issuer: '', apex: '' };
  const placed = entries.map(({ path, entry }) => {
    issues.push(...clientIssues(path, entry, urls === undefined ? 'unknown' : elementHost));
    return { path, client: derivedClient(entry, serverName, standing) };
  });
  // Element Web is the stack's own program: it has a client although nobody lists one.
  if (urls?.element !== undefined && !entries.some(({ entry }) => entry.type === 'element-web')) {
    placed.push({ path: 'hosts.element', client: derivedClient({ name: 'element', type: 'element-web', admin: false }, serverName, urls) });
  }
  issues.push(...sharedByClients(placed));
  return placed.map(({ client }) => client);
}

function providersOf(entries: Placed<'upstreamProviders'>, serverName: string, issues: Issue[]): UpstreamProvider[] {
  return entries.map(({ path, entry }, index) => {
    if (entries.slice(0, index).some((other) => other.entry.idpId === entry.idpId)) {
      issues.push({ path: `${path}.idpId`, problem: 'another provider has the same idpId', got: shown(path, entry.idpId), fix: 'write the idp_id that Synapse has for each' });
    }
    if (entry.masId !== undefined && !ulidPattern.test(entry.masId)) {
      issues.push({ path: `${path}.masId`, problem: 'not a ULID, which MAS needs', got: shown(path, entry.masId), fix: 'remove the key: it then follows from idpId' });
    }
    if (!/^https:\/\/[^/\s]+/.test(entry.issuer)) {
      issues.push({ path: `${path}.issuer`, problem: 'not an https URL', got: shown(path, entry.issuer), fix: "write the provider's issuer, like https://accounts.example.com/" });
    }
    return { ...entry, masId: entry.masId ?? derivedUlid('provider', serverName, entry.idpId) };
  });
}

function appservicesOf(entries: Placed<'appservices'>, issues: Issue[]): Model['appservices'] {
  return entries.map(({ path, entry }, index) => {
    const before = entries.slice(0, index);
    if (before.some((other) => other.entry.id === entry.id)) issues.push({ path: `${path}.id`, problem: 'another appservice has the same id', got: shown(path, entry.id), fix: 'choose another id' });
    if (before.some((other) => other.entry.senderLocalpart === entry.senderLocalpart)) {
      issues.push({ path: `${path}.senderLocalpart`, problem: 'another appservice has the same sender', got: shown(path, entry.senderLocalpart), fix: 'let each have its own' });
    }
    if (before.some((other) => other.entry.asToken.secret === entry.asToken.secret)) {
      issues.push({ path: `${path}.asToken`, problem: 'another appservice has the same token, Synapse refuses to start', fix: 'let each have a secret of its own' });
    }
    if (entry.url !== null && !URL.canParse(entry.url)) issues.push({ path: `${path}.url`, problem: 'not a URL', got: shown(path, entry.url), fix: 'write it like http://bridge:29317, or null' });
    return { ...entry, namespaces: entry.namespaces as FreeFormMap };
  });
}

/** MAS's settings: what the stack owns, what MAS does not read, and what it refuses. */
function masIssues(settings: FreeFormMap): Issue[] {
  const sameDatabase = isRecord(settings['database']) && settings['database']['database'] === databases.synapse;
  const owned = ownedKeys('masSettings', settings, masOwned).filter((issue) => !(sameDatabase && issue.path === 'masSettings.database'));
  const same: Issue[] = sameDatabase ? [{ path: 'masSettings.database.database', problem: "MAS's database would be Synapse's, and both have a table users", got: shown('database', databases.synapse), fix: 'remove the key: the stack makes a database for MAS' }] : [];
  return [...same, ...owned, ...unknownMasKeys(settings), ...masFatal(settings)];
}

function adoptIssues(found: Found): Issue[] {
  const { adopt, mirror, postgres } = found;
  if (adopt === undefined) return [];
  const issues: Issue[] = [];
  if (mirror !== undefined) issues.push({ path: 'adopt', problem: `a mirror takes its data from ${mirror.of}`, fix: 'remove matrix:adopt or matrix:mirror' });
  if (adopt.from !== 'dump' && adopt.database === databases.mas) {
    issues.push({ path: 'adopt.database', problem: "Synapse's database would be the one that MAS gets, and both have a table users", got: shown('adopt.database', adopt.database), fix: `rename the database to ${databases.synapse}` });
  }
  if ((adopt.from === 'external') !== (postgres?.mode === 'external')) {
    issues.push({ path: 'adopt.from', problem: adopt.from === 'external' ? 'there is no external server to adopt in place' : `${adopt.from} is for the stack's own PostgreSQL`, got: adopt.from,
      fix: adopt.from === 'external' ? 'set matrix:postgres.mode to external' : 'write from: external, or set matrix:postgres.mode to managed' });
  }
  return issues;
}

function isComplete(found: Found): found is Keys {
  return found.serverName !== undefined && found.hosts !== undefined && found.tls !== undefined;
}

function isRecord(value: unknown): value is { readonly [key: string]: unknown } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
