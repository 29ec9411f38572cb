import type { handleUnaryCall, StatusObject, UntypedServiceImplementation } from "@grpc/grpc-js";
import type { Empty } from "google-protobuf/google/protobuf/empty_pb.js";
import type { Struct } from "google-protobuf/google/protobuf/struct_pb.js";
import type * as proto from "@pulumi/pulumi/proto/provider_pb.js";
import { initFailedError } from "./init-failed.ts";
import { emptyPb, grpc, pluginPb, providerGrpc, providerPb } from "./modules.ts";
import { InitFailed, type Diffed, type Resource } from "./resource.ts";
import { fromStruct, isProps, toStruct, UNKNOWN, type Props, type Value } from "./values.ts";

/** A provider plug-in: its resources and what it tells the engine about itself. */
export interface Provider {
  readonly version: string;
  /** True = secrets arrive marked; false = the engine strips the marks and restores them by property name. */
  readonly acceptSecrets: boolean;
  readonly resources: ReadonlyMap<string, Resource>;
  configure(config: Props): Promise<void>;
  cancel(): void;
}

const KIND = {
  add: { update: providerPb.PropertyDiff.Kind.ADD, replace: providerPb.PropertyDiff.Kind.ADD_REPLACE },
  delete: { update: providerPb.PropertyDiff.Kind.DELETE, replace: providerPb.PropertyDiff.Kind.DELETE_REPLACE },
  update: { update: providerPb.PropertyDiff.Kind.UPDATE, replace: providerPb.PropertyDiff.Kind.UPDATE_REPLACE },
};

/** Serves the provider on a free port of the loopback interface and prints the port, which the engine waits for. */
export async function serve(provider: Provider): Promise<void> {
  // Docker inspect answers and command outputs can pass gRPC's default of 4 MB; Go plug-ins allow 400 MB (rpcutil.GrpcChannelOptions).
  const size = 400 * 1024 * 1024;
  const server = new grpc.Server({ "grpc.max_receive_message_length": size, "grpc.max_send_message_length": size });
  server.addService(providerGrpc.ResourceProviderService, implementation(provider));
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, bound) => (error ? reject(error) : resolve(bound)));
  });
  process.stdout.write(`${port}\n`);
}

function implementation(provider: Provider): UntypedServiceImplementation {
  return {
    handshake: unary((_request: proto.ProviderHandshakeRequest) => {
      const response = new providerPb.ProviderHandshakeResponse();
      response.setAcceptSecrets(provider.acceptSecrets);
      return response;
    }),
    getPluginInfo: unary((_request: Empty) => {
      const response = new pluginPb.PluginInfo();
      response.setVersion(provider.version);
      return response;
    }),
    checkConfig: unary((request: proto.CheckRequest) => checked(fromStruct(request.getNews()))),
    diffConfig: unary((_request: proto.DiffRequest) => {
      const response = new providerPb.DiffResponse();
      response.setChanges(providerPb.DiffResponse.DiffChanges.DIFF_NONE);
      return response;
    }),
    configure: unary(async (request: proto.ConfigureRequest) => {
      await provider.configure(configOf(request));
      const response = new providerPb.ConfigureResponse();
      response.setAcceptsecrets(provider.acceptSecrets);
      response.setSupportspreview(true);
      return response;
    }),
    check: unary((request: proto.CheckRequest) => {
      const { inputs, failures } = resourceOf(provider, request.getUrn()).check({
        urn: request.getUrn(),
        olds: fromStruct(request.getOlds()),
        news: fromStruct(request.getNews()),
        seed: request.getRandomseed_asU8(),
      });
      const response = checked(inputs);
      for (const { property, reason } of failures) {
        const failure = new providerPb.CheckFailure();
        failure.setProperty(property);
        failure.setReason(reason);
        response.addFailures(failure);
      }
      return response;
    }),
    diff: unary((request: proto.DiffRequest) => {
      const old = { oldInputs: fromStruct(request.getOldInputs()), state: fromStruct(request.getOlds()) };
      return diffResponse(resourceOf(provider, request.getUrn()).diff({ ...old, news: fromStruct(request.getNews()) }));
    }),
    create: unary(async (request: proto.CreateRequest) => {
      const resource = resourceOf(provider, request.getUrn());
      const inputs = fromStruct(request.getProperties());
      const response = new providerPb.CreateResponse();
      if (request.getPreview()) {
        response.setProperties(outputStruct(previewedCreate(resource, inputs)));
        return response;
      }
      const { id, outputs } = await resource.create({ urn: request.getUrn(), timeout: request.getTimeout(), inputs });
      response.setId(id);
      response.setProperties(outputStruct(outputs));
      return response;
    }),
    update: unary(async (request: proto.UpdateRequest) => {
      const resource = resourceOf(provider, request.getUrn());
      const call = {
        urn: request.getUrn(),
        timeout: request.getTimeout(),
        id: request.getId(),
        state: fromStruct(request.getOlds()),
        oldInputs: fromStruct(request.getOldInputs()),
        inputs: fromStruct(request.getNews()),
      };
      const response = new providerPb.UpdateResponse();
      response.setProperties(outputStruct(request.getPreview() ? resource.previewUpdate(call) : await resource.update(call)));
      return response;
    }),
    delete: unary(async (request: proto.DeleteRequest) => {
      const state = fromStruct(request.getProperties());
      await resourceOf(provider, request.getUrn()).delete({ urn: request.getUrn(), timeout: request.getTimeout(), id: request.getId(), state });
      return new emptyPb.Empty();
    }),
    read: unary(async (request: proto.ReadRequest) => {
      const resource = resourceOf(provider, request.getUrn());
      const live = await resource.read({ id: request.getId(), state: fromStruct(request.getProperties()), inputs: fromStruct(request.getInputs()) });
      const response = new providerPb.ReadResponse();
      if (live !== undefined) {
        response.setId(live.id);
        response.setProperties(outputStruct(live.outputs));
        response.setInputs(toStruct(live.inputs));
      }
      return response;
    }),
    cancel: unary((_request: Empty) => {
      provider.cancel();
      return new emptyPb.Empty();
    }),
  };
}

