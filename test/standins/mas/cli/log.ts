/** Severity names of `tracing`, in the order of rising weight. */
export type Level = 'TRACE' | 'DEBUG' | 'INFO' | 'WARN' | 'ERROR';

const WEIGHT: Record<string, number> = { trace: 0, debug: 1, info: 2, warn: 3, error: 4, off: 5 };

/** Threshold from `RUST_LOG`: only its global level is understood, anything else means `info` (crates/cli/src/main.rs). */
function threshold(): number {
  const directives = (process.env['RUST_LOG'] ?? 'info').toLowerCase().split(',');
  const global = directives.find((directive) => directive in WEIGHT);
  return WEIGHT[global ?? 'info'] ?? 2;
}

/**
 * One log line on stderr, in the shape of mas-cli: time, right-aligned level, target, message, `key=value` fields
 * (crates/context/src/fmt.rs `EventFormatter`).
 */
export function log(level: Level, target: string, message: string, fields: Record<string, string | number | boolean> = {}): void {
  if ((WEIGHT[level.toLowerCase()] ?? 2) < threshold()) return;
  const tail = Object.entries(fields).map(([key, value]) => ` ${key}=${String(value)}`).join('');
  process.stderr.write(`${new Date().toISOString().replace('Z', '000Z')} ${level.padStart(5)} ${target} ${message}${tail}\n`);
}
