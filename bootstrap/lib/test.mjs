import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { createContext } from './context.mjs';
import { environment } from './environment.mjs';
import { seconds } from './progress.mjs';
import { partsOrComplain } from './start.mjs';
import { conclude, createCounter } from './summary.mjs';

/** Scripts of package.json, cheapest first. */
const scripts = { lint: 'lint', types: 'types', unit: 'test:unit', standins: 'test:standins', e2e: 'test:e2e' };

/**
 * `npm test`: the parts, then every script, whether or not an earlier one failed.
 *
 * @returns {Promise<number>} exit code
 */
export async function test() {
  const context = createContext();
  const partsAreHere = await partsOrComplain(context);
  if (!existsSync(join(context.root, 'node_modules', '.bin', 'node'))) return 1;
  const results = [];
  for (const [name, script] of Object.entries(scripts)) {
    console.log(`\n== ${name}`);
    const since = Date.now();
    const { code, passed, failed } = await runScript(context.root, script);
    results.push({ name, code, passed, failed, runsTests: script.startsWith('test:'), took: seconds(since) });
  }
  const { lines, code } = conclude(results, partsAreHere);
  console.log(`\n${lines.join('\n')}`);
  return code;
}

/** Runs a script with its output passed on, and counts what node:test says of it. */
function runScript(root, script) {
  const counter = createCounter();
  const child = spawn('npm', ['run', '--silent', script], {
    cwd: root,
    // Without a terminal Node 22 would print TAP, which few people read.
    env: { ...process.env, ...environment(root), NODE_OPTIONS: `${process.env.NODE_OPTIONS ?? ''} --test-reporter=spec`.trim() },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  createInterface({ input: child.stdout }).on('line', (line) => {
    console.log(line);
    counter.see(line);
  });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => resolve({ code: code ?? 1, ...counter.counts }));
  });
}
