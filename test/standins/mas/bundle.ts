import { fileURLToPath } from 'node:url';
import { build, type BuildOptions } from 'esbuild';

/**
 * Options that make one .mjs of the stand-in. `pg` is CommonJS and calls `require` for Node's own modules, which an ES module lacks,
 * hence the banner; `pg-native` is optional and never installed.
 */
export const BUILD_OPTIONS = {
  entryPoints: [fileURLToPath(new URL('./main.ts', import.meta.url))],
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: 'node22',
  external: ['pg-native', 'cloudflare:sockets'],
  banner: { js: "#!/usr/bin/env node\nimport { createRequire as standinRequire } from 'node:module'; const require = standinRequire(import.meta.url);" },
  logLevel: 'warning',
} as const satisfies BuildOptions;

/** Writes the whole stand-in into `outFile`, runnable by Node 22 without node_modules. */
export async function bundle(outFile: string): Promise<void> {
  await build({ ...BUILD_OPTIONS, outfile: outFile });
}
