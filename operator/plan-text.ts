/** A plan as people read it. */
import type { FilesChange, Plan } from './plan.ts';

/** Lines of a file shown before the rest is counted only. */
const shownLines = 12;

/** @param all show every changed line. */
export function planText(plan: Plan, all: boolean): string {
  const { decision } = plan;
  if (decision.kind === 'refused') return `Refused. ${decision.message}`;
  const parts = [
    decision.sentence,
    ...(decision.kind === 'move' ? [lossText(plan)] : []),
    section('Files', plan.files.flatMap((files) => filesText(files, all))),
    section('Routes', columns(plan.routes.map((route) => [`${route.host}${route.pattern}`, `${route.from} -> ${route.to}`]))),
    section('Containers', columns(plan.containers.map(({ change, name, because }) => [change, name, because.length === 0 ? '' : `(${because.join(', ')})`]))),
    section('Other', columns(plan.others.map(({ change, name }) => [change, name]))),
    section('Steps, in order', plan.steps.length === 0 ? [] : [plan.steps.join(', ')]),
  ].filter((part) => part !== '');
  return parts.length === 1 ? `${parts[0] ?? ''} Nothing would change.` : parts.join('\n\n');
}

function lossText({ losses }: Plan): string {
  const some = losses.filter((loss) => loss.count > 0);
  return some.length === 0 ? 'Expected losses: none' : section('Expected losses', columns(some.map((loss) => [String(loss.count), loss.class, loss.users.join(', ')])));
}

function filesText({ owner, change, lines }: FilesChange, all: boolean): string[] {
  if (lines === null) return [`${change} ${owner} (secret, content not shown)`];
  const byFile = Map.groupBy(lines, (line) => line.file);
  return [`${change} ${owner}`, ...[...byFile].flatMap(([file, changes]) => {
    const added = changes.filter(({ sign }) => sign === '+').length;
    const head = `  ${file}: ${added} lines added, ${changes.length - added} removed`;
    // A file that is wholly new or gone is a file to read, not a difference.
    if (!all && change !== 'replace') return [head];
    const shown = all ? changes : changes.slice(0, shownLines);
    return [head, ...shown.map(({ sign, line }) => `    ${sign} ${line}`), ...(shown.length < changes.length ? [`    … ${changes.length - shown.length} more lines (--all shows them)`] : [])];
  })];
}

const section = (title: string, lines: readonly string[]): string => (lines.length === 0 ? '' : [title, ...lines.map((line) => `  ${line}`)].join('\n'));

/** Lines up the cells of a table by blanks. */
export function columns(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => (row[column] ?? '').length)));
  return rows.map((row) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ').trimEnd());
}
