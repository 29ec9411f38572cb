import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { canApt, osRelease } from '../lib/platform.mjs';
import { run, which } from '../lib/run.mjs';
import { aptInstall } from '../parts/apt.mjs';

const suite = 'trixie';
const script = fileURLToPath(new URL('base/rootfs.sh', import.meta.url));
/** Not /tmp, which may be memory; debootstrap wants a file system with devices and programs. */
const workshop = '/var/tmp';
const prefix = 'matrix-stack-rootfs-';
/** Bytes of free memory above which the tree is made in memory; it takes 1 GB, the build of the CLI beside it 2 GB. */
const memoryNeeded = 6 * 1024 ** 3;

const packages = [
  'ca-certificates', 'curl', 'gettext-base', 'libjemalloc2', 'libnginx-mod-http-js', 'libpq5', 'nginx', 'openssh-client',
  'postgresql-17', 'postgresql-client-17', 'python3-psycopg2', 'python3-venv', 'restic', 'xz-utils',
];

/** Extras that have wheels: login through OpenID Connect, Redis for workers, previews, JWT, cache sizes. */
const extras = 'oidc,redis,url-preview,jwt,cache-memory';

/** Label that holds the digest of what an image was made from. */
export const recipeLabel = 'matrix-stack.recipe';
const versionsLabel = 'matrix-stack.versions';

/**
 * The image that all local counterparts begin with.
 *
 * @param {string} prefix repository prefix of all local images
 * @param {string} synapseVersion of the PyPI package
 * @returns {{prefix: string, tag: string, recipe: string, requirement: string, synapseVersion: string}}
 */
export function baseRecipe(prefix, synapseVersion) {
  const requirement = `matrix-synapse[${extras}]==${synapseVersion}`;
  const recipe = createHash('sha256').update(JSON.stringify([suite, packages, requirement, readFileSync(script, 'utf8')])).digest('hex');
  return { prefix, tag: `${prefix}base:${suite}-${recipe.slice(0, 8)}`, recipe, requirement, synapseVersion };
}

/** Why the base cannot be made here, or undefined. One clause. */
export function cannotBuild() {
  if (canApt()) return undefined;
  return 'building it from Debian packages needs root on Debian or Ubuntu';
}

/**
 * Makes the base image: debootstrap, Debian's packages, Synapse's wheels, one import.
 *
 * @param {ReturnType<typeof baseRecipe>} base
 * @param {(text: string) => void} step
 * @returns {Promise<void>}
 */
export async function buildBase(base, step) {
  const missing = [['debootstrap', 'debootstrap'], ['unshare', 'util-linux']].filter(([program]) => which(program) === undefined).map(([, name]) => name);
  if (!existsSync('/usr/share/keyrings/debian-archive-keyring.gpg')) missing.push('debian-archive-keyring');
  if (missing.length > 0) await aptInstall(missing, step);

  // Left by builds that were killed; the caller's lock says that none is under way.
  for (const name of readdirSync(workshop).filter((entry) => entry.startsWith(prefix))) rmSync(join(workshop, name), { recursive: true, force: true });
  const scratch = mkdtempSync(join(workshop, prefix));
  const directory = join(scratch, 'tree');
  mkdirSync(directory);
  try {
    const certificates = join(scratch, 'ca.pem');
    const bundle = '/etc/ssl/certs/ca-certificates.crt';
    writeFileSync(certificates, existsSync(bundle) ? readFileSync(bundle) : '');
    const settings = {
      DIRECTORY: directory,
      IN_MEMORY: availableMemory() > memoryNeeded ? 'yes' : 'no',
      SUITE: suite,
      MIRROR: await mirror(),
      PACKAGES: packages.join(' '),
      SYNAPSE: base.requirement,
      HOST_CA: certificates,
      TAG: base.tag,
      RECIPE: base.recipe,
      RECIPE_LABEL: recipeLabel,
      VERSIONS_LABEL: versionsLabel,
    };
    let heading = '';
    await run('unshare', ['--mount', 'bash', script], {
      env: { ...process.env, HOME: process.env.HOME ?? homedir(), ...settings },
      onLine: (line) => {
        // `matrix-synapse[extras]==1.2.3` reads better without the extras.
        if (line.startsWith('== ')) step((heading = line.slice(3).replace(/\[.*\]==/, ' ')));
        else if (/^(I: |Unpacking |Setting up |Collecting )/.test(line)) step(`${heading}: ${line.replace(/^I: /, '').slice(0, 60)}`);
      },
    });
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** Bytes; 0 where the kernel does not say. */
function availableMemory() {
  const match = /^MemAvailable: +(\d+) kB$/m.exec(existsSync('/proc/meminfo') ? readFileSync('/proc/meminfo', 'utf8') : '');
  return match === null ? 0 : Number(match[1]) * 1024;
}

/**
 * True versions of what lies in the base image.
 *
 * @param {{labels: Record<string, string>}} image
 * @returns {Record<string, string>} e.g. `{'postgresql-17': '17.11'}`
 */
export function baseVersions(image) {
  return Object.fromEntries((image.labels[versionsLabel] ?? '').split(' ').map((pair) => pair.split('=')));
}

/** The host's own Debian mirror where it is Debian, so that a proxy or mirror set up there serves this too. */
async function mirror() {
  if (osRelease().id === 'debian') {
    try {
      const { stdout } = await run('apt-get', ['indextargets', '--format', '$(REPO_URI)', 'Created-By: Packages']);
      const found = stdout.split('\n').find((uri) => /^https?:.*\/debian\/?$/.test(uri.trim()));
      if (found !== undefined) return found.trim();
    } catch {
      // no usable sources
    }
  }
  return 'http://deb.debian.org/debian';
}
