/** What is wrong with settings, in sentences that say what to type. */

export interface Issue {
  /** Key under `matrix:`, dotted, with list positions: `clients[0].redirectUris[1]`. */
  readonly path: string;
  /** What was found and what was expected, without the value. */
  readonly problem: string;
  /** The value found; never a secret. */
  readonly got?: string;
  /** What to type or change. */
  readonly fix: string;
}

/** All issues of one reading. The message has one line for each. */
export class SettingsError extends Error {
  override readonly name = 'SettingsError';
  readonly issues: readonly Issue[];
  constructor(stack: string, issues: readonly Issue[]) {
    super(`${issues.length === 1 ? 'one problem' : `${issues.length} problems`} in the settings of stack ${stack} (keys under matrix: in Pulumi.${stack}.yaml)\n${issues.map(issueLine).join('\n')}`);
    this.issues = issues;
  }
}

/** @returns `path: problem (got X); fix` */
export function issueLine(issue: Issue): string {
  return `${issue.path}: ${issue.problem}${issue.got === undefined ? '' : ` (got ${issue.got})`}; ${issue.fix}`;
}

/** Key names whose values are never shown, whoever wrote them in clear. */
const secretName = /secret|pass|token|pepper|dsn|private|encryption|signing|(^|[._])key($|[._\]])/i;

/** @returns true when a value at this path must not be shown or written in clear. */
export function isSecretPath(path: string): boolean {
  return secretName.test(path);
}

/** @returns a value as it may be shown: scalars as JSON, the rest by kind; by kind only where the path names a secret. */
export function shown(path: string, value: unknown): string {
  if (value === null) return 'null';
  if (value === undefined) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'a map';
  if (typeof value === 'boolean') return String(value);
  if (isSecretPath(path)) return typeof value === 'string' ? 'a string' : `a ${typeof value}`;
  const text = JSON.stringify(value);
  return text.length > 120 ? `${text.slice(0, 117)}…"` : text;
}

/** Edit distance of two short words (Levenshtein). */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      next.push(Math.min((next[j - 1] ?? 0) + 1, (row[j] ?? 0) + 1, (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1)));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}

/** @returns the known key that was probably meant, or undefined when none is near. */
export function nearestKey(key: string, known: readonly string[]): string | undefined {
  const plain = (text: string): string => text.toLowerCase().replaceAll(/[^a-z0-9]/g, '');
  const begun = known.filter((candidate) => key.length > 2 && plain(candidate).startsWith(plain(key)));
  if (begun.length === 1) return begun[0];
  const ranked = known.map((candidate) => ({ candidate, far: distance(plain(key), plain(candidate)) })).sort((a, b) => a.far - b.far);
  const best = ranked[0];
  if (best === undefined) return undefined;
  return best.far <= Math.max(2, Math.floor(key.length / 3)) ? best.candidate : undefined;
}

/** @returns the issue for a key that nobody reads. */
export function unknownKey(parent: string, key: string, known: readonly string[]): Issue {
  const near = nearestKey(key, known);
  return {
    path: parent === '' ? key : `${parent}.${key}`,
    problem: 'unknown key',
    fix: near === undefined ? `remove it; known keys: ${known.join(', ')}` : `did you mean ${near}?`,
  };
}
