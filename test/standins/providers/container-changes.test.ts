import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import { CONTAINER, containerBench } from "./container-bench.ts";
import { subjects, until, type Stored } from "./harness.ts";
import { UNKNOWN } from "./lib/values.ts";
import { docker } from "./tiny-image.ts";

for (const subject of subjects("docker")) {
  describe(`changing a container, ${subject.label}`, () => {
    const { scratch, plugin, inputs, inspect, create, status, json } = containerBench(subject);

    describe("diff", () => {
      const base = {
        command: ["sleep", "600"],
        envs: ["A=1", "B=2"],
        labels: [{ label: "a", value: "1" }],
        restart: "unless-stopped",
        memory: 64,
        memorySwap: 64,
        healthcheck: { tests: ["CMD", "true"], interval: "10s" },
        destroyGraceSeconds: 5,
        hosts: [{ host: "a", ip: "192.0.2.1" }],
        tmpfs: { "/run": "" },
        capabilities: { drops: ["ALL"] },
        user: "1000",
      };
      let stored: Stored;
      before(async () => {
        stored = await create("diffed", base);
      });
      const diff = (more: object) => plugin().diff(CONTAINER, "diffed", stored, inputs("diffed", { ...base, ...more }));
      const without = (...names: (keyof typeof base)[]) => {
        const news = inputs("diffed", base);
        for (const name of names) delete news[name];
        return plugin().diff(CONTAINER, "diffed", stored, news);
      };

      test("equal inputs are no change, whatever the order of sets and with defaults spelled out", async () => {
        assert.equal((await diff({})).changes, "none");
        assert.equal((await diff({ envs: ["B=2", "A=1"] })).changes, "none");
        assert.equal((await diff({ mustRun: true, start: true, wait: false, rm: false, attach: false, readOnly: false, removeVolumes: true, tty: false, publishAllPorts: false, waitTimeout: 60 })).changes, "none");
        assert.equal((await diff({ healthcheck: { ...base.healthcheck, timeout: "0s", startPeriod: "0s" } })).changes, "none");
      });

      test("most properties replace, deleting first", async () => {
        const other = {
          name: scratch.name("renamed"), image: "other", command: ["sleep", "601"], entrypoints: ["sh"], envs: ["A=1", "B=3"], labels: [{ label: "a", value: "2" }],
          user: "1", workingDir: "/", hostname: "h", domainname: "d", ports: [{ internal: 80 }], mounts: [{ type: "tmpfs", target: "/t" }], volumes: [{ containerPath: "/v" }],
          uploads: [{ file: "/f", content: "x" }], networksAdvanced: [{ name: "n" }], networkMode: "host", hosts: [{ host: "a", ip: "192.0.2.2" }], capabilities: { drops: ["ALL"], adds: ["CAP_CHOWN"] },
          securityOpts: ["no-new-privileges"], readOnly: true, logDriver: "none", logOpts: { "max-size": "1m" }, stopSignal: "SIGINT", stopTimeout: 9, shmSize: 9,
          ulimits: [{ name: "nofile", soft: 1, hard: 1 }], sysctls: { "net.core.somaxconn": "5" }, dns: ["192.0.2.9"], privileged: true, cpus: "1", groupAdds: ["5"],
          ipcMode: "host", pidMode: "host", usernsMode: "host", cgroupnsMode: "host", tty: true, stdinOpen: true, devices: [{ hostPath: "/dev/null" }],
        };
        for (const [property, value] of Object.entries(other)) {
          const { changes, replaces, deleteBeforeReplace } = await diff({ [property]: value });
          assert.deepEqual([changes, [...new Set(replaces)], deleteBeforeReplace], ["some", [property], true], property);
        }
      });

      test("an unknown replaces where a change would", async () => {
        assert.deepEqual((await diff({ image: UNKNOWN })).replaces, ["image"]);
        assert.deepEqual((await diff({ envs: ["A=1", UNKNOWN] })).replaces, ["envs"]);
      });

      test("limits, restart and what only the provider uses update in place", async () => {
        const other = { restart: "no", memory: 96, memorySwap: 96, cpuShares: 10, destroyGraceSeconds: 9, wait: true, waitTimeout: 9, start: false, mustRun: false, removeVolumes: false, rm: true, attach: true, logs: true };
        for (const [property, value] of Object.entries(other)) {
          const { changes, replaces, diffs } = await diff({ [property]: value });
          assert.deepEqual([changes, replaces, diffs], ["some", [], [property]], property);
        }
      });

      test("healthcheck, tmpfs, init and CPU quota are shown as an update, and are not applied by it", async () => {
        const other = { healthcheck: { ...base.healthcheck, retries: 9 }, tmpfs: { "/run": "", "/other": "" }, init: true, cpuPeriod: 1000, cpuQuota: 2000 };
        for (const [property, value] of Object.entries(other)) assert.deepEqual((await diff({ [property]: value })).replaces, [], property);
        await plugin().update(CONTAINER, "diffed", stored, inputs("diffed", { ...base, ...other }));
        assert.deepEqual(
          [json("diffed", ".Config.Healthcheck.Retries"), json("diffed", ".HostConfig.Tmpfs"), json("diffed", ".HostConfig.CpuQuota")],
          [0, { "/run": "" }, 0],
        );
      });

      test("an input that is an output too keeps its value when it is left out", async () => {
        assert.equal((await without("command", "envs", "labels", "healthcheck", "user")).changes, "none");
        assert.equal((await plugin().diff(CONTAINER, "diffed", stored, { image: scratch.image(), networkMode: "none", ...base })).changes, "none");
        assert.deepEqual((await without("hosts", "capabilities")).replaces, ["capabilities", "hosts"]);
      });
    });

    describe("update", () => {
      test("applies limits and restart policy to the same container", async () => {
        const stored = await create("limited", { memory: 64, memorySwap: 64, restart: "no" });
        const updated = await plugin().update(CONTAINER, "limited", stored, inputs("limited", { memory: 96, memorySwap: 96, restart: "always" }));
        assert.equal(inspect("limited", "{{.Id}} {{.HostConfig.Memory}} {{.HostConfig.RestartPolicy.Name}}"), `${stored.id} 100663296 always`);
        assert.deepEqual([updated.outputs["memory"], updated.outputs["restart"], updated.outputs["hostname"]], [96, "always", stored.outputs["hostname"]]);
      });

      test("a preview of it keeps what is known and changes nothing", async () => {
        const stored = await create("previewed", { restart: "no" });
        const outputs = await plugin().previewUpdate(CONTAINER, "previewed", stored, inputs("previewed", { restart: "always" }));
        assert.deepEqual([outputs["hostname"], outputs["networkDatas"]], [stored.outputs["hostname"], stored.outputs["networkDatas"]]);
        assert.equal(inspect("previewed", "{{.HostConfig.RestartPolicy.Name}}"), "no");
      });
    });

    describe("refresh", () => {
      test("an untouched container is unchanged", async () => {
        const same = { envs: ["A=1"], memory: 64, memorySwap: 64, capabilities: { drops: ["ALL"], adds: ["CAP_CHOWN"] }, securityOpts: ["no-new-privileges"], tmpfs: { "/run": "" }, hosts: [{ host: "a", ip: "192.0.2.1" }], healthcheck: { tests: ["NONE"] }, logOpts: { "max-size": "1m" }, ulimits: [{ name: "nofile", soft: 1000, hard: 2000 }], stopSignal: "SIGINT", stopTimeout: 9, init: true, user: "1000", readOnly: true };
        const read = await plugin().read(CONTAINER, "steady", await create("steady", same));
        assert.ok(read);
        assert.equal((await plugin().diff(CONTAINER, "steady", read, inputs("steady", same))).changes, "none");
      });

      test("a stopped container that must run is started in place", async () => {
        const stored = await create("stopped");
        docker("stop", "-t", "0", scratch.name("stopped"));
        assert.equal((await plugin().diff(CONTAINER, "stopped", stored, inputs("stopped"))).changes, "none");
        const read = await plugin().read(CONTAINER, "stopped", stored);
        assert.equal(read?.inputs["mustRun"], false);
        assert.deepEqual((await plugin().diff(CONTAINER, "stopped", read, inputs("stopped"))).detailed, { mustRun: "UPDATE" });
        await plugin().update(CONTAINER, "stopped", read, inputs("stopped"));
        assert.equal(status("stopped"), "running");
      });

      test("a stopped container with ports is replaced", async () => {
        docker("network", "create", scratch.name("shut"));
        const ported = { networkMode: "bridge", networksAdvanced: [{ name: scratch.name("shut") }], ports: [{ internal: 80, external: 28472 }] };
        const stored = await create("shut", ported);
        docker("stop", "-t", "0", scratch.name("shut"));
        const read = await plugin().read(CONTAINER, "shut", stored);
        assert.ok(read);
        assert.deepEqual((await plugin().diff(CONTAINER, "shut", read, inputs("shut", ported))).replaces, ["ports"]);
      });

      test("with start and mustRun false it is clean whether a step started it or not, with ports too", async () => {
        docker("network", "create", scratch.name("phase"));
        const phased = { start: false, mustRun: false, networkMode: "bridge", networksAdvanced: [{ name: scratch.name("phase") }], ports: [{ internal: 80, external: 28473 }], restart: "unless-stopped" };
        const stored = await create("phase", phased);
        const clean = async (): Promise<void> => {
          const read = await plugin().read(CONTAINER, "phase", stored);
          assert.ok(read);
          assert.equal((await plugin().diff(CONTAINER, "phase", read, inputs("phase", phased))).changes, "none");
        };
        for (const change of [["start"], ["stop", "-t", "0"], ["start"]]) {
          docker(...change, scratch.name("phase"));
          const running = change[0] === "start";
          await until(() => (status("phase") === "running") === running, "the container to follow");
          await clean();
        }
        await plugin().update(CONTAINER, "phase", stored, inputs("phase", { ...phased, destroyGraceSeconds: 1 }));
        assert.equal(status("phase"), "running");
        docker("stop", "-t", "0", scratch.name("phase"));
        await plugin().update(CONTAINER, "phase", stored, inputs("phase", { ...phased, destroyGraceSeconds: 2 }));
        assert.equal(status("phase"), "exited");
      });

      test("what somebody changed by hand is put back", async () => {
        const set = { memory: 64, memorySwap: 64, restart: "no" };
        const stored = await create("drifted", set);
        docker("update", "--memory", "96m", "--memory-swap", "96m", "--restart", "always", scratch.name("drifted"));
        const read = await plugin().read(CONTAINER, "drifted", stored);
        assert.ok(read);
        assert.deepEqual((await plugin().diff(CONTAINER, "drifted", read, inputs("drifted", set))).detailed, { memory: "UPDATE", memorySwap: "UPDATE", restart: "UPDATE" });
      });

      test("a removed container is gone", async () => {
        const stored = await create("removed");
        docker("rm", "-f", scratch.name("removed"));
        assert.equal(await plugin().read(CONTAINER, "removed", stored), undefined);
      });

      test("an image given by id is compared by id", async () => {
        const byId = { image: docker("image", "inspect", scratch.image(), "--format", "{{.Id}}") };
        const read = await plugin().read(CONTAINER, "by-id", await create("by-id", byId));
        assert.ok(read);
        assert.equal((await plugin().diff(CONTAINER, "by-id", read, inputs("by-id", byId))).changes, "none");
      });
    });
  });
}
