import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, readdirSync, realpathSync, renameSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { run, which } from '../lib/run.mjs';
import { Unreachable, unpack } from '../lib/download.mjs';
import { cacheDirectory } from '../lib/environment.mjs';
import { machineLocks, withLock } from '../lib/lock.mjs';

/** The version that the program was tested with. */
export const wanted = '3.259.0';
const mainPackage = 'github.com/pulumi/pulumi/pkg/v3/cmd/pulumi';
/** Oldest Go that can fetch the toolchain its module asks for: https://go.dev/doc/toolchain */
const oldestGo = [1, 21];

/**
 * @typedef {object} PulumiCli
 * @property {string} path what to run
 * @property {'path' | 'download' | 'go'} route
 * @property {string} version without `v`
 * @property {boolean} hasLanguageHost true when pulumi-language-nodejs lies where the CLI finds it
 */

/**
 * Finds the Pulumi CLI, downloads it, or builds it from its Go module.
 *
 * @param {import('../lib/context.mjs').Context} context
 * @returns {Promise<PulumiCli>}
 */
export async function pulumiPart(context) {
  const { state, progress } = context;
  const part = progress.part('pulumi');
  const link = join(state.bin, 'pulumi');
  try {
    const own = await operatorsOwn(context);
    if (own !== undefined) {
      place(dirname(realpathSync(own.path)), state.bin);
      part.done(`found on PATH, ${own.version} (${own.path})`);
      return own;
    }
    const kept = keptRecord(state);
    if (kept !== undefined) {
      part.done(`found, ${kept.version}, ${kept.route === 'go' ? 'built from its Go module earlier' : 'downloaded earlier'}`);
      return { ...kept, path: link };
    }
    const cache = cacheDirectory();
    const downloaded = join(cache, `pulumi-v${wanted}-${os()}-${arch()}`);
    let refused = '';
    if (!existsSync(join(downloaded, 'pulumi'))) {
      part.step('asking get.pulumi.com');
      try {
        const name = `pulumi-v${wanted}-${os()}-${arch()}.tar.gz`;
        await unpack(`https://get.pulumi.com/releases/sdk/${name}`, downloaded, ['--strip-components=1']);
      } catch (error) {
        if (!(error instanceof Unreachable)) throw error;
        refused = error.message;
      }
    }
    if (refused === '') {
      const cli = settle(state, downloaded, 'download');
      part.done(`downloaded from get.pulumi.com, ${wanted}`);
      return cli;
    }
    const built = await buildFromGo(context, cache, part.step, refused);
    const cli = settle(state, built.directory, 'go');
    part.done(`${built.fresh ? 'built from its Go module' : 'found in the cache, built from its Go module'} (${refused})`);
    return cli;
  } catch (error) {
    part.fail('no route served');
    throw error;
  }
}

/** A CLI on PATH that is new enough. Its version is asked once and remembered by file. */
async function operatorsOwn({ state }) {
  const path = (process.env.PATH ?? '').split(delimiter).filter((entry) => entry !== state.bin).join(delimiter);
  const found = which('pulumi', path);
  if (found === undefined) return undefined;
  const { mtimeMs, size } = statSync(found);
  const key = `${found} ${size} ${mtimeMs}`;
  const recordFile = join(state.directory, 'pulumi-on-path.json');
  let record = readJson(recordFile);
  if (record?.key !== key) {
    const { stdout } = await run(found, ['version'], { timeout: 10_000, env: { ...process.env, PULUMI_SKIP_UPDATE_CHECK: 'true' } }).catch(() => ({ stdout: '' }));
    record = { key, version: stdout.trim().replace(/^v/, '') };
    writeFileSync(recordFile, JSON.stringify(record));
  }
  if (!newEnough(record.version)) return undefined;
  const beside = existsSync(join(dirname(realpathSync(found)), 'pulumi-language-nodejs'));
  return { path: found, route: 'path', version: record.version, hasLanguageHost: beside || which('pulumi-language-nodejs', path) !== undefined };
}

/**
 * True for the version that the program was tested with and later ones of the same major.
 *
 * @param {string} version e.g. `3.259.0`
 */
export function newEnough(version) {
  const match = /^(\d+)\.(\d+)\.\d+/.exec(version);
  const [major, minor] = wanted.split('.').map(Number);
  return match !== null && Number(match[1]) === major && Number(match[2]) >= minor;
}

/** What an earlier run downloaded or built, where the link still leads there. */
function keptRecord(state) {
  const record = readJson(join(state.directory, 'pulumi.json'));
  const link = join(state.bin, 'pulumi');
  if (record?.version !== wanted || !existsSync(link) || dirname(realpathSync(link)) !== record.directory) return undefined;
  if (record.route === 'go' && record.module !== moduleDigest()) return undefined;
  return { route: record.route, version: record.version, hasLanguageHost: record.hasLanguageHost };
}

