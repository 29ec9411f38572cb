// Stand-in for pulumi-resource-docker (npm SDK 5.2.0) where the real plug-in cannot be downloaded: `node main.ts <engine host:port>`.
import { enableCompileCache, flushCompileCache } from "node:module";

// Kept compiled, the code loads in half the time; the engine kills plug-ins, so the cache is written at once.
enableCompileCache();
const { start } = await import("./plugin.ts");
await start(process.argv.at(-1) ?? "");
flushCompileCache();
