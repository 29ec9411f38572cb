import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const PROGRAMS = ["sh", "sleep", "cat", "true", "false", "stat", "id", "env"];

/** Runs the docker CLI; its output without the last newline. */
export function docker(...args: string[]): string {
  return execFileSync("docker", args, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] }).trim();
}

/** Names for what one test file makes, so that files and runs do not meet; `clean` removes whatever is left of it. */
export class Scratch {
  readonly prefix = `providers-test-${process.pid}-${Math.random().toString(36).slice(2, 7)}`;
  readonly directory = mkdtempSync(join(tmpdir(), "providers-test-"));
  #image: string | undefined;

  name(part: string): string {
    return `${this.prefix}-${part}`;
  }

  /** An image with a shell and a few programs of this machine, imported from a tar: it comes from no registry. */
  image(): string {
    if (this.#image !== undefined) return this.#image;
    const paths = PROGRAMS.map((program) => execFileSync("sh", ["-c", `command -v ${program}`], { encoding: "utf8" }).trim())
      .map((path) => (path.startsWith("/") ? path : `/usr/bin/${path}`));
    const libraries = new Set(paths.flatMap(librariesOf));
    const tar = execFileSync("tar", ["-chf", "-", "-C", "/", ...[...new Set([...paths, ...libraries])].map((path) => path.slice(1))], {
      maxBuffer: 64 * 1024 * 1024,
      stdio: ["ignore", "pipe", "ignore"],
    });
    this.#image = `${this.prefix}:1`;
    execFileSync("docker", ["import", "--change", `CMD ["sleep", "600"]`, "--change", `ENV PATH=/usr/bin:/bin`, "-", this.#image], { input: tar, stdio: ["pipe", "ignore", "pipe"] });
    return this.#image;
  }

  clean(): void {
    const mine = (kind: string[], format: string): string[] =>
      docker(...kind, "--filter", `name=${this.prefix}`, "--format", format).split("\n").filter((line) => line !== "");
    for (const container of mine(["ps", "-a"], "{{.ID}}")) docker("rm", "-f", "-v", container);
    for (const network of mine(["network", "ls"], "{{.ID}}")) docker("network", "rm", network);
    for (const volume of mine(["volume", "ls"], "{{.Name}}")) docker("volume", "rm", volume);
    if (this.#image !== undefined) docker("rmi", "-f", this.#image);
    rmSync(this.directory, { recursive: true, force: true });
  }
}

function librariesOf(path: string): string[] {
  try {
    return [...execFileSync("ldd", [path], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).matchAll(/(\/\S+) \(0x/g)].flatMap((match) => match[1] ?? []);
  } catch {
    return []; // a static program
  }
}
