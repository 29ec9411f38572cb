/** Which lines differ between two texts. */

export interface LineChange {
  readonly sign: '+' | '-';
  readonly line: string;
}

/**
 * @returns removed and added lines in the order of the texts; common ones are left out (longest common subsequence).
 * Time and memory grow with the product of both lengths: meant for configuration files.
 */
export function lineDiff(before: string, after: string): LineChange[] {
  const old = linesOf(before);
  const now = linesOf(after);
  // common[i][j]: length of the longest common part of old from i and now from j.
  const common = Array.from({ length: old.length + 1 }, () => new Uint32Array(now.length + 1));
  const at = (i: number, j: number): number => common[i]?.[j] ?? 0;
  for (let i = old.length - 1; i >= 0; i--) {
    for (let j = now.length - 1; j >= 0; j--) {
      const row = common[i];
      if (row !== undefined) row[j] = old[i] === now[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
    }
  }
  const changes: LineChange[] = [];
  let i = 0;
  let j = 0;
  while (i < old.length || j < now.length) {
    if (i < old.length && j < now.length && old[i] === now[j]) {
      i++;
      j++;
    } else if (j >= now.length || (i < old.length && at(i + 1, j) >= at(i, j + 1))) {
      changes.push({ sign: '-', line: old[i++] ?? '' });
    } else {
      changes.push({ sign: '+', line: now[j++] ?? '' });
    }
  }
  return changes;
}

const linesOf = (text: string): string[] => (text === '' ? [] : text.replace(/\n$/, '').split('\n'));
