import { compact, count, flag, isProps, list, props, text, texts, type Props, type Value } from "../lib/values.ts";
import { nanoseconds } from "./duration.ts";

const MIB = 1024 * 1024;

/** The body of `POST /containers/create` for a container's inputs (without its name). */
export function createBody(inputs: Props): Props {
  const ports = list(inputs, "ports");
  return compact({
    Image: text(inputs, "image"),
    Cmd: filled(texts(inputs, "command")),
    Entrypoint: filled(texts(inputs, "entrypoints")),
    Env: filled(texts(inputs, "envs")),
    Labels: labelMap(inputs),
    User: text(inputs, "user"),
    WorkingDir: text(inputs, "workingDir"),
    Hostname: text(inputs, "hostname"),
    Domainname: text(inputs, "domainname"),
    Tty: flag(inputs, "tty"),
    OpenStdin: flag(inputs, "stdinOpen"),
    StopSignal: text(inputs, "stopSignal"),
    StopTimeout: count(inputs, "stopTimeout"),
    Healthcheck: healthcheck(inputs),
    ExposedPorts: ports.length === 0 ? undefined : Object.fromEntries(ports.map((port) => [portKey(port), {}])),
    Volumes: anonymousVolumes(inputs),
    HostConfig: hostConfig(inputs, ports),
  });
}

/** Labels as the daemon takes them; `undefined` without any. */
export function labelMap(inputs: Props): Props | undefined {
  const labels = list(inputs, "labels");
  if (labels.length === 0) return undefined;
  return Object.fromEntries(labels.map((label) => [text(label, "label") ?? "", text(label, "value") ?? ""]));
}

/** The part that `POST /containers/{id}/update` takes too: what a change applies in place. */
export function limits(inputs: Props): Props {
  const memorySwap = count(inputs, "memorySwap");
  return compact({
    RestartPolicy: compact({ Name: text(inputs, "restart") ?? "no", MaximumRetryCount: count(inputs, "maxRetryCount") }),
    Memory: mib(inputs, "memory"),
    MemoryReservation: mib(inputs, "memoryReservation"),
    // -1 = no limit, and no number of bytes
    MemorySwap: memorySwap !== undefined && memorySwap > 0 ? memorySwap * MIB : memorySwap,
    CpuShares: count(inputs, "cpuShares"),
    CpusetCpus: text(inputs, "cpuSet"),
  });
}

function hostConfig(inputs: Props, ports: readonly Props[]): Props {
  const capabilities = props(inputs, "capabilities");
  const cpus = text(inputs, "cpus");
  const logDriver = text(inputs, "logDriver");
  const logOpts = inputs["logOpts"];
  return compact({
    ...limits(inputs),
    NanoCpus: cpus === undefined ? undefined : Math.round(Number(cpus) * 1e9),
    CpuPeriod: count(inputs, "cpuPeriod"),
    CpuQuota: count(inputs, "cpuQuota"),
    Binds: filled(binds(inputs)),
    VolumesFrom: filled(list(inputs, "volumes").flatMap((volume) => text(volume, "fromContainer") ?? [])),
    Mounts: filled(list(inputs, "mounts").map(mount)),
    PortBindings: ports.length === 0 ? undefined : portBindings(ports),
    PublishAllPorts: flag(inputs, "publishAllPorts"),
    NetworkMode: text(inputs, "networkMode") ?? "bridge",
    ExtraHosts: filled(list(inputs, "hosts").map((host) => `${text(host, "host") ?? ""}:${text(host, "ip") ?? ""}`)),
    CapAdd: filled(texts(capabilities, "adds")),
    CapDrop: filled(texts(capabilities, "drops")),
    SecurityOpt: filled(texts(inputs, "securityOpts")),
    ReadonlyRootfs: flag(inputs, "readOnly"),
    Tmpfs: inputs["tmpfs"],
    LogConfig: logDriver === undefined && logOpts === undefined ? undefined : compact({ Type: logDriver ?? "", Config: logOpts }),
    ShmSize: mib(inputs, "shmSize"),
    Ulimits: filled(list(inputs, "ulimits").map((limit) => compact({ Name: limit["name"], Soft: limit["soft"], Hard: limit["hard"] }))),
    Sysctls: inputs["sysctls"],
    StorageOpt: inputs["storageOpts"],
    Dns: filled(texts(inputs, "dns")),
    DnsOptions: filled(texts(inputs, "dnsOpts")),
    DnsSearch: filled(texts(inputs, "dnsSearches")),
    Privileged: flag(inputs, "privileged"),
    Init: flag(inputs, "init"),
    AutoRemove: flag(inputs, "rm"),
    GroupAdd: filled(texts(inputs, "groupAdds")),
    UsernsMode: text(inputs, "usernsMode"),
    PidMode: text(inputs, "pidMode"),
    IpcMode: text(inputs, "ipcMode"),
    CgroupnsMode: text(inputs, "cgroupnsMode"),
    CgroupParent: text(inputs, "cgroupParent"),
    Runtime: text(inputs, "runtime"),
    Devices: filled(list(inputs, "devices").map(device)),
  });
}

