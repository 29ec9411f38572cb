/** What `npm run golden` writes and the golden test compares: every file of both shipped stacks, in both phases, without secrets. */
import { usedIn } from '../../components/matrix-stack.ts';
import { renderAll } from '../../templates/all.ts';
import { shipped } from '../model/settings.ts';

export const goldenDirectory = new URL('./', import.meta.url);

/** Stands for a secret in every format while files are rendered; in golden files it reads `<name>`. */
const mark = 'golden-secret-';

/** @returns content by path below test/golden, e.g. `prod/legacy/edge/nginx.conf`. */
export function goldenFiles(): ReadonlyMap<string, string> {
  const files = new Map<string, string>();
  for (const stack of ['prod', 'staging'] as const) {
    for (const phase of ['legacy', 'delegated'] as const) {
      const model = shipped(stack, { phase });
      for (const volume of renderAll(model, (name) => `${mark}${name}`)) {
        if (!usedIn(phase, volume.owner)) continue;
        for (const file of volume.files) files.set(`${stack}/${phase}/${volume.owner}/${file.path}`, file.content.replaceAll(new RegExp(`${mark}(\\w+)`, 'g'), '<$1>'));
      }
    }
  }
  return files;
}
