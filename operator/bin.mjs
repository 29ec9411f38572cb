#!/usr/bin/env node
// Finds a Node that runs TypeScript itself and hands over. Plain JavaScript, so that any Node can say what it lacks.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const [major, minor] = process.versions.node.split('.').map(Number);
const able = major > 22 || (major === 22 && minor >= 18);
const own = fileURLToPath(new URL('../node_modules/.bin/node', import.meta.url));
if (!able && !existsSync(own)) {
  console.error(`Node ${process.versions.node} runs this command; expected 22.18 or newer. Type npm install in the project, which brings one.`);
  process.exit(1);
}
const main = fileURLToPath(new URL('./main.ts', import.meta.url));
const { status, signal } = spawnSync(able ? process.execPath : own, [main, ...process.argv.slice(2)], { stdio: 'inherit' });
process.exit(status ?? (signal === 'SIGINT' ? 130 : 1));
