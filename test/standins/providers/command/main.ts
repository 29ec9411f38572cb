// Stand-in for pulumi-resource-command 1.2.1 where the real plug-in cannot be downloaded: `node main.ts <engine host:port>`.
// It runs the real commands; only the plug-in around them is ours.
import { connectEngine } from "../lib/engine.ts";
import { serve } from "../lib/server.ts";
import { Command } from "./command.ts";

const cancelled = new AbortController();
const engine = connectEngine(process.argv.at(-1) ?? "");

await serve({
  version: "1.2.1",
  acceptSecrets: true,
  resources: new Map([["command:local:Command", new Command(engine, cancelled.signal)]]),
  configure: () => Promise.resolve(),
  cancel: () => cancelled.abort(),
});
