import type { DiffRules } from "../lib/diff.ts";
import type { Props, Value } from "../lib/values.ts";

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
  /** An output too: left out, it keeps the value in state, so that taking it away changes nothing. */
  readonly computed?: true;
  /** What an absent input becomes (a schema default). */
  readonly fallback?: Value;
}

/**
 * The inputs this stand-in serves and what their change does
 * (tf/internal/provider/resource_docker_container.go, v4.5.0; healthcheck, tmpfs, init, rm, cpuPeriod and cpuQuota are
 * planned as an update there and not applied by resource_docker_container_funcs.go).
 */
export const PROPERTIES: { readonly [name: string]: Property } = {
  attach: { effect: "state" },
  capabilities: { effect: "replace" },
  cgroupnsMode: { effect: "replace" },
  cgroupParent: { effect: "replace" },
  command: { effect: "replace", computed: true },
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
  entrypoints: { effect: "replace", computed: true },
  envs: { effect: "replace", set: true, computed: true },
  groupAdds: { effect: "replace", set: true },
  healthcheck: { effect: "state", computed: true },
  hostname: { effect: "replace", computed: true },
  hosts: { effect: "replace", set: true },
  image: { effect: "replace" },
  init: { effect: "state", computed: true },
  ipcMode: { effect: "replace", computed: true },
  labels: { effect: "replace", set: true, computed: true },
  logDriver: { effect: "replace", computed: true },
  logOpts: { effect: "replace" },
  logs: { effect: "state" },
  maxRetryCount: { effect: "apply" },
  memory: { effect: "apply" },
  memoryReservation: { effect: "apply" },
  memorySwap: { effect: "apply" },
  mounts: { effect: "replace", set: true },
  mustRun: { effect: "apply", fallback: true },
  name: { effect: "replace", computed: true },
  networkMode: { effect: "replace", fallback: "bridge" },
  networksAdvanced: { effect: "replace", set: true },
  pidMode: { effect: "replace" },
  platform: { effect: "replace", computed: true },
  ports: { effect: "replace" },
  privileged: { effect: "replace" },
  publishAllPorts: { effect: "replace" },
  readOnly: { effect: "replace" },
  removeVolumes: { effect: "state", fallback: true },
  restart: { effect: "apply", fallback: "no" },
  rm: { effect: "state" },
  runtime: { effect: "replace", computed: true },
  securityOpts: { effect: "replace", set: true, computed: true },
  shmSize: { effect: "replace", computed: true },
  start: { effect: "state", fallback: true },
  stdinOpen: { effect: "replace" },
  stopSignal: { effect: "replace", computed: true },
  stopTimeout: { effect: "replace", computed: true },
  storageOpts: { effect: "replace" },
  sysctls: { effect: "replace" },
  tmpfs: { effect: "state" },
  tty: { effect: "replace" },
  ulimits: { effect: "replace", set: true },
  uploads: { effect: "replace", set: true },
  user: { effect: "replace", computed: true },
  usernsMode: { effect: "replace" },
  volumes: { effect: "replace", set: true },
  wait: { effect: "state" },
  waitTimeout: { effect: "state", fallback: 60 },
  workingDir: { effect: "replace", computed: true },
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

/** How the inputs of two versions of a container are compared. */
export const RULES: DiffRules = {
  replaces: (property) => PROPERTIES[property]?.effect === "replace",
  sets: named((property) => property.set === true),
  computed: named((property) => property.computed === true),
  zeroIsNothing: true,
};

/** The schema defaults of top-level inputs. */
export const FALLBACKS: Props = Object.fromEntries(
  Object.entries(PROPERTIES).flatMap(([name, { fallback }]) => (fallback === undefined ? [] : [[name, fallback]])),
);

function named(chosen: (property: Property) => boolean): ReadonlySet<string> {
  return new Set(Object.entries(PROPERTIES).flatMap(([name, property]) => (chosen(property) ? [name] : [])));
}
