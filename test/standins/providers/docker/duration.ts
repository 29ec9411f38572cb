const UNIT: { readonly [name: string]: number } = { ns: 1, us: 1e3, "µs": 1e3, ms: 1e6, s: 1e9, m: 60e9, h: 3600e9 };

/** Nanoseconds of a Go duration ("1m30s"); `undefined` for none. Throws on any other text. */
export function nanoseconds(duration: string | undefined): number | undefined {
  if (duration === undefined || duration === "0") return duration === undefined ? undefined : 0;
  if (!/^(\d+(\.\d+)?(ns|us|µs|ms|s|m|h))+$/.test(duration)) {
    throw new Error(`The duration is ${JSON.stringify(duration)}; expected Go's form, such as "1m30s".`);
  }
  let total = 0;
  for (const [, amount, unit] of duration.matchAll(/(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h)/g)) total += Number(amount) * (UNIT[unit ?? ""] ?? 0);
  return Math.round(total);
}

/** The duration as Go prints it: 60e9 is "1m0s", 5e9 is "5s". */
export function goDuration(nanos: number): string {
  if (nanos === 0) return "0s";
  if (nanos < 1e9) return nanos < 1e6 ? `${nanos / 1e3}µs` : `${nanos / 1e6}ms`;
  const hours = Math.floor(nanos / 3600e9);
  const minutes = Math.floor((nanos % 3600e9) / 60e9);
  const seconds = `${(nanos % 60e9) / 1e9}s`;
  return hours > 0 ? `${hours}h${minutes}m${seconds}` : minutes > 0 ? `${minutes}m${seconds}` : seconds;
}
