import { spawn, type ChildProcess } from "node:child_process";
import { createInterface } from "node:readline";
import { existsSync } from "node:fs";
import { join } from "node:path";
import grpc from "@grpc/grpc-js";
import emptyPb from "google-protobuf/google/protobuf/empty_pb.js";
import type enginePb from "@pulumi/pulumi/proto/engine_pb.js";
import engineGrpc from "@pulumi/pulumi/proto/engine_grpc_pb.js";
import providerPb from "@pulumi/pulumi/proto/provider_pb.js";
import providerGrpc from "@pulumi/pulumi/proto/provider_grpc_pb.js";
import statusPb from "@pulumi/pulumi/proto/status_pb.js";
import { fromStruct, plainProps, toStruct, type Props } from "./lib/values.ts";

/** One line that a plug-in logged through the engine. */
export interface LogLine {
  readonly urn: string;
  readonly message: string;
  readonly ephemeral: boolean;
}

/** What a plug-in answered to Diff. */
export interface DiffAnswer {
  readonly changes: "unknown" | "none" | "some";
  readonly replaces: string[];
  readonly diffs: string[];
  readonly deleteBeforeReplace: boolean;
  /** Path → kind, in the engine's words (ADD, UPDATE_REPLACE ...). */
  readonly detailed: { [path: string]: string };
}

/** What a resource looks like in state after a step. */
export interface Stored {
  readonly id: string;
  readonly inputs: Props;
  readonly outputs: Props;
}

/** The error of a create or update that left the resource half done. */
export class HalfDone extends Error {
  readonly stored: Stored;

  constructor(message: string, stored: Stored) {
    super(message);
    this.stored = stored;
  }
}

const DIFF = ["unknown", "none", "some"] as const;
const KINDS = ["ADD", "ADD_REPLACE", "DELETE", "DELETE_REPLACE", "UPDATE", "UPDATE_REPLACE"];
const HERE = import.meta.dirname;

/** A plug-in under test: how to start it and which version it serves. */
export interface Subject {
  readonly label: string;
  readonly name: string;
  readonly argv: readonly string[];
}

/** The stand-in, and the real plug-in when PROVIDER_PLUGINS names a directory that holds it. */
export function subjects(name: "command" | "docker"): Subject[] {
  const found: Subject[] = [{ label: "stand-in", name, argv: [process.execPath, join(HERE, name, "main.ts")] }];
  const directory = process.env["PROVIDER_PLUGINS"];
  const real = directory === undefined ? undefined : join(directory, `pulumi-resource-${name}`);
  if (real !== undefined && existsSync(real)) found.push({ label: "real", name, argv: [real] });
  return found;
}

/** Drives one plug-in as the engine does: over gRPC, with an Engine service of its own that keeps the log lines. */
export class Plugin {
  readonly logs: LogLine[] = [];
  readonly #name: string;
  readonly #engine: grpc.Server;
  readonly #child: ChildProcess;
  readonly #ended: Promise<unknown>;
  readonly #client: providerGrpc.ResourceProviderClient;
  /** Milliseconds from start to the port line. */
  readonly startMs: number;

  private constructor(name: string, engine: grpc.Server, logs: LogLine[], child: ChildProcess, port: number, startMs: number) {
    this.#name = name;
    this.#engine = engine;
    this.logs = logs;
    this.#child = child;
    this.#ended = new Promise((resolve) => child.once("exit", resolve));
    this.#client = new providerGrpc.ResourceProviderClient(`127.0.0.1:${port}`, grpc.credentials.createInsecure());
    this.startMs = startMs;
  }

