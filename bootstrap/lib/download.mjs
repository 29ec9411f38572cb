import { mkdirSync, renameSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { CommandFailed, run, which } from './run.mjs';
import { seconds } from './progress.mjs';

/** Seconds after which a host that does not answer, or stops sending, is given up. */
export const patience = 5;

/** A download that did not come. `message` is a clause such as `get.pulumi.com refused in 0.1 s`. */
export class Unreachable extends Error {}

/**
 * Fetches an archive and unpacks it. Nothing is left behind when it fails.
 * curl is used because it knows the machine's proxies and certificates.
 *
 * @param {string} url of a .tar.gz
 * @param {string} directory made by this call; its parent may be missing
 * @param {string[]} [tarOptions] e.g. `--strip-components=1`
 * @throws {Unreachable}
 */
export async function unpack(url, directory, tarOptions = []) {
  const host = new URL(url).host;
  const since = Date.now();
  const draft = `${directory}.${process.pid}.part`;
  if (which('curl') === undefined) throw new Unreachable(`no curl to ask ${host} with`);
  mkdirSync(dirname(directory), { recursive: true });
  mkdirSync(draft);
  try {
    const archive = `${draft}/archive.tar.gz`;
    await run('curl', ['--fail', '--silent', '--show-error', '--location', '--connect-timeout', String(patience),
      '--speed-limit', '1', '--speed-time', String(patience), '--output', archive, url]);
    await run('tar', ['-xzf', archive, '-C', draft, ...tarOptions]);
    rmSync(archive);
    rmSync(directory, { recursive: true, force: true });
    renameSync(draft, directory);
  } catch (error) {
    rmSync(draft, { recursive: true, force: true });
    if (!(error instanceof CommandFailed)) throw error;
    throw new Unreachable(`${host} ${error.message.startsWith('tar ') ? 'sent a broken archive' : curlReason(error)} in ${seconds(since)}`);
  }
}

/** curl's exit codes: https://curl.se/libcurl/c/libcurl-errors.html */
function curlReason(error) {
  const code = Number(/code (\d+)/.exec(error.reason)?.[1]);
  if (code === 22) return `answered ${/error: (\d+)/.exec(error.output)?.[1] ?? 'with an error'}`;
  if (code === 28) return 'gave no answer';
  if (code === 6) return 'was not found';
  return 'refused';
}
