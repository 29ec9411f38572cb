/** Which secrets a stack needs: its own ones, and those that settings name by `{secret: NAME}`. */
import type { Issue } from './issues.ts';
import { ownSecrets, type OwnSecret } from './names.ts';
import type { FreeForm, FreeFormMap, SecretRef } from './model.ts';

/** @returns true for `{secret: NAME}`. */
export function isSecretRef(value: unknown): value is SecretRef {
  return typeof value === 'object' && value !== null && Object.keys(value).length === 1 && typeof (value as { secret?: unknown }).secret === 'string';
}

/** @returns true when a free-form value holds a secret at any depth. */
export function holdsSecret(value: FreeForm): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (isSecretRef(value)) return true;
  return Object.values(value as FreeFormMap).some(holdsSecret);
}

/** Every `{secret: NAME}` below a value, with its path. */
export function secretRefs(path: string, value: unknown): { readonly path: string; readonly name: string }[] {
  if (isSecretRef(value)) return [{ path, name: value.secret }];
  if (Array.isArray(value)) return value.flatMap((entry, index) => secretRefs(`${path}[${index}]`, entry));
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, entry]) => secretRefs(path === '' ? key : `${path}.${key}`, entry));
}

/** @returns the stack's own secrets: all of names.ts but those of a database server or certificate that somebody else has. */
export function neededSecrets(ownPostgres: boolean, ownCertificate: boolean): readonly OwnSecret[] {
  return ownSecrets.filter((name) => (name === 'postgresPassword' ? ownPostgres : name.startsWith('tls') ? ownCertificate : true));
}

/** @returns an issue for each secret that settings name and nobody set, and one for all of the stack's own that are missing. */
export function missingSecrets(stack: string, settings: unknown, needed: readonly string[], present: ReadonlySet<string>): Issue[] {
  const named = secretRefs('', settings).filter(({ name }) => !present.has(name)).map(({ path, name }) => ({
    path, problem: `there is no secret named ${name}`, fix: `run \`pulumi config set --stack ${stack} --secret --path matrix:secrets.${name}\`` }));
  const own = needed.filter((name) => !present.has(name));
  if (own.length === 0) return named;
  return [...named, { path: 'secrets', problem: `${own.length === 1 ? 'a secret' : `${own.length} secrets`} of the stack itself ${own.length === 1 ? 'is' : 'are'} missing: ${own.join(', ')}`,
    fix: `run \`matrix-stack init ${stack}\`` }];
}
