import { execFileSync } from "node:child_process";
import { text, type Props, type Value } from "../lib/values.ts";
import { tlsFrom, type DaemonAddress } from "./daemon.ts";

/** The daemon that the provider's configuration names: `context` before `host` before DOCKER_HOST before the local socket. */
export function daemonAddress(config: Props): DaemonAddress {
  const context = text(config, "context");
  const host = text(config, "host");
  const certPath = text(config, "certPath");
  const ca = text(config, "caMaterial");
  const cert = text(config, "certMaterial");
  const key = text(config, "keyMaterial");
  return {
    host: filled(context) ? hostOfContext(context) : filled(host) ? host : (process.env["DOCKER_HOST"] ?? "unix:///var/run/docker.sock"),
    sshOpts: strings(config["sshOpts"]),
    tls: filled(certPath) ? tlsFrom(certPath) : filled(ca) && filled(cert) && filled(key) ? { ca, cert, key } : undefined,
  };
}

function filled(value: string | undefined): value is string {
  return value !== undefined && value !== "";
}

function hostOfContext(context: string): string {
  return execFileSync("docker", ["context", "inspect", context, "--format", "{{.Endpoints.docker.Host}}"], { encoding: "utf8" }).trim();
}

// The engine hands nested configuration over as JSON in a string.
function strings(value: Value | undefined): string[] {
  const list: unknown = typeof value === "string" && value !== "" ? JSON.parse(value) : value;
  return Array.isArray(list) ? list.filter((item) => typeof item === "string") : [];
}
