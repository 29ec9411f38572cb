/** Peak memory of short-lived containers, by Docker's own numbers of their cgroup. */
import { request } from 'node:http';
import { paths } from '../model/names.ts';

export interface Peak {
  /** Highest of what `docker stats` shows, asked again 100 ms after each answer: use without file cache that can be dropped. MiB. */
  readonly shown: number;
  /** The kernel's own mark, which includes file cache; null where the host gives none (cgroup v2). MiB. */
  readonly marked: number | null;
  readonly asked: number;
}

interface Stats {
  readonly memory_stats?: { readonly usage?: number; readonly max_usage?: number; readonly stats?: { readonly inactive_file?: number; readonly total_inactive_file?: number } };
}

const pause = 100;
const mebibyte = 2 ** 20;

/** @throws Error also for the empty answer that Docker gives about a container that has just ended. */
async function ask(path: string): Promise<unknown> {
  const text = await new Promise<string>((resolve, reject) => {
    const call = request({ socketPath: paths.dockerSocket, path: `/v1.41${path}`, timeout: 10_000 }, (answer) => {
      const chunks: Buffer[] = [];
      answer.on('data', (chunk: Buffer) => chunks.push(chunk));
      answer.on('error', reject);
      answer.on('end', () => (answer.statusCode === 200 ? resolve(Buffer.concat(chunks).toString()) : reject(new Error(`Docker answered ${answer.statusCode} to ${path}`))));
    });
    call.on('timeout', () => call.destroy(new Error(`Docker did not answer ${path} within 10 s`)));
    call.on('error', reject);
    call.end();
  });
  return JSON.parse(text) as unknown;
}

/** Watches each container whose name is `prefix` and then one of `parts`. @returns how to stop and the peak by part, without those never seen. */
export function watchMemory(prefix: string, parts: readonly string[]): () => Promise<{ readonly [part: string]: Peak }> {
  const peaks: { [part: string]: Peak } = {};
  let on = true;
  const look = async (): Promise<void> => {
    const running = (await ask('/containers/json')) as { readonly Id: string; readonly Names: readonly string[] }[];
    await Promise.all(running.map(async ({ Id, Names }) => {
      const part = parts.find((one) => Names.some((name) => name.startsWith(`/${prefix}${one}`)));
      if (part === undefined) return;
      const { memory_stats: memory } = (await ask(`/containers/${Id}/stats?stream=false&one-shot=true`)) as Stats;
      if (memory?.usage === undefined) return;
      const before = peaks[part] ?? { shown: 0, marked: null, asked: 0 };
      const shown = (memory.usage - (memory.stats?.total_inactive_file ?? memory.stats?.inactive_file ?? 0)) / mebibyte;
      const marked = memory.max_usage === undefined ? null : memory.max_usage / mebibyte;
      peaks[part] = { shown: Math.max(before.shown, shown), marked: marked === null ? before.marked : Math.max(before.marked ?? 0, marked), asked: before.asked + 1 };
    }));
  };
  const watching = (async () => {
    while (on) {
      // A container that ended between the two questions has no numbers any more.
      await look().catch(() => undefined);
      await new Promise((resolve) => setTimeout(resolve, pause));
    }
  })();
  return async () => {
    on = false;
    await watching;
    return peaks;
  };
}