/** The body of `POST /networks/{name}/connect` for one of `networksAdvanced`. */
export function connectBody(container: string, network: Props): Props {
  return {
    Container: container,
    EndpointConfig: compact({
      Aliases: filled(texts(network, "aliases")),
      MacAddress: text(network, "macAddress"),
      GwPriority: count(network, "gwPriority"),
      IPAMConfig: compact({
        IPv4Address: text(network, "ipv4Address"),
        IPv6Address: text(network, "ipv6Address"),
        LinkLocalIPs: filled(texts(network, "linkLocalIps")),
      }),
    }),
  };
}

function filled<Item extends Value>(items: Item[]): Item[] | undefined {
  return items.length === 0 ? undefined : items;
}

function mib(inputs: Props, key: string): number | undefined {
  const value = count(inputs, key);
  return value === undefined ? undefined : value * MIB;
}

function portKey(port: Props): string {
  return `${count(port, "internal")}/${text(port, "protocol") ?? "tcp"}`;
}

function portBindings(ports: readonly Props[]): Props {
  const bindings: { [key: string]: Value[] } = {};
  for (const port of ports) {
    const external = count(port, "external") ?? 0;
    (bindings[portKey(port)] ??= []).push({ HostIp: text(port, "ip") ?? "0.0.0.0", HostPort: String(external) });
  }
  return bindings;
}

// The most specific source wins; a container path alone is an anonymous volume (tf volumeSetToDockerVolumes).
function binds(inputs: Props): string[] {
  return list(inputs, "volumes").flatMap((volume) => {
    const source = text(volume, "volumeName") ?? text(volume, "hostPath");
    if (source === undefined) return [];
    return `${source}:${text(volume, "containerPath") ?? ""}:${flag(volume, "readOnly") === true ? "ro" : "rw"}`;
  });
}

function anonymousVolumes(inputs: Props): Props | undefined {
  const paths = list(inputs, "volumes")
    .filter((volume) => volume["volumeName"] === undefined && volume["hostPath"] === undefined && volume["fromContainer"] === undefined)
    .flatMap((volume) => text(volume, "containerPath") ?? []);
  return paths.length === 0 ? undefined : Object.fromEntries(paths.map((path) => [path, {}]));
}

function mount(from: Props): Props {
  const tmpfs = from["tmpfsOptions"];
  const bind = from["bindOptions"];
  const volume = from["volumeOptions"];
  return compact({
    Type: from["type"],
    Target: from["target"],
    Source: from["source"],
    ReadOnly: from["readOnly"],
    BindOptions: isProps(bind) ? compact({ Propagation: bind["propagation"] }) : undefined,
    TmpfsOptions: isProps(tmpfs) ? compact({ SizeBytes: tmpfs["sizeBytes"], Mode: tmpfs["mode"] }) : undefined,
    VolumeOptions: isProps(volume)
      ? compact({
          NoCopy: volume["noCopy"],
          Subpath: volume["subpath"],
          Labels: labelMap(volume),
          DriverConfig: volume["driverName"] === undefined ? undefined : compact({ Name: volume["driverName"], Options: volume["driverOptions"] }),
        })
      : undefined,
  });
}

function device(from: Props): Props {
  const host = text(from, "hostPath") ?? "";
  return { PathOnHost: host, PathInContainer: text(from, "containerPath") ?? host, CgroupPermissions: text(from, "permissions") ?? "rwm" };
}

function healthcheck(inputs: Props): Props | undefined {
  const check = inputs["healthcheck"];
  if (!isProps(check)) return undefined;
  return compact({
    Test: filled(texts(check, "tests")),
    Interval: nanoseconds(text(check, "interval")),
    Timeout: nanoseconds(text(check, "timeout")),
    StartPeriod: nanoseconds(text(check, "startPeriod")),
    StartInterval: nanoseconds(text(check, "startInterval")),
    Retries: count(check, "retries"),
  });
}
