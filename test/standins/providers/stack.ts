import { spawn } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import grpc from "@grpc/grpc-js";
import type { Subject } from "./harness.ts";
import { isProps, valueOf, type Props, type Value } from "./lib/values.ts";

const require = createRequire(import.meta.url);
const ROOT = join(import.meta.dirname, "..", "..", "..");

/** How a run of the CLI ended. */
export interface Ran {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A stack of its own, in a directory of its own, whose program is a function; its plug-ins are the given ones. */
export class Stack {
  readonly #directory: string;
  readonly #environment: NodeJS.ProcessEnv;

  private constructor(directory: string) {
    this.#directory = directory;
    this.#environment = {
      ...process.env,
      PULUMI_HOME: join(directory, "home"),
      PULUMI_BACKEND_URL: `file://${join(directory, "backend")}`,
      PULUMI_CONFIG_PASSPHRASE: "of a test",
      PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: "true",
      PULUMI_IGNORE_AMBIENT_PLUGINS: "true",
      PULUMI_SKIP_UPDATE_CHECK: "true",
    };
  }

  static async create(directory: string, plugins: readonly Subject[]): Promise<Stack> {
    const stack = new Stack(directory);
    for (const { name, argv } of plugins) {
      const version = name === "docker" ? "5.2.0" : "1.2.1";
      const place = join(directory, "home", "plugins", `resource-${name}-v${version}`);
      mkdirSync(place, { recursive: true });
      const script = join(place, `pulumi-resource-${name}`);
      writeFileSync(script, `#!/bin/sh\nexec ${argv.map((word) => `'${word}'`).join(" ")} "$@"\n`);
      chmodSync(script, 0o755);
    }
    mkdirSync(join(directory, "backend"), { recursive: true });
    writeFileSync(join(directory, "Pulumi.yaml"), "name: providers\nruntime: nodejs\n");
    const { code, stderr } = await stack.pulumi("stack", "init", "test");
    if (code !== 0) throw new Error(`pulumi stack init ended with ${code}: ${stderr}`);
    return stack;
  }

  /** Runs the CLI. */
  pulumi(...args: string[]): Promise<Ran> {
    const own = join(ROOT, ".state", "bin", "pulumi");
    return new Promise((resolve, reject) => {
      const child = spawn(existsSync(own) ? own : "pulumi", [...args, "--non-interactive", "--color=never"], { cwd: this.#directory, env: this.#environment, stdio: ["ignore", "pipe", "pipe"] });
      let stdout = "";
      let stderr = "";
      child.stdout.on("data", (chunk: Buffer) => (stdout += chunk.toString()));
      child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
      child.once("error", () => reject(new Error(`There is no pulumi at ${own} or on PATH: type "npm test", which brings it.`)));
      child.once("close", (code) => resolve({ code, stdout, stderr }));
    });
  }

  /** Brings the host to what the program says. Throws with all the CLI wrote unless it went well. */
  async up(program: () => void): Promise<void> {
    const { code, stdout, stderr } = await this.tryUp(program);
    if (code !== 0) throw new Error(`pulumi up ended with ${code}:\n${stdout}${stderr}`);
  }

  /** Like `up`, however it ends. */
  tryUp(program: () => void): Promise<Ran> {
    return this.#attached(program, "up", "--yes", "--skip-preview");
  }

  /** What a preview would do, by logical name; without the stack, what is only read and what stays the same. */
  async plan(program: () => void, ...options: string[]): Promise<{ [name: string]: string }> {
    const { code, stdout, stderr } = await this.#attached(program, "preview", "--json", ...options);
    if (code !== 0) throw new Error(`pulumi preview ended with ${code}:\n${stdout}${stderr}`);
    const plan: { [name: string]: string } = {};
    for (const step of steps(valueOf(JSON.parse(stdout)))) {
      const [op, urn] = [String(step["op"]), String(step["urn"])];
      if (op === "same" || op === "refresh" || urn.includes("pulumi:pulumi:Stack")) continue;
      plan[urn.split("::").at(-1) ?? urn] = op;
    }
    return plan;
  }

  /** The resources in state, by logical name. */
  state(): { [name: string]: Props } {
    const checkpoint = valueOf(JSON.parse(this.stateText()));
    const latest = isProps(checkpoint) && isProps(checkpoint["checkpoint"] ?? null) ? (checkpoint["checkpoint"] as Props)["latest"] : null;
    const resources = isProps(latest) && Array.isArray(latest["resources"]) ? latest["resources"].filter(isProps) : [];
    return Object.fromEntries(resources.map((resource) => [String(resource["urn"]).split("::").at(-1) ?? "", resource]));
  }

  stateText(): string {
    return readFileSync(join(this.#directory, "backend", ".pulumi", "stacks", "providers", "test.json"), "utf8");
  }

  async destroy(): Promise<void> {
    const { code, stdout, stderr } = await this.pulumi("destroy", "--yes", "--skip-preview");
    if (code !== 0) throw new Error(`pulumi destroy ended with ${code}:\n${stdout}${stderr}`);
  }

  remove(): void {
    rmSync(this.#directory, { recursive: true, force: true });
  }

  // The SDK's own server for inline programs (@pulumi/pulumi automation/server.js, which has no types): no language host is needed.
  async #attached(program: () => void, ...args: string[]): Promise<Ran> {
    const { LanguageServer } = require("@pulumi/pulumi/automation/server.js") as { LanguageServer: new (program: () => Promise<void>) => grpc.UntypedServiceImplementation };
    const { LanguageRuntimeService } = require("@pulumi/pulumi/proto/language_grpc_pb.js") as { LanguageRuntimeService: grpc.ServiceDefinition };
    const language = new LanguageServer(() => Promise.resolve().then(program));
    const bound = (method: string): grpc.UntypedHandleCall => {
      const handler = language[method];
      if (handler === undefined) throw new Error(`The SDK's LanguageServer has no ${method}: automation/server.js of @pulumi/pulumi has changed.`);
      return handler.bind(language);
    };
    const server = new grpc.Server({ "grpc.max_receive_message_length": 400 * 1024 * 1024 });
    server.addService(LanguageRuntimeService, { run: bound("run"), getRequiredPlugins: bound("getRequiredPlugins"), getPluginInfo: bound("getPluginInfo") });
    const port = await new Promise<number>((resolve, reject) => {
      server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, found) => (error ? reject(error) : resolve(found)));
    });
    try {
      return await this.pulumi(...args, "--stack=test", `--client=127.0.0.1:${port}`, "--exec-kind=auto.inline");
    } finally {
      server.forceShutdown();
    }
  }
}

function steps(preview: Value): Props[] {
  return isProps(preview) && Array.isArray(preview["steps"]) ? preview["steps"].filter(isProps) : [];
}
