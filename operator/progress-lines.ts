/** Turns the engine's many lines into few: each job that ended, and what it says while it runs. */

const ended = /command:local:Command (?:legacy|delegated|committed)-([\w-]+) (?:created|updated)(?: replacement)?(?: \(([\d.]+m?s)\))?/;
const running = /command:local:Command (?:legacy|delegated|committed)-([\w-]+) (?:creating|updating)(?: replacement)? \([\d.]+m?s\)(?: \[diff: [^\]]*\];?)? (.+)$/;

/** @param print gets lines for people. @returns what takes the engine's lines. */
export function progressLines(print: (line: string) => void): (line: string) => void {
  let last = '';
  return (line) => {
    const end = ended.exec(line);
    if (end !== null) return print(`  ${(end[1] ?? '').padEnd(14)} done${end[2] === undefined ? '' : `, ${end[2]}`}`);
    const said = running.exec(line);
    const [, job = '', words = ''] = said ?? [];
    // Probes are shown as a table at the end.
    const text = words === '' || /^(?:\{|pass P|FAIL P)/.test(words) ? '' : `  ${job.padEnd(14)} ${words}`;
    if (text === '' || text === last) return;
    last = text;
    print(text);
  };
}
