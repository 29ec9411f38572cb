import { spawn } from 'node:child_process';
import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** A command that ended with a code other than 0, was killed, or could not be started. */
export class CommandFailed extends Error {
  /**
   * @param {string} command what ran, without its environment
   * @param {string} reason one clause, e.g. `ended with code 1`
   * @param {string} output standard output and error, in the order of arrival
   * @param {string} [stdout] standard output alone
   */
  constructor(command, reason, output, stdout = '') {
    super(`${command} ${reason}${tail(output)}`);
    this.reason = reason;
    this.output = output;
    this.stdout = stdout;
  }
}

function tail(output) {
  const lines = output.trimEnd().split('\n').filter((line) => line.trim() !== '').slice(-8);
  return lines.length === 0 ? '' : `:\n${lines.map((line) => `    ${line}`).join('\n')}`;
}

/**
 * Runs a program without a shell.
 *
 * @param {string} program
 * @param {string[]} args
 * @param {object} [options]
 * @param {string} [options.cwd]
 * @param {NodeJS.ProcessEnv} [options.env] the whole environment, default the one of this process
 * @param {import('node:stream').Readable} [options.input] becomes standard input
 * @param {number} [options.timeout] milliseconds in all
 * @param {number} [options.firstLine] milliseconds until the first line of output
 * @param {(line: string) => void} [options.onLine] sees each line of standard output and error
 * @returns {Promise<{stdout: string, stderr: string}>}
 * @throws {CommandFailed}
 */
export function run(program, args, options = {}) {
  const command = [program, ...args.slice(0, 2)].join(' ');
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      cwd: options.cwd,
      env: options.env ?? process.env,
      stdio: [options.input ? 'pipe' : 'ignore', 'pipe', 'pipe'],
    });
    const collected = { stdout: '', stderr: '', all: '' };
    let silent = true;
    let gaveUp;
    const giveUp = (milliseconds, reason) =>
      milliseconds === undefined
        ? undefined
        : setTimeout(() => {
            gaveUp = reason;
            child.kill('SIGKILL');
          }, milliseconds);
    const timers = [giveUp(options.timeout, `was not done in ${(options.timeout ?? 0) / 1000} s`)];
    const first = giveUp(options.firstLine, `gave no answer in ${(options.firstLine ?? 0) / 1000} s`);
    timers.push(first);
    for (const name of ['stdout', 'stderr']) {
      let rest = '';
      child[name].setEncoding('utf8').on('data', (text) => {
        if (silent) {
          silent = false;
          clearTimeout(first);
        }
        collected[name] += text;
        collected.all += text;
        if (options.onLine === undefined) return;
        const lines = (rest + text).split(/[\r\n]+/);
        rest = lines.pop() ?? '';
        for (const line of lines) options.onLine(line);
      });
    }
    if (options.input) {
      options.input.on('error', () => child.kill('SIGKILL'));
      child.stdin.on('error', () => {});
      options.input.pipe(child.stdin);
    }
    child.on('error', (error) => {
      timers.forEach(clearTimeout);
      reject(new CommandFailed(command, `could not be started (${error.code ?? error.message})`, ''));
    });
    child.on('close', (code, signal) => {
      timers.forEach(clearTimeout);
      if (gaveUp !== undefined) reject(new CommandFailed(command, gaveUp, collected.all));
      else if (code !== 0) reject(new CommandFailed(command, code === null ? `was ended by ${signal}` : `ended with code ${code}`, collected.all, collected.stdout));
      else resolve({ stdout: collected.stdout, stderr: collected.stderr });
    });
  });
}

/**
 * The first executable file of that name on a search path.
 *
 * @param {string} name
 * @param {string} [path] default PATH
 * @returns {string | undefined} its absolute path
 */
export function which(name, path = process.env.PATH ?? '') {
  for (const directory of path.split(delimiter).filter((entry) => entry !== '')) {
    const file = join(directory, name);
    try {
      accessSync(file, constants.X_OK);
      if (statSync(file).isFile()) return file;
    } catch {
      // not in this directory
    }
  }
  return undefined;
}