/** Links a CLI's directory into the clone and remembers the route. */
function settle(state, directory, route) {
  place(directory, state.bin);
  const cli = { route, version: wanted, hasLanguageHost: existsSync(join(directory, 'pulumi-language-nodejs')) };
  writeFileSync(join(state.directory, 'pulumi.json'), JSON.stringify({ ...cli, directory: realpathSync(directory), module: moduleDigest() }));
  return { ...cli, path: join(state.bin, 'pulumi') };
}

/** Links a CLI and what lies beside it, and nothing else: the CLI finds language hosts beside its real file. */
function place(directory, bin) {
  mkdirSync(bin, { recursive: true });
  const programs = readdirSync(directory).filter((name) => name === 'pulumi' || name.startsWith('pulumi-'));
  for (const name of readdirSync(bin)) {
    const target = join(directory, name);
    const right = programs.includes(name) && existsSync(join(bin, name)) && realpathSync(join(bin, name)) === realpathSync(target);
    if (!right) rmSync(join(bin, name), { force: true });
  }
  for (const name of programs) {
    if (!existsSync(join(bin, name))) symlinkSync(join(directory, name), join(bin, name));
  }
}

const moduleDirectory = fileURLToPath(new URL('../pulumi-cli', import.meta.url));

function moduleDigest() {
  const hash = createHash('sha256');
  for (const name of ['go.mod', 'go.sum']) hash.update(readFileSync(join(moduleDirectory, name)));
  return hash.digest('hex').slice(0, 16);
}

async function buildFromGo(context, cache, step, refused) {
  const version = await goVersion();
  if (version === undefined) {
    throw new Error(`The Pulumi CLI could not be downloaded (${refused}) and there is no Go ${oldestGo.join('.')} or later to build it with; install Pulumi ${wanted} (https://www.pulumi.com/docs/install/) or Go (https://go.dev/dl/).`);
  }
  const directory = join(cache, `pulumi-v${wanted}-${moduleDigest()}-${version}`);
  const binary = join(directory, 'pulumi');
  if (existsSync(binary)) return { directory, fresh: false };
  return await withLock(machineLocks(), 'pulumi-build', async () => {
    if (existsSync(binary)) return { directory, fresh: false };
    mkdirSync(directory, { recursive: true });
    const draft = `${binary}.${process.pid}.part`;
    // go.mod names the Go version; a newer toolchain comes through the module proxy where the local one is older.
    const env = { ...process.env, CGO_ENABLED: '0', GOFLAGS: '', GOWORK: 'off', ...(await toolchain(version)) };
    let modules = 0;
    step('downloading Go modules');
    const list = await run('go', ['list', '-mod=readonly', '-deps', mainPackage], {
      cwd: moduleDirectory,
      env,
      onLine: (line) => {
        if (line.startsWith('go: downloading')) step(`downloading Go modules, ${(modules += 1)} so far`);
      },
    });
    const total = list.stdout.trim().split('\n').length;
    let compiled = 0;
    step('compiling');
    // No DWARF: the linker would drop it anyway (-s -w), and the compiler spends an eighth of its time on it.
    await run('go', ['build', '-v', '-mod=readonly', '-trimpath', '-buildvcs=false', '-tags', 'osusergo,grpcnotrace', '-gcflags=all=-dwarf=false',
      '-ldflags', `-s -w -X github.com/pulumi/pulumi/sdk/v3/go/common/version.Version=v${wanted}`, '-p', String(availableParallelism()), '-o', draft, mainPackage], {
      cwd: moduleDirectory,
      env,
      onLine: () => {
        compiled += 1;
        step(compiled < total ? `compiling, package ${compiled} of at most ${total}` : 'linking');
      },
    });
    renameSync(draft, binary);
    return { directory, fresh: true };
  }, (owner) => step(`waiting for the build of process ${owner}`));
}

async function goVersion() {
  try {
    // GOTOOLCHAIN=local: the version that is installed, not one that a go.mod near here asks for.
    const { stdout } = await run('go', ['env', 'GOVERSION'], { cwd: '/', env: { ...process.env, GOTOOLCHAIN: 'local' } });
    const version = stdout.trim();
    const match = /^go(\d+)\.(\d+)/.exec(version);
    if (match === null) return undefined;
    const [major, minor] = [Number(match[1]), Number(match[2])];
    return major > oldestGo[0] || (major === oldestGo[0] && minor >= oldestGo[1]) ? version : undefined;
  } catch {
    return undefined;
  }
}

async function toolchain(version) {
  const [, needed] = /^go (\S+)$/m.exec(readFileSync(join(moduleDirectory, 'go.mod'), 'utf8')) ?? [];
  const number = (text) => text.replace(/^go/, '').split('.').map((digits) => Number.parseInt(digits, 10));
  const [local, wantedGo] = [number(version), number(needed ?? '1.21')];
  const index = wantedGo.findIndex((value, position) => value !== (local[position] ?? 0));
  const older = index !== -1 && (local[index] ?? 0) < wantedGo[index];
  return older ? { GOTOOLCHAIN: `go${needed}+auto` } : {};
}

function readJson(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return undefined;
  }
}

function os() {
  return process.platform === 'darwin' ? 'darwin' : 'linux';
}

function arch() {
  return process.arch === 'arm64' ? 'arm64' : 'x64';
}
