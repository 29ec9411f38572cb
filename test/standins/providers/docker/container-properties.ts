import type { Value } from "../lib/values.ts";

/** How a changed input reaches the container. */
export type Effect =
  /** A new container (ForceNew). */
  | "replace"
  /** Applied to the running container. */
  | "apply"
  /** An update that changes the state alone; the container keeps what it has. */
  | "state";

/** One input of docker:index/container:Container. */
export interface Property {
  readonly effect: Effect;
  /** Order means nothing (a set upstream). */
  readonly set?: true;
  /** What an absent input means. */
  readonly fallback?: Value;
}

/**
 * The inputs this stand-in serves and what their change does
 * (tf/internal/provider/resource_docker_container.go, v4.5.0; healthcheck, tmpfs, init, rm, cpuPeriod and cpuQuota are
 * planned as an update there and not applied by resource_docker_container_funcs.go).
 */
export const PROPERTIES: { readonly [name: string]: Property } = {
  attach: { effect: "state", fallback: false },
  capabilities: { effect: "replace" },
  cgroupnsMode: { effect: "replace" },
  cgroupParent: { effect: "replace" },
  command: { effect: "replace" },
  containerReadRefreshTimeoutMilliseconds: { effect: "state", fallback: 15000 },
  cpuPeriod: { effect: "state" },
  cpuQuota: { effect: "state" },
  cpuSet: { effect: "apply" },
  cpuShares: { effect: "apply" },
  cpus: { effect: "replace" },
  destroyGraceSeconds: { effect: "state" },
  devices: { effect: "replace", set: true },
  dns: { effect: "replace", set: true },
  dnsOpts: { effect: "replace", set: true },
  dnsSearches: { effect: "replace", set: true },
  domainname: { effect: "replace" },
  entrypoints: { effect: "replace" },
  envs: { effect: "replace", set: true },
  groupAdds: { effect: "replace", set: true },
  healthcheck: { effect: "state" },
  hostname: { effect: "replace" },
  hosts: { effect: "replace", set: true },
  image: { effect: "replace" },
  init: { effect: "state" },
  ipcMode: { effect: "replace" },
  labels: { effect: "replace", set: true },
  logDriver: { effect: "replace" },
  logOpts: { effect: "replace" },
  logs: { effect: "state", fallback: false },
  maxRetryCount: { effect: "apply" },
  memory: { effect: "apply" },
  memoryReservation: { effect: "apply" },
  memorySwap: { effect: "apply" },
  mounts: { effect: "replace", set: true },
  mustRun: { effect: "apply", fallback: true },
  name: { effect: "replace" },
  networkMode: { effect: "replace", fallback: "bridge" },
  networksAdvanced: { effect: "replace", set: true },
  pidMode: { effect: "replace" },
  platform: { effect: "replace" },
  ports: { effect: "replace" },
  privileged: { effect: "replace" },
  publishAllPorts: { effect: "replace" },
  readOnly: { effect: "replace", fallback: false },
  removeVolumes: { effect: "state", fallback: true },
  restart: { effect: "apply", fallback: "no" },
  rm: { effect: "state", fallback: false },
  runtime: { effect: "replace" },
  securityOpts: { effect: "replace", set: true },
  shmSize: { effect: "replace" },
  start: { effect: "state", fallback: true },
  stdinOpen: { effect: "replace", fallback: false },
  stopSignal: { effect: "replace" },
  stopTimeout: { effect: "replace" },
  storageOpts: { effect: "replace" },
  sysctls: { effect: "replace" },
  tmpfs: { effect: "state" },
  tty: { effect: "replace", fallback: false },
  ulimits: { effect: "replace", set: true },
  uploads: { effect: "replace", set: true },
  user: { effect: "replace" },
  usernsMode: { effect: "replace" },
  volumes: { effect: "replace", set: true },
  wait: { effect: "state", fallback: false },
  waitTimeout: { effect: "state", fallback: 60 },
  workingDir: { effect: "replace" },
};

/** Outputs that only the daemon knows. */
export const COMPUTED = [
  "bridge",
  "command",
  "containerLogs",
  "entrypoints",
  "envs",
  "exitCode",
  "healthcheck",
  "hostname",
  "init",
  "ipcMode",
  "labels",
  "logDriver",
  "networkDatas",
  "platform",
  "runtime",
  "securityOpts",
  "shmSize",
  "stopSignal",
  "stopTimeout",
];

/** The properties whose order means nothing. */
export const SETS: ReadonlySet<string> = new Set(Object.keys(PROPERTIES).filter((name) => PROPERTIES[name]?.set === true));