  /** Starts the plug-in in a working directory, with the environment given on top of this process's. */
  static async start(subject: Subject, options: { cwd?: string; env?: NodeJS.ProcessEnv } = {}): Promise<Plugin> {
    const logs: LogLine[] = [];
    const engine = new grpc.Server();
    engine.addService(engineGrpc.EngineService, {
      log: (call: grpc.ServerUnaryCall<enginePb.LogRequest, emptyPb.Empty>, callback: grpc.sendUnaryData<emptyPb.Empty>) => {
        const { urn, message, ephemeral } = call.request.toObject();
        logs.push({ urn, message, ephemeral });
        callback(null, new emptyPb.Empty());
      },
    });
    const enginePort = await new Promise<number>((resolve, reject) =>
      engine.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, port) => (error ? reject(error) : resolve(port))),
    );
    const [command = "", ...args] = subject.argv;
    const began = performance.now();
    const child = spawn(command, [...args, `127.0.0.1:${enginePort}`], {
      cwd: options.cwd,
      env: { ...process.env, ...options.env },
      stdio: ["ignore", "pipe", "inherit"],
    });
    const port = await new Promise<number>((resolve, reject) => {
      createInterface({ input: child.stdout }).once("line", (line) => resolve(Number(line)));
      child.once("exit", (code) => reject(new Error(`${subject.label} ${subject.name} ended with ${code} before it printed a port`)));
    });
    return new Plugin(subject.name, engine, logs, child, port, performance.now() - began);
  }

  /** Handshake, Configure. */
  async configure(config: Props = {}): Promise<void> {
    const request = new providerPb.ConfigureRequest();
    request.setArgs(toStruct(config));
    request.setAcceptsecrets(true);
    request.setAcceptresources(true);
    request.setSendsOldInputs(true);
    for (const [key, value] of Object.entries(config)) {
      request.getVariablesMap().set(`${this.#name}:config:${key}`, typeof value === "string" ? value : JSON.stringify(value));
    }
    await answer<providerPb.ConfigureResponse>((done) => this.#client.configure(request, done));
  }

  urn(type: string, name: string): string {
    return `urn:pulumi:test::matrix::${type}::${name}`;
  }

  /** Checks inputs as for a new resource, or against old inputs. */
  async check(type: string, name: string, news: Props, olds?: Props): Promise<Props> {
    const request = new providerPb.CheckRequest();
    request.setUrn(this.urn(type, name));
    request.setName(name);
    request.setType(type);
    if (olds !== undefined) request.setOlds(toStruct(olds));
    request.setNews(toStruct(news));
    request.setRandomseed(Buffer.from(`seed of ${name} in ${process.pid}`.padEnd(32)));
    const response = await answer<providerPb.CheckResponse>((done) => this.#client.check(request, done));
    const failures = response.getFailuresList().map((failure) => failure.getReason());
    if (failures.length > 0) throw new Error(failures.join("; "));
    return fromStruct(response.getInputs());
  }

  /** Check + Diff of new inputs against what is stored. */
  async diff(type: string, name: string, stored: Stored, news: Props): Promise<DiffAnswer> {
    const request = new providerPb.DiffRequest();
    request.setId(stored.id);
    request.setUrn(this.urn(type, name));
    request.setName(name);
    request.setType(type);
    request.setOlds(toStruct(stored.outputs));
    request.setOldInputs(toStruct(stored.inputs));
    request.setNews(toStruct(await this.check(type, name, news, stored.inputs)));
    const response = await answer<providerPb.DiffResponse>((done) => this.#client.diff(request, done));
    const detailed: { [path: string]: string } = {};
    response.getDetaileddiffMap().forEach((entry, path) => (detailed[path] = KINDS[entry.getKind()] ?? "?"));
    return {
      changes: DIFF[response.getChanges()],
      replaces: response.getReplacesList(),
      diffs: response.getDiffsList(),
      deleteBeforeReplace: response.getDeletebeforereplace(),
      detailed,
    };
  }

  /** Check + Create. Throws HalfDone when the plug-in says that the resource exists but failed. */
  async create(type: string, name: string, news: Props, timeout = 0): Promise<Stored> {
    const inputs = await this.check(type, name, news);
    const response = await answer<providerPb.CreateResponse>(
      (done) => this.#client.create(this.#createRequest(type, name, inputs, timeout, false), done),
      inputs,
    );
    return { id: response.getId(), inputs, outputs: fromStruct(response.getProperties()) };
  }

  /** Check + Create with preview set; the outputs it expects. */
  async previewCreate(type: string, name: string, news: Props): Promise<Props> {
    const request = this.#createRequest(type, name, await this.check(type, name, news), 0, true);
    return fromStruct((await answer<providerPb.CreateResponse>((done) => this.#client.create(request, done))).getProperties());
  }

  #createRequest(type: string, name: string, inputs: Props, timeout: number, preview: boolean): providerPb.CreateRequest {
    const request = new providerPb.CreateRequest();
    request.setUrn(this.urn(type, name));
    request.setName(name);
    request.setType(type);
    request.setProperties(toStruct(inputs));
    request.setTimeout(timeout);
    request.setPreview(preview);
    return request;
  }

  /** Check + Update in place. */
  async update(type: string, name: string, stored: Stored, news: Props, timeout = 0): Promise<Stored> {
    const inputs = await this.check(type, name, news, stored.inputs);
    const request = this.#updateRequest(type, name, stored, inputs, timeout, false);
    const response = await answer<providerPb.UpdateResponse>((done) => this.#client.update(request, done), inputs);
    return { id: stored.id, inputs, outputs: fromStruct(response.getProperties()) };
  }

  /** Check + Update with preview set; the outputs it expects. */
  async previewUpdate(type: string, name: string, stored: Stored, news: Props): Promise<Props> {
    const inputs = await this.check(type, name, news, stored.inputs);
    const request = this.#updateRequest(type, name, stored, inputs, 0, true);
    return fromStruct((await answer<providerPb.UpdateResponse>((done) => this.#client.update(request, done))).getProperties());
  }

  #updateRequest(type: string, name: string, stored: Stored, inputs: Props, timeout: number, preview: boolean): providerPb.UpdateRequest {
    const request = new providerPb.UpdateRequest();
    request.setId(stored.id);
    request.setUrn(this.urn(type, name));
    request.setName(name);
    request.setType(type);
    request.setOlds(toStruct(stored.outputs));
    request.setOldInputs(toStruct(stored.inputs));
    request.setNews(toStruct(inputs));
    request.setTimeout(timeout);
    request.setPreview(preview);
    return request;
  }

  async delete(type: string, name: string, stored: Stored): Promise<void> {
    const request = new providerPb.DeleteRequest();
    request.setId(stored.id);
    request.setUrn(this.urn(type, name));
    request.setName(name);
    request.setType(type);
    request.setProperties(toStruct(stored.outputs));
    request.setOldInputs(toStruct(stored.inputs));
    await answer<emptyPb.Empty>((done) => this.#client.delete(request, done));
  }

  /** Refreshes; `undefined` = gone. */
  async read(type: string, name: string, stored: Stored): Promise<Stored | undefined> {
    const request = new providerPb.ReadRequest();
    request.setId(stored.id);
    request.setUrn(this.urn(type, name));
    request.setName(name);
    request.setType(type);
    request.setProperties(toStruct(stored.outputs));
    request.setInputs(toStruct(stored.inputs));
    const response = await answer<providerPb.ReadResponse>((done) => this.#client.read(request, done), stored.inputs);
    if (response.getId() === "") return undefined;
    return { id: response.getId(), inputs: fromStruct(response.getInputs()), outputs: fromStruct(response.getProperties()) };
  }

  async cancel(): Promise<void> {
    await answer<emptyPb.Empty>((done) => this.#client.cancel(new emptyPb.Empty(), done));
  }

  /** Ends the plug-in as the engine does, and its Engine service. */
  async stop(): Promise<void> {
    this.#client.close();
    this.#child.kill("SIGKILL");
    this.#engine.forceShutdown();
    await this.#ended;
  }

  /** Takes the Engine service away, as when the engine is killed; resolves when the plug-in has ended by itself. */
  async engineDies(): Promise<void> {
    this.#engine.forceShutdown();
    await this.#ended;
    this.#client.close();
  }
}

function answer<Response>(ask: (done: (error: grpc.ServiceError | null, response: Response) => void) => void, inputs: Props = {}): Promise<Response> {
  return new Promise((resolve, reject) => {
    ask((error, response) => (error === null ? resolve(response) : reject(halfDone(error, inputs) ?? error)));
  });
}

function halfDone(error: grpc.ServiceError, inputs: Props): HalfDone | undefined {
  const [details] = error.metadata.get("grpc-status-details-bin");
  if (!Buffer.isBuffer(details)) return undefined;
  for (const packed of statusPb.Status.deserializeBinary(details).getDetailsList()) {
    const failed = packed.unpack((bytes) => providerPb.ErrorResourceInitFailed.deserializeBinary(bytes), "pulumirpc.ErrorResourceInitFailed");
    if (failed === null) continue;
    const outputs = fromStruct(failed.getProperties());
    return new HalfDone(failed.getReasonsList().join("; "), { id: failed.getId(), inputs: failed.hasInputs() ? fromStruct(failed.getInputs()) : plainProps(inputs), outputs });
  }
  return undefined;
}

/** Starts a plug-in for the time of one use, whatever comes of it. */
export async function withPlugin(subject: Subject, use: (plugin: Plugin) => Promise<void>, options: { cwd?: string; env?: NodeJS.ProcessEnv } = {}): Promise<void> {
  const plugin = await Plugin.start(subject, options);
  try {
    await use(plugin);
  } finally {
    await plugin.stop();
  }
}

/** Polls until the condition holds; fails after ten seconds with what was waited for. */
export async function until(holds: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const deadline = Date.now() + 10_000;
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error(`Waited ten seconds for ${what}.`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
