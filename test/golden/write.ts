/** Writes the golden files anew: `npm run golden`. Their diff is what a change does to servers, so read it in review. */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { goldenDirectory, goldenFiles } from './files.ts';

for (const stack of ['prod', 'staging']) rmSync(new URL(`${stack}/`, goldenDirectory), { recursive: true, force: true });
const files = goldenFiles();
for (const [path, content] of files) {
  const file = new URL(path, goldenDirectory);
  mkdirSync(new URL('./', file), { recursive: true });
  writeFileSync(file, content);
}
console.log(`${files.size} golden files written`);
