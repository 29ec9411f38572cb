/** Seconds between signs of life where lines cannot be redrawn. */
const heartbeat = 15;
const nameWidth = 18;

/**
 * Shows parts that come side by side: one lasting line for each that is done, and what is under way below them
 * (a terminal) or every {@link heartbeat} seconds (a log).
 *
 * @param {NodeJS.WriteStream} [stream]
 */
export function createProgress(stream = process.stdout) {
  const live = Boolean(stream.isTTY);
  /** @type {Map<string, {text: string, since: number, waits: boolean}>} */
  const underWay = new Map();
  let drawn = 0;

  const erase = () => {
    if (drawn > 0) stream.write(`\u001b[${drawn}A\u001b[J`);
    drawn = 0;
  };
  const draw = () => {
    if (!live) return;
    const width = (stream.columns || 80) - 1;
    for (const [name, { text, since }] of underWay) {
      stream.write(`${`${name.padEnd(nameWidth)} ${seconds(since).padStart(6)}  ${text}`.slice(0, width)}\n`);
      drawn += 1;
    }
  };
  const line = (text) => {
    erase();
    stream.write(`${text}\n`);
    draw();
  };
  const tick = () => {
    if (live) {
      erase();
      draw();
      return;
    }
    for (const [name, { text, since, waits }] of underWay) {
      if (!waits && Date.now() - since >= heartbeat * 1000) stream.write(`  ${name}: ${text} (${seconds(since)})\n`);
    }
  };
  const timer = setInterval(tick, live ? 500 : heartbeat * 1000);
  timer.unref();

  return {
    /** A line of its own, above what is under way. */
    line,
    /**
     * Begins a part. Exactly one of `done` and `fail` ends it.
     *
     * @param {string} name
     */
    part(name) {
      const since = Date.now();
      underWay.set(name, { text: '', since, waits: false });
      const end = (mark, text) => {
        underWay.delete(name);
        line(`${mark}${name.padEnd(nameWidth)} ${text}  ${seconds(since)}`);
      };
      return {
        /** What the part does now. */
        step(text) {
          underWay.set(name, { text, since, waits: false });
        },
        /** What the part waits for; another part's line shows that. */
        wait(text) {
          underWay.set(name, { text: `waiting for ${text}`, since, waits: true });
        },
        /** Which route served. */
        done: (text) => end('', text),
        /** Why nothing did. */
        fail: (text) => end('! ', text),
      };
    },
    close() {
      clearInterval(timer);
      erase();
    },
  };
}

/** Time since a moment, e.g. `0.3 s` or `271 s`. @param {number} since milliseconds of Date.now() */
export function seconds(since) {
  const passed = (Date.now() - since) / 1000;
  return `${passed < 10 ? passed.toFixed(1) : Math.round(passed)} s`;
}
