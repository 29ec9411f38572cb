/** An error that ends a command with exit code 1 and is printed the way `anyhow` prints a chain. */
export class CommandError extends Error {}

/** Wraps a failure with one more sentence, as `anyhow::Context` does. */
export function withContext(sentence: string, cause: unknown): CommandError {
  return new CommandError(sentence, { cause });
}

/** Runs `work` and puts `sentence` in front of whatever it throws. */
export async function inContext<T>(sentence: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw withContext(sentence, error);
  }
}

function sentences(error: unknown): string[] {
  const chain: string[] = [];
  for (let at: unknown = error; at !== undefined && at !== null; at = at instanceof Error ? at.cause : undefined) {
    chain.push(at instanceof Error ? at.message || at.name : String(at));
  }
  return chain;
}

/**
 * The text printed on stderr for a failed command: `Error: first`, then `Caused by:` with one indented line a cause,
 * numbered when there are several (anyhow's Debug format, used by `main` in crates/cli/src/main.rs).
 */
export function report(error: unknown): string {
  const [first = 'unknown error', ...causes] = sentences(error);
  if (causes.length === 0) return `Error: ${first}\n`;
  const indented = causes.map((cause, index) => {
    const prefix = causes.length === 1 ? '    ' : `${String(index).padStart(5)}: `;
    return prefix + cause.split('\n').join(`\n${causes.length === 1 ? '    ' : '       '}`);
  });
  return `Error: ${first}\n\nCaused by:\n${indented.join('\n')}\n`;
}
