import { canonical } from "../lib/diff.ts";
import { compact, count, flag, isProps, list, props, text, texts, type Props, type Value } from "../lib/values.ts";
import { goDuration } from "./duration.ts";
import { RULES } from "./container-properties.ts";

const MIB = 1024 * 1024;

/** The outputs of a container: its inputs and what the daemon says of it (`GET /containers/{id}/json`). */
export function outputsOf(inputs: Props, inspect: Props): Props {
  const config = props(inspect, "Config");
  const host = props(inspect, "HostConfig");
  return compact({
    ...inputs,
    bridge: "",
    command: texts(config, "Cmd"),
    entrypoints: texts(config, "Entrypoint"),
    envs: inputs["envs"] ?? [],
    exitCode: isRunning(inspect) ? undefined : count(props(inspect, "State"), "ExitCode"),
    healthcheck: inputs["healthcheck"] ?? healthcheckOf(config),
    hostname: text(config, "Hostname"),
    init: flag(host, "Init") ?? false,
    ipcMode: text(host, "IpcMode"),
    labels: inputs["labels"] ?? [],
    logDriver: text(props(host, "LogConfig"), "Type"),
    // What it should do, unless it was seen not to: the next preview shows that.
    mustRun: flag(inputs, "mustRun") === true && isRunning(inspect),
    networkDatas: networkDatas(inspect),
    platform: text(inspect, "Platform"),
    runtime: text(host, "Runtime"),
    securityOpts: texts(host, "SecurityOpt"),
    shmSize: Math.floor((count(host, "ShmSize") ?? 0) / MIB),
    stopSignal: text(config, "StopSignal") ?? inputs["stopSignal"] ?? "",
    stopTimeout: count(config, "StopTimeout") ?? inputs["stopTimeout"] ?? 0,
    user: text(config, "User"),
    workingDir: text(config, "WorkingDir"),
  });
}

/**
 * The inputs as the host has them: a property the program set and the daemon contradicts takes the daemon's value,
 * so that the next preview shows the drift. Not read back, as in tf/internal/provider/resource_docker_container_funcs.go:
 * envs, labels, volumes, uploads, networksAdvanced, stop and wait settings.
 */
export function drifted(inputs: Props, inspect: Props): Props {
  const live = readBack(inputs, inspect);
  const found = { ...inputs };
  for (const [property, value] of Object.entries(live)) {
    if (!same(property, found[property], value)) found[property] = value;
  }
  return found;
}

function same(property: string, configured: Value | undefined, live: Value): boolean {
  if (configured === undefined) return false;
  const order = (value: Value): Value => (RULES.sets?.has(property) === true && Array.isArray(value) ? value.map(canonical).sort() : value);
  return canonical(order(configured)) === canonical(order(live));
}

