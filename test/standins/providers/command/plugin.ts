import { connectEngine } from "../lib/engine.ts";
import { serve } from "../lib/server.ts";
import { Command } from "./command.ts";

/** Serves the command provider to the engine at host:port. It runs the real commands; only the plug-in around them is ours. */
export async function start(engineAddress: string): Promise<void> {
  const cancelled = new AbortController();
  const engine = connectEngine(engineAddress);
  await serve({
    version: "1.2.1",
    acceptSecrets: true,
    resources: new Map([["command:local:Command", new Command(engine, cancelled.signal)]]),
    configure: () => Promise.resolve(),
    cancel: () => cancelled.abort(),
  });
}
