import { readFileSync } from 'node:fs';

/**
 * Why this program cannot run here, or undefined. Needs nothing that an old Node lacks.
 *
 * @param {{platform: string, nodeVersion: string}} [host]
 * @returns {string | undefined} one sentence
 */
export function unsupported({ platform = process.platform, nodeVersion = process.versions.node } = {}) {
  if (platform === 'win32') return 'This is Windows; run the program inside WSL 2 (type `wsl --install`, then start again from its shell).';
  if (platform !== 'linux' && platform !== 'darwin') return `This is ${platform}; the program runs on Linux, macOS and WSL 2.`;
  if (Number(nodeVersion.split('.')[0]) < 20) return `This is Node ${nodeVersion}; install Node 20 or later from https://nodejs.org.`;
  return undefined;
}

/**
 * Fields of /etc/os-release.
 *
 * @param {string} [file]
 * @returns {{id: string, like: string[], codename: string | undefined, debian: boolean}} empty id where there is no such file
 */
export function osRelease(file = '/etc/os-release') {
  let text = '';
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    // macOS
  }
  const fields = new Map();
  for (const line of text.split('\n')) {
    const match = /^([A-Z_]+)=(?:"(.*)"|'(.*)'|(.*))$/.exec(line);
    if (match) fields.set(match[1], match[2] ?? match[3] ?? match[4]);
  }
  const id = fields.get('ID') ?? '';
  const like = (fields.get('ID_LIKE') ?? '').split(' ').filter((word) => word !== '');
  return { id, like, codename: fields.get('VERSION_CODENAME'), debian: [id, ...like].some((word) => word === 'debian' || word === 'ubuntu') };
}

/** True when this process may install packages with apt. */
export function canApt() {
  return process.platform === 'linux' && process.getuid?.() === 0 && osRelease().debian;
}
