import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { bringParts } from '../parts/all.mjs';
import { createContext } from './context.mjs';
import { environment, exportLines } from './environment.mjs';
import { seconds } from './progress.mjs';

const usage = `npm start                        brings every part, then runs the demo
npm start -- --parts-only        brings every part, then prints the environment for a plain pulumi
npm start -- OPTION...           other options go to the demo`;

/**
 * `npm start`: the parts, then the demo.
 *
 * @param {string[]} args
 * @returns {Promise<number>} exit code
 */
export async function start(args) {
  if (args.includes('--help')) {
    console.log(usage);
    return 0;
  }
  const context = createContext();
  if (!(await partsOrComplain(context))) return 1;
  if (args.includes('--parts-only')) {
    console.log(`\nFor a plain pulumi in this shell:\n${exportLines(context.root).join('\n')}`);
    return 0;
  }
  return await passThrough(context, ['operator/main.ts', 'demo', ...args]);
}

/** Brings the parts with a closing line. @returns {Promise<boolean>} false after the reasons were printed */
export async function partsOrComplain(context) {
  const since = Date.now();
  try {
    const missing = missingOf(await bringParts(context));
    context.progress.line(missing.length === 0 ? `All parts are here.  ${seconds(since)}` : `Missing: ${missing.join(', ')}; the lines marked ! say why.`);
    return missing.length === 0;
  } catch (error) {
    context.progress.line(`\n${error.message}`);
    // A mistake in this program, not something found on the machine.
    const mistakes = (error.errors ?? [error]).filter((one) => one instanceof TypeError || one instanceof ReferenceError);
    for (const { stack } of mistakes) context.progress.line(stack);
    return false;
  } finally {
    context.progress.close();
  }
}

function missingOf({ plugins, images }) {
  const missing = (kind, parts) => Object.entries(parts).filter(([, { route }]) => route === 'missing').map(([name]) => `${kind} ${name}`);
  return [...missing('provider', plugins), ...missing('image', images)];
}

/** Node 22 with this clone's environment, its terminal and its exit code. */
function passThrough(context, args) {
  const env = { ...process.env, ...environment(context.root) };
  const child = spawn('node', args, { cwd: context.root, env, stdio: 'inherit' });
  // The terminal sends Ctrl-C to both; the child decides what it means.
  const ignore = () => {};
  process.on('SIGINT', ignore);
  const forward = () => child.kill('SIGTERM');
  process.on('SIGTERM', forward);
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => resolve(code ?? 128 + (constants.signals[signal] ?? 0)));
  });
}
