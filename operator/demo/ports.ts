import { createServer } from 'node:net';

/** @returns the first port from `from` on that nobody listens on at the loopback address. */
export async function freePort(from: number, taken: readonly number[] = []): Promise<number> {
  for (let port = from; port < 65_536; port++) {
    if (!taken.includes(port) && await isFree(port)) return port;
  }
  throw new Error(`No port from ${from} on is free; expected one.`);
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
