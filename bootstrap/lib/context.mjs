import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createProgress } from './progress.mjs';
import { stateOf } from './environment.mjs';

/**
 * What every part is given.
 *
 * @typedef {object} Context
 * @property {string} root the clone
 * @property {ReturnType<typeof stateOf>} state
 * @property {ReturnType<typeof createProgress>} progress
 */

/** The clone that this file belongs to. */
export const cloneRoot = resolve(dirname(fileURLToPath(import.meta.url)), '..', '..');

/** @returns {Context} */
export function createContext(root = cloneRoot) {
  return { root, state: stateOf(root), progress: createProgress() };
}
