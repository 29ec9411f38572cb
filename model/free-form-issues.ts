/** What no free-form map may hold: secrets in clear, wrong secret references, values that are no YAML. */
import { isSecretPath, shown, type Issue } from './issues.ts';
import { isSecretRef } from './secret-names.ts';

/** Values of these keys are public or paths although their names sound secret. */
const publicNames = /(_path|_file|_lifetime|_ttl|_uri|_url|_enabled|_required|_allowed|_entrypoint|_after|_per_user|site_key|public_key|_keys|_servers|_type|_length|_interval|_issuer|_audience|_algorithm|_mode|_hint|_template|_complexity)$/;

/** @returns the issues below a path. Only text is a secret in clear: numbers and switches are not. */
export function freeFormIssues(path: string, value: unknown): Issue[] {
  if (isSecretRef(value)) return [];
  if (Array.isArray(value)) return value.flatMap((entry, index) => freeFormIssues(`${path}[${index}]`, entry));
  if (typeof value === 'object' && value !== null) {
    if ('secret' in value && typeof value.secret === 'string' && Object.keys(value).length > 1) {
      return [{ path, problem: 'a secret reference has one key', fix: 'write {secret: NAME} alone' }];
    }
    return Object.entries(value).flatMap(([key, entry]) => freeFormIssues(path === '' ? key : `${path}.${key}`, entry));
  }
  if (typeof value === 'string' && value !== '' && clearSecret(path)) {
    return [{ path, problem: 'a secret in clear', got: shown(path, value), fix: 'write {secret: NAME} and set the value with `pulumi config set --secret --path matrix:secrets.NAME`' }];
  }
  return [];
}

function clearSecret(path: string): boolean {
  const last = path.split('.').at(-1)?.replace(/\[\d+\]$/, '') ?? '';
  return isSecretPath(last) && !publicNames.test(last);
}