function readBack(inputs: Props, inspect: Props): Props {
  const config = props(inspect, "Config");
  const host = props(inspect, "HostConfig");
  const wanted = flag(inputs, "mustRun") ?? true;
  const set = (property: string, value: Value | undefined): Props => (inputs[property] === undefined || value === undefined ? {} : { [property]: value });
  return {
    // A stopped container that must run is started by the update this shows.
    ...(wanted && !isRunning(inspect) ? { mustRun: false } : {}),
    ...set("image", imageOf(text(inputs, "image") ?? "", inspect, config)),
    ...set("name", text(inspect, "Name")?.replace(/^\//, "")),
    ...set("command", texts(config, "Cmd")),
    ...set("entrypoints", texts(config, "Entrypoint")),
    ...set("hostname", text(config, "Hostname")),
    ...set("user", text(config, "User")),
    ...set("workingDir", text(config, "WorkingDir")),
    ...set("restart", text(props(host, "RestartPolicy"), "Name")),
    ...set("maxRetryCount", count(props(host, "RestartPolicy"), "MaximumRetryCount")),
    ...set("memory", mib(host, "Memory")),
    ...set("memorySwap", mib(host, "MemorySwap")),
    ...set("memoryReservation", mib(host, "MemoryReservation")),
    ...set("cpuShares", count(host, "CpuShares")),
    ...set("cpuSet", text(host, "CpusetCpus")),
    ...set("readOnly", flag(host, "ReadonlyRootfs")),
    ...set("privileged", flag(host, "Privileged")),
    ...set("networkMode", text(host, "NetworkMode") === "default" ? "bridge" : text(host, "NetworkMode")),
    ...set("logDriver", text(props(host, "LogConfig"), "Type")),
    ...set("capabilities", capabilitiesOf(host)),
    ...set("securityOpts", texts(host, "SecurityOpt")),
    ...set("hosts", texts(host, "ExtraHosts").map(hostOf)),
    ...set("ulimits", list(host, "Ulimits").map((limit) => compact({ name: limit["Name"], soft: limit["Soft"], hard: limit["Hard"] }))),
    ...set("dns", texts(host, "Dns")),
    // Ports are those of a running container: a stopped one has none, which asks for a replacement.
    ...set("ports", inputs["ports"] === undefined ? undefined : portsOf(list(inputs, "ports"), inspect, flag(inputs, "mustRun") ?? true)),
  };
}

function isRunning(inspect: Props): boolean {
  return flag(props(inspect, "State"), "Running") === true;
}

function mib(host: Props, key: string): number | undefined {
  const bytes = count(host, key);
  return bytes === undefined ? undefined : bytes > 0 ? Math.floor(bytes / MIB) : bytes;
}

// A sha256 reference is compared with the image the container runs, any other with the reference it was made from.
function imageOf(configured: string, inspect: Props, config: Props): string | undefined {
  return configured.startsWith("sha256:") ? text(inspect, "Image") : text(config, "Image");
}

function capabilitiesOf(host: Props): Props {
  return compact({ adds: optional(texts(host, "CapAdd")), drops: optional(texts(host, "CapDrop")) });
}

function optional(values: string[]): string[] | undefined {
  return values.length === 0 ? undefined : values;
}

function hostOf(entry: string): Props {
  const colon = entry.indexOf(":");
  return { host: entry.slice(0, colon), ip: entry.slice(colon + 1) };
}

function portsOf(configured: readonly Props[], inspect: Props, mustRun: boolean): Value[] {
  const bound = props(props(inspect, "NetworkSettings"), "Ports");
  const open = configured.filter((port) => {
    const bindings = list(bound, `${count(port, "internal")}/${text(port, "protocol") ?? "tcp"}`);
    const external = count(port, "external");
    return bindings.some((binding) => external === undefined || text(binding, "HostPort") === String(external));
  });
  return mustRun ? open : [...configured];
}

function healthcheckOf(config: Props): Value | undefined {
  const check = config["Healthcheck"];
  if (!isProps(check)) return undefined;
  return {
    tests: texts(check, "Test"),
    interval: goDuration(count(check, "Interval") ?? 0),
    timeout: goDuration(count(check, "Timeout") ?? 0),
    startPeriod: goDuration(count(check, "StartPeriod") ?? 0),
    retries: count(check, "Retries") ?? 0,
  };
}

function networkDatas(inspect: Props): Value[] {
  const networks = props(props(inspect, "NetworkSettings"), "Networks");
  return Object.entries(networks).flatMap(([networkName, network]) =>
    isProps(network)
      ? [
          {
            networkName,
            gateway: text(network, "Gateway") ?? "",
            ipAddress: text(network, "IPAddress") ?? "",
            ipPrefixLength: count(network, "IPPrefixLen") ?? 0,
            ipv6Gateway: text(network, "IPv6Gateway") ?? "",
            globalIpv6Address: text(network, "GlobalIPv6Address") ?? "",
            globalIpv6PrefixLength: count(network, "GlobalIPv6PrefixLen") ?? 0,
            macAddress: text(network, "MacAddress") ?? "",
          },
        ]
      : [],
  );
}
