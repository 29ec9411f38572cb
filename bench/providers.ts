/** How long a provider of the engine takes to start: until it prints the port that it serves. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { pulumiEnvironment, stateDirectory } from '../operator/project.ts';

/** Milliseconds. @throws Error when it ends without a port, or is not where Pulumi keeps it. */
export async function startOfProvider(name: string, version: string): Promise<number> {
  const home = pulumiEnvironment()['PULUMI_HOME'] ?? join(stateDirectory, 'pulumi-home');
  const begin = performance.now();
  // It connects to the engine at this address only when it is asked to do something.
  const child = spawn(join(home, 'plugins', `resource-${name}-v${version}`, `pulumi-resource-${name}`), ['127.0.0.1:1'], { stdio: ['ignore', 'pipe', 'ignore'] });
  const ended = new Promise<void>((resolve) => child.on('close', () => resolve()));
  try {
    return await new Promise<number>((resolve, reject) => {
      child.on('error', reject);
      child.on('close', (code) => reject(new Error(`The provider ${name} ended with ${code} before it named a port.`)));
      child.stdout.once('data', () => resolve(performance.now() - begin));
    });
  } finally {
    child.kill();
    await ended;
  }
}
