import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { resolve } from "node:path";

/** One run of a command line. */
export interface Run {
  readonly command: string;
  /** Program and leading arguments; the command is the last one. */
  readonly interpreter: readonly string[];
  /** Relative to this process's working directory. */
  readonly dir: string | undefined;
  readonly environment: { readonly [name: string]: string };
  readonly stdin: string | undefined;
  /** Takes each whole line of output as it comes; absent = nobody watches. */
  readonly onLine: { readonly stdout?: (line: string) => void; readonly stderr?: (line: string) => void };
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

    const tooLong = (stream: string): void => {
      ended ??= `a line of ${stream} is longer than 64 KiB, which hangs the real provider while it logs: set logging to "none" or write to a file`;
      kill();
    };
    const stdout: Buffer[] = [];
    const stderr: Buffer[] = [];
    follow(child.stdout, [stdout, both], job.onLine.stdout, () => tooLong("stdout"));
    follow(child.stderr, [stderr, both], job.onLine.stderr, () => tooLong("stderr"));

    // A command that does not read its input closes the pipe: that is its right.
    child.stdin.on("error", () => undefined);
    child.stdin.end(job.stdin ?? "");

    child.once("error", (error: NodeJS.ErrnoException) => {
      job.signal.removeEventListener("abort", kill);
      fail(problem(startProblem(program, error)));
    });
    child.once("close", (code, signal) => {
      job.signal.removeEventListener("abort", kill);
      if (signal !== null) ended ??= `signal: ${SIGNALS[signal] ?? signal}`;
      else if (code !== 0) ended ??= `exit status ${code}`;
      if (ended === undefined) settle({ stdout: trimmed(stdout), stderr: trimmed(stderr) });
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

function follow(stream: NodeJS.ReadableStream, kept: readonly Buffer[][], onLine: ((line: string) => void) | undefined, tooLong: () => void): void {
  let rest = Buffer.alloc(0);
  stream.on("data", (chunk: Buffer) => {
    for (const buffer of kept) buffer.push(chunk);
    if (onLine === undefined) return;
    rest = Buffer.concat([rest, chunk]);
    for (let end = rest.indexOf(10); end !== -1; end = rest.indexOf(10)) {
      if (end >= LONGEST_LINE) return tooLong();
      onLine(rest.subarray(0, end).toString().replace(/\r$/, ""));
      rest = rest.subarray(end + 1);
    }
    if (rest.length >= LONGEST_LINE) tooLong();
  });
  stream.on("end", () => {
    if (rest.length > 0) onLine?.(rest.toString());
  });
}
