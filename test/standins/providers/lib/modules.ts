/**
 * The modules that a plug-in waits for at its start, loaded by `require`: `import` would scan the large generated
 * message classes for their exports, and would read every property of node:http, which loads Node's fetch.
 */
import { createRequire } from "node:module";
import type httpModule from "node:http";
import type grpcModule from "@grpc/grpc-js";
import type anyModule from "google-protobuf/google/protobuf/any_pb.js";
import type emptyModule from "google-protobuf/google/protobuf/empty_pb.js";
import type structModule from "google-protobuf/google/protobuf/struct_pb.js";
import type engineModule from "@pulumi/pulumi/proto/engine_pb.js";
import type engineGrpcModule from "@pulumi/pulumi/proto/engine_grpc_pb.js";
import type pluginModule from "@pulumi/pulumi/proto/plugin_pb.js";
import type providerModule from "@pulumi/pulumi/proto/provider_pb.js";
import type providerGrpcModule from "@pulumi/pulumi/proto/provider_grpc_pb.js";
import type statusModule from "@pulumi/pulumi/proto/status_pb.js";

const require = createRequire(import.meta.url);

export const http = require("node:http") as typeof httpModule;
export const grpc = require("@grpc/grpc-js") as typeof grpcModule;
export const anyPb = require("google-protobuf/google/protobuf/any_pb.js") as typeof anyModule;
export const emptyPb = require("google-protobuf/google/protobuf/empty_pb.js") as typeof emptyModule;
export const structPb = require("google-protobuf/google/protobuf/struct_pb.js") as typeof structModule;
export const enginePb = require("@pulumi/pulumi/proto/engine_pb.js") as typeof engineModule;
export const engineGrpc = require("@pulumi/pulumi/proto/engine_grpc_pb.js") as typeof engineGrpcModule;
export const pluginPb = require("@pulumi/pulumi/proto/plugin_pb.js") as typeof pluginModule;
export const providerPb = require("@pulumi/pulumi/proto/provider_pb.js") as typeof providerModule;
export const providerGrpc = require("@pulumi/pulumi/proto/provider_grpc_pb.js") as typeof providerGrpcModule;
export const statusPb = require("@pulumi/pulumi/proto/status_pb.js") as typeof statusModule;
