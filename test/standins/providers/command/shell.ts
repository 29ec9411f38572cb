import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { resolve } from "node:path";

/** An output of a command. */
export type Stream = "stdout" | "stderr";

/** One run of a command line. */
export interface Run {
  readonly command: string;
  /** Program and leading arguments; the command is the last one. */
  readonly interpreter: readonly string[];
  /** Relative to this process's working directory. */
  readonly dir: string | undefined;
  readonly environment: { readonly [name: string]: string };
  readonly stdin: string | undefined;
  readonly logged: readonly Stream[];
  /** Takes each whole line of what is logged, as it comes. */
  readonly onLine: (line: string) => void;
  /** Ends the run: the shell gets SIGKILL, its children do not. */
  readonly signal: AbortSignal;
}

/** What a finished run wrote, each without its last newline. */
export interface Output {
  readonly stdout: string;
  readonly stderr: string;
}

// bufio.MaxScanTokenSize of Go: on a longer line the real plug-in's scanner stops and the command blocks for ever.
const LONGEST_LINE = 64 * 1024;

/**
 * Runs the command and waits until every holder of its output has closed it, as the real one does, so a background
 * child that keeps stdout open holds the resource too (cmd/provider/pkg/provider/local/commandOutputs.go).
 * Fails with the way it ended, the command and all its output: nothing secret may stand in a command line.
 */
export function run(job: Run): Promise<Output> {
  return new Promise((settle, fail) => {
    const [program = "/bin/sh", ...args] = job.interpreter;
    const both: Buffer[] = [];
    const problem = (what: string): Error => new Error(`${what}: running ${JSON.stringify(job.command)}:\n${Buffer.concat(both).toString()}`);
    if (job.dir !== undefined && !existsSync(resolve(job.dir))) {
      fail(problem(`chdir ${job.dir}: no such file or directory`));
      return;
    }
    const child = spawn(program, [...args, job.command], { cwd: job.dir, env: { ...process.env, ...job.environment }, stdio: "pipe" });

    let ended: string | undefined;
    const kill = (): void => void child.kill("SIGKILL");
    job.signal.addEventListener("abort", kill, { once: true });
    if (job.signal.aborted) kill();

    // One splitter for both streams, as in the real one: unfinished lines of the two may run together.
    const lines = new Lines(job.onLine, () => {
      ended ??= `a line of output is longer than 64 KiB, which hangs the real provider while it logs: set logging to "none" or write to a file`;
      kill();
    });
    const kept = { stdout: new Array<Buffer>(), stderr: new Array<Buffer>() };
    for (const stream of ["stdout", "stderr"] as const) {
      child[stream].on("data", (chunk: Buffer) => {
        kept[stream].push(chunk);
        both.push(chunk);
        if (job.logged.includes(stream)) lines.add(chunk);
      });
    }

    // A command that does not read its input closes the pipe: that is its right.
    child.stdin.on("error", () => undefined);
    child.stdin.end(job.stdin ?? "");

    child.once("error", (error: NodeJS.ErrnoException) => {
      job.signal.removeEventListener("abort", kill);
      fail(problem(startProblem(program, error)));
    });
    child.once("close", (code, signal) => {
      job.signal.removeEventListener("abort", kill);
      lines.end();
      if (signal !== null) ended ??= `signal: ${SIGNALS[signal] ?? signal}`;
      else if (code !== 0) ended ??= `exit status ${code}`;
      if (ended === undefined) settle({ stdout: trimmed(kept.stdout), stderr: trimmed(kept.stderr) });
      else fail(problem(ended));
    });
  });
}

// The names that Go prints for the signals a command meets (syscall.Signal.String).
const SIGNALS: { readonly [signal: string]: string } = {
  SIGKILL: "killed",
  SIGTERM: "terminated",
  SIGINT: "interrupt",
  SIGHUP: "hangup",
  SIGPIPE: "broken pipe",
  SIGABRT: "aborted",
  SIGSEGV: "segmentation fault",
};

function startProblem(program: string, error: NodeJS.ErrnoException): string {
  if (error.code !== "ENOENT") return `fork/exec ${program}: ${error.code === "E2BIG" ? "argument list too long" : error.message}`;
  return program.includes("/") ? `fork/exec ${program}: no such file or directory` : `exec: ${JSON.stringify(program)}: executable file not found in $PATH`;
}

function trimmed(chunks: readonly Buffer[]): string {
  return Buffer.concat(chunks).toString().replace(/\n$/, "");
}

// Cuts bytes into lines.
class Lines {
  readonly #onLine: (line: string) => void;
  readonly #tooLong: () => void;
  #rest = Buffer.alloc(0);

  constructor(onLine: (line: string) => void, tooLong: () => void) {
    this.#onLine = onLine;
    this.#tooLong = tooLong;
  }

  add(chunk: Buffer): void {
    this.#rest = Buffer.concat([this.#rest, chunk]);
    for (let end = this.#rest.indexOf(10); end !== -1 && end < LONGEST_LINE; end = this.#rest.indexOf(10)) {
      this.#onLine(this.#rest.subarray(0, end).toString().replace(/\r$/, ""));
      this.#rest = this.#rest.subarray(end + 1);
    }
    if (this.#rest.length >= LONGEST_LINE) this.#tooLong();
  }

  end(): void {
    if (this.#rest.length > 0) this.#onLine(this.#rest.toString());
  }
}