function unary<Request, Response>(answer: (request: Request) => Response | Promise<Response>): handleUnaryCall<Request, Response> {
  return (call, callback) => {
    new Promise<Response>((resolve) => resolve(answer(call.request))).then(
      (response) => callback(null, response),
      (error: unknown) => callback(grpcError(error)),
    );
  };
}

function grpcError(error: unknown): Partial<StatusObject> {
  if (error instanceof InitFailed) return initFailedError(error);
  return { code: grpc.status.UNKNOWN, details: error instanceof Error ? error.message : String(error) };
}

function resourceOf(provider: Provider, urn: string): Resource {
  const type = urn.split("::")[2]?.split("$").at(-1) ?? "";
  const resource = provider.resources.get(type);
  if (resource === undefined) {
    throw new Error(`This stand-in provider does not serve ${type}; it serves ${[...provider.resources.keys()].join(", ")}. Install the real plug-in.`);
  }
  return resource;
}

function configOf(request: proto.ConfigureRequest): Props {
  const args = request.getArgs();
  if (args !== undefined) return fromStruct(args);
  const config: Props = {};
  request.getVariablesMap().forEach((value, key) => (config[key.split(":").at(-1) ?? key] = value));
  return config;
}

function checked(inputs: Props): proto.CheckResponse {
  const response = new providerPb.CheckResponse();
  response.setInputs(toStruct(inputs));
  return response;
}

// The bookkeeping of inputs is no output.
function outputStruct(outputs: Props): Struct {
  return toStruct(withoutDefaults(outputs));
}

function withoutDefaults(outputs: Props): Props {
  const clean = (value: Value): Value => (Array.isArray(value) ? value.map(clean) : isProps(value) ? withoutDefaults(value) : value);
  return Object.fromEntries(Object.entries(outputs).filter(([key]) => key !== "__defaults").map(([key, value]) => [key, clean(value)]));
}

function previewedCreate(resource: Resource, inputs: Props): Props {
  const outputs = { ...inputs };
  for (const property of resource.computed) outputs[property] ??= UNKNOWN;
  return outputs;
}

function diffResponse({ changes, deleteBeforeReplace }: Diffed): proto.DiffResponse {
  const response = new providerPb.DiffResponse();
  const { DIFF_NONE, DIFF_SOME } = providerPb.DiffResponse.DiffChanges;
  response.setChanges(changes.size === 0 ? DIFF_NONE : DIFF_SOME);
  response.setHasdetaileddiff(true);
  const changed = new Set<string>();
  const replaced = new Set<string>();
  for (const [path, { kind, replace }] of changes) {
    const property = path.split(/[.[]/, 1)[0] ?? path;
    changed.add(property);
    if (replace) replaced.add(property);
    const entry = new providerPb.PropertyDiff();
    entry.setKind(KIND[kind][replace ? "replace" : "update"]);
    entry.setInputdiff(true);
    response.getDetaileddiffMap().set(path, entry);
  }
  response.setDiffsList([...changed].sort());
  response.setReplacesList([...replaced].sort());
  response.setDeletebeforereplace(deleteBeforeReplace && replaced.size > 0);
  return response;
}
