import { connectEngine } from "../lib/engine.ts";
import { serve } from "../lib/server.ts";
import { daemonAddress } from "./address.ts";
import { Container } from "./container.ts";
import { Daemon } from "./daemon.ts";
import { Network } from "./network.ts";
import { RemoteImage } from "./remote-image.ts";
import { sealed } from "./seal.ts";
import { Volume } from "./volume.ts";
import type { Resource } from "../lib/resource.ts";

/**
 * Serves the docker provider to the engine at host:port. What it does on the Docker host is real; only the plug-in around
 * it is ours.
 */
export async function start(engineAddress: string): Promise<void> {
  let configured: Daemon | undefined;
  const daemon = (): Daemon => {
    if (configured === undefined) throw new Error("The docker provider was used before it was configured.");
    return configured;
  };

  connectEngine(engineAddress);

  await serve({
    version: "5.2.0",
    // Like a bridged provider: the engine sends plain values and marks outputs by input name (annotateSecrets, provider_plugin.go).
    acceptSecrets: false,
    resources: new Map<string, Resource>([
      ["docker:index/container:Container", sealed(new Container(daemon))],
      ["docker:index/network:Network", sealed(new Network(daemon))],
      ["docker:index/volume:Volume", sealed(new Volume(daemon))],
      ["docker:index/remoteImage:RemoteImage", sealed(new RemoteImage(daemon))],
    ]),
    // Every configured daemon must answer, in a preview too; over ssh it is not asked (configureDockerClient, dk/provider/image.go).
    configure: async (config) => {
      configured = new Daemon(daemonAddress(config));
      if (!configured.host.startsWith("ssh:")) await configured.ping();
    },
    // Ctrl-C waits for what the daemon is doing (dk/provider/hybrid.go).
    cancel: () => undefined,
  });
}
