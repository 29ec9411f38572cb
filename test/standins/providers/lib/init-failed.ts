import type { StatusObject } from "@grpc/grpc-js";
import { anyPb, grpc, providerPb, statusPb } from "./modules.ts";
import type { InitFailed } from "./resource.ts";
import { toStruct } from "./values.ts";

/**
 * The gRPC error that says "created, but not initialised": status details with an ErrorResourceInitFailed
 * (sdk/proto/pulumi/provider.proto), which only the binary trailer can carry.
 */
export function initFailedError(failure: InitFailed): Partial<StatusObject> {
  const detail = new providerPb.ErrorResourceInitFailed();
  detail.setId(failure.id);
  detail.setProperties(toStruct(failure.outputs));
  detail.setInputs(toStruct(failure.inputs));
  detail.setReasonsList([failure.message]);

  const packed = new anyPb.Any();
  packed.pack(detail.serializeBinary(), "pulumirpc.ErrorResourceInitFailed");
  const status = new statusPb.Status();
  status.setCode(grpc.status.UNKNOWN);
  status.setMessage(failure.message);
  status.addDetails(packed);

  const metadata = new grpc.Metadata();
  metadata.set("grpc-status-details-bin", Buffer.from(status.serializeBinary()));
  return { code: grpc.status.UNKNOWN, details: failure.message, metadata };
}
