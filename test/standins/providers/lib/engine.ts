import type { EngineClient } from "@pulumi/pulumi/proto/engine_grpc_pb.js";
import type { LogSeverity } from "@pulumi/pulumi/proto/engine_pb.js";
import { engineGrpc, enginePb, grpc } from "./modules.ts";

/** The engine that started this plug-in: takes log lines, and its end is ours. */
export interface Engine {
  /** Shows one line on the resource's progress row; it is not kept in the log (InfoStatus). */
  status(urn: string, line: string): void;
  /** Adds one line to the resource's log. */
  log(urn: string, severity: "info" | "warning", line: string): void;
  /** Resolves when every line sent so far has arrived. */
  flush(): Promise<void>;
}

/** Connects to the engine at host:port. Ends this process when the engine is gone (rpcutil/healthcheck.go does the same in Go plug-ins). */
export function connectEngine(address: string): Engine {
  const client = new engineGrpc.EngineClient(address, grpc.credentials.createInsecure());
  let sent: Promise<void> = Promise.resolve();
  exitWithEngine(client);

  // One at a time, so that lines keep their order; a lost line must not fail the resource.
  const send = (urn: string, severity: LogSeverity, message: string, ephemeral: boolean): void => {
    const request = new enginePb.LogRequest();
    request.setUrn(urn);
    request.setSeverity(severity);
    request.setMessage(message);
    request.setEphemeral(ephemeral);
    sent = sent.then(() => new Promise((resolve) => client.log(request, () => resolve())));
  };
  return {
    status: (urn, line) => send(urn, enginePb.LogSeverity.INFO, line, true),
    log: (urn, severity, line) => send(urn, severity === "info" ? enginePb.LogSeverity.INFO : enginePb.LogSeverity.WARNING, line, false),
    flush: () => sent,
  };
}

function exitWithEngine(client: EngineClient): void {
  const channel = client.getChannel();
  let connected = false;
  const watch = (): void => {
    const state = channel.getConnectivityState(true);
    if (state === grpc.connectivityState.READY) connected = true;
    if (connected && state === grpc.connectivityState.TRANSIENT_FAILURE) process.exit(1);
    channel.watchConnectivityState(state, Infinity, watch);
  };
  watch();
}
