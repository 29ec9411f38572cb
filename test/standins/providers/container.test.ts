import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { HalfDone, Plugin, subjects, until, type Stored } from "./harness.ts";
import { UNKNOWN, type Props } from "./lib/values.ts";
import { docker, Scratch } from "./tiny-image.ts";

const TYPE = "docker:index/container:Container";

for (const subject of subjects("docker")) {
  describe(`docker:index/container:Container, ${subject.label}`, () => {
    const scratch = new Scratch();
    let plugin: Plugin;
    let image: string;
    before(async () => {
      image = scratch.image();
      plugin = await Plugin.start(subject);
      await plugin.configure({ host: process.env["DOCKER_HOST"] ?? "unix:///var/run/docker.sock" });
    });
    after(async () => {
      await plugin.stop();
      scratch.clean();
    });

    // No network unless the test is about one: faster, and independent of the host's bridges.
    const inputs = (name: string, more: object = {}): Props => ({ image, name: scratch.name(name), networkMode: "none", ...more });
    const create = (name: string, more?: object): Promise<Stored> => plugin.create(TYPE, name, inputs(name, more));
    const halfDone = async (name: string, more: object, reason: RegExp): Promise<Stored> => {
      try {
        await create(name, more);
      } catch (error) {
        assert.ok(error instanceof HalfDone, String(error));
        assert.match(error.message, reason);
        return error.stored;
      }
      assert.fail(`${name} should not come up`);
    };
    const inspect = (name: string, format: string): string => docker("inspect", scratch.name(name), "--format", format);
    const status = (name: string): string => inspect(name, "{{.State.Status}}");
    const json = (name: string, path: string): unknown => JSON.parse(inspect(name, `{{json ${path}}}`));

    describe("create", () => {
      test("gives the daemon every property, and reads back what it decided", async () => {
        docker("volume", "create", scratch.name("data"));
        const { id, outputs } = await create("full", {
          command: ["600"],
          entrypoints: ["sleep"],
          envs: ["A=1", "B=x y"],
          labels: [{ label: "owner", value: "test" }],
          user: "1000:1000",
          workingDir: "/tmp",
          hostname: "hosty",
          volumes: [{ volumeName: scratch.name("data"), containerPath: "/data" }, { hostPath: "/etc", containerPath: "/host", readOnly: true }],
          mounts: [{ type: "tmpfs", target: "/scratch", tmpfsOptions: { sizeBytes: 1048576 } }],
          hosts: [{ host: "other", ip: "192.0.2.1" }],
          capabilities: { adds: ["CAP_NET_BIND_SERVICE"], drops: ["ALL"] },
          securityOpts: ["no-new-privileges:true"],
          readOnly: true,
          tmpfs: { "/run": "rw,size=1m" },
          logDriver: "json-file",
          logOpts: { "max-size": "1m" },
          stopSignal: "SIGINT",
          stopTimeout: 20,
          shmSize: 32,
          ulimits: [{ name: "nofile", soft: 1000, hard: 2000 }],
          dns: ["192.0.2.53"],
          init: true,
          restart: "unless-stopped",
          memory: 64,
          memorySwap: 64,
          cpus: "0.5",
          groupAdds: ["5"],
          healthcheck: { tests: ["CMD", "true"], interval: "10s", timeout: "5s", startPeriod: "1m0s", retries: 4 },
        });
        assert.equal(id, inspect("full", "{{.Id}}"));
        assert.deepEqual(
          [outputs["name"], outputs["command"], outputs["entrypoints"], outputs["mustRun"], outputs["hostname"], outputs["shmSize"], outputs["runtime"]],
          [scratch.name("full"), ["600"], ["sleep"], true, "hosty", 32, "runc"],
        );
        assert.deepEqual((json("full", ".Config.Env") as string[]).sort(), ["A=1", "B=x y", "PATH=/usr/bin:/bin"]);
        assert.equal(inspect("full", "{{.Config.User}} {{.Config.WorkingDir}} {{.Config.StopSignal}} {{.Config.StopTimeout}} {{.Config.Labels.owner}}"), "1000:1000 /tmp SIGINT 20 test");
        assert.deepEqual(json("full", ".HostConfig.Binds"), [`${scratch.name("data")}:/data:rw`, "/etc:/host:ro"]);
        assert.equal(inspect("full", "{{.HostConfig.ReadonlyRootfs}} {{.HostConfig.Init}} {{.HostConfig.Memory}} {{.HostConfig.NanoCpus}} {{.HostConfig.RestartPolicy.Name}}"), "true true 67108864 500000000 unless-stopped");
        assert.deepEqual(
          ["CapAdd", "CapDrop", "SecurityOpt", "Tmpfs", "LogConfig", "ExtraHosts", "Dns", "GroupAdd", "Ulimits"].map((key) => json("full", `.HostConfig.${key}`)),
          [
            ["CAP_NET_BIND_SERVICE"],
            ["ALL"],
            ["no-new-privileges:true"],
            { "/run": "rw,size=1m" },
            { Type: "json-file", Config: { "max-size": "1m" } },
            ["other:192.0.2.1"],
            ["192.0.2.53"],
            ["5"],
            [{ Name: "nofile", Hard: 2000, Soft: 1000 }],
          ],
        );
        assert.deepEqual(json("full", ".Config.Healthcheck"), { Test: ["CMD", "true"], Interval: 10e9, Timeout: 5e9, StartPeriod: 60e9, Retries: 4 });
        assert.equal((json("full", ".HostConfig.Mounts") as { Target: string }[])[0]?.Target, "/scratch");
      });

      test("a name of its own: the logical one and seven hex digits, kept from then on", async () => {
        const news = { image };
        const checked = await plugin.check(TYPE, "unnamed", news);
        assert.match(String(checked["name"]), /^unnamed-[0-9a-f]{7}$/);
        assert.equal((await plugin.check(TYPE, "unnamed", news, checked))["name"], checked["name"]);
      });

      test("leaves the default bridge for each of networksAdvanced before it starts, with aliases and address", async () => {
        docker("network", "create", "--subnet", "10.213.7.0/24", scratch.name("one"));
        docker("network", "create", "--internal", scratch.name("two"));
        await create("networked", {
          networkMode: "bridge",
          networksAdvanced: [{ name: scratch.name("one"), aliases: ["homeserver"], ipv4Address: "10.213.7.9" }, { name: scratch.name("two") }],
        });
        const networks = json("networked", ".NetworkSettings.Networks") as { [name: string]: { Aliases: string[]; IPAddress: string } };
        assert.deepEqual(Object.keys(networks).sort(), [scratch.name("one"), scratch.name("two")]);
        assert.ok(networks[scratch.name("one")]?.Aliases.includes("homeserver"));
        assert.equal(networks[scratch.name("one")]?.IPAddress, "10.213.7.9");
      });

      test("publishes ports on every address unless told otherwise", async () => {
        docker("network", "create", scratch.name("ported"));
        await create("ported", {
          networkMode: "bridge",
          networksAdvanced: [{ name: scratch.name("ported") }],
          ports: [{ internal: 80, external: 28471, ip: "127.0.0.1" }, { internal: 53, protocol: "udp" }],
        });
        const ports = json("ported", ".NetworkSettings.Ports") as { [key: string]: { HostIp: string; HostPort: string }[] };
        assert.deepEqual(ports["80/tcp"], [{ HostIp: "127.0.0.1", HostPort: "28471" }]);
        assert.equal(ports["53/udp"]?.[0]?.HostIp, "0.0.0.0");
      });

      test("uploads files as root before the start: 0644, 0744 when executable, else as told; not under a read-only root", async () => {
        await create("uploaded", {
          uploads: [
            { file: "/etc/deep/a.conf", content: "hello" },
            { file: "/tmp/run", content: "#!/bin/sh", executable: true },
            { file: "/tmp/key", contentBase64: "c2VjcmV0", permissions: "0600" },
          ],
        });
        assert.equal(docker("exec", scratch.name("uploaded"), "stat", "-c", "%a %u %s", "/etc/deep/a.conf", "/tmp/run", "/tmp/key"), "644 0 5\n744 0 9\n600 0 6");
        await halfDone("locked", { readOnly: true, uploads: [{ file: "/a", content: "x" }] }, /rootfs is marked read-only/);
        await halfDone("void", { uploads: [{ file: "/a", content: "" }] }, /content/);
      });

      test("start: false leaves it created", async () => {
        const { outputs } = await create("resting", { start: false, mustRun: false });
        assert.deepEqual([status("resting"), outputs["mustRun"], outputs["exitCode"]], ["created", false, 0]);
      });

      test("attach waits for the end; logs with it are an output, and survive rm", async () => {
        const job = { command: ["sh", "-c", "sleep 0.5; echo done; echo oops >&2; exit 3"], attach: true, logs: true, mustRun: false };
        const { outputs } = await create("job", job);
        assert.deepEqual([outputs["exitCode"], String(outputs["containerLogs"]).split("\n").sort()], [3, ["", "done", "oops"]]);
        assert.match(String((await create("vanishing", { ...job, rm: true })).outputs["containerLogs"]), /done/);
      });

      test("a container that ends at once is no failure, but shows as not running", async () => {
        const ending = { command: ["sh", "-c", "exit 3"] };
        const stored = await create("ending", ending);
        assert.equal(stored.outputs["mustRun"], false);
        const { changes, detailed } = await plugin.diff(TYPE, "ending", stored, inputs("ending", ending));
        assert.deepEqual([changes, detailed], ["some", { mustRun: "UPDATE" }]);
      });

      test("wait returns when the container is healthy", async () => {
        const began = performance.now();
        await create("healthy", { wait: true, waitTimeout: 30, healthcheck: { tests: ["CMD", "true"], interval: "1s" } });
        assert.equal(inspect("healthy", "{{.State.Health.Status}}"), "healthy");
        assert.ok(performance.now() - began < 20_000);
      });

      test("a refusal of the daemon names what was attempted and leaves nothing in state", async () => {
        await create("taken");
        await assert.rejects(create("taken"), (error: Error) => !(error instanceof HalfDone) && /Unable to create container: Error response from daemon: Conflict/.test(error.message));
        await assert.rejects(create("imageless", { image: `${scratch.prefix}-none:1` }), /Unable to create container with image .*-none:1/);
      });

      test("missing and unknown inputs are refused by the check, all at once", async () => {
        await assert.rejects(plugin.check(TYPE, "wrong", { colour: "red" }), (error: Error) => /image/.test(error.message) && /colour/.test(error.message));
      });
    });

    describe("a container that was made but did not come up", () => {
      const sick = { wait: true, waitTimeout: 2, healthcheck: { tests: ["CMD", "false"], interval: "1s" } };

      test("is in state, and keeps running, when it is not healthy in time", async () => {
        const stored = await halfDone("sick", sick, /healthy/);
        assert.deepEqual([stored.id, status("sick")], [inspect("sick", "{{.Id}}"), "running"]);
        assert.equal(stored.outputs["name"], scratch.name("sick"));
      });

      test("is replaced by the next update where the image gives command and entry point", async () => {
        const stored = await halfDone("ill", sick, /healthy/);
        const { replaces, deleteBeforeReplace } = await plugin.diff(TYPE, "ill", stored, inputs("ill", sick));
        assert.deepEqual([replaces, deleteBeforeReplace], [["command", "entrypoints"], true]);
      });

      test("turns green unhealthy where the program gives both: the next update does not wait", async () => {
        const given = { ...sick, entrypoints: ["sleep"], command: ["600"] };
        const stored = await halfDone("weak", given, /healthy/);
        const { changes, replaces } = await plugin.diff(TYPE, "weak", stored, inputs("weak", given));
        assert.deepEqual([changes, replaces], ["some", []]);
        const began = performance.now();
        await plugin.update(TYPE, "weak", stored, inputs("weak", given));
        assert.ok(performance.now() - began < 1500);
        assert.equal(inspect("weak", "{{.State.Health.Status}}") === "healthy", false);
      });

      test("does not start, and does not wait without a healthcheck", async () => {
        await halfDone("broken", { command: ["/nope"] }, /Unable to start container: Error response from daemon: .*\/nope/);
        assert.equal(status("broken"), "created");
        await halfDone("checkless", { wait: true }, /healthcheck/);
      });
    });

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
      const diff = (more: object) => plugin.diff(TYPE, "diffed", stored, inputs("diffed", { ...base, ...more }));
      const without = (...names: (keyof typeof base)[]) => {
        const news = inputs("diffed", base);
        for (const name of names) delete news[name];
        return plugin.diff(TYPE, "diffed", stored, news);
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
        await plugin.update(TYPE, "diffed", stored, inputs("diffed", { ...base, ...other }));
        assert.deepEqual(
          [json("diffed", ".Config.Healthcheck.Retries"), json("diffed", ".HostConfig.Tmpfs"), json("diffed", ".HostConfig.CpuQuota")],
          [0, { "/run": "" }, 0],
        );
      });

      test("an input that is an output too keeps its value when it is left out", async () => {
        assert.equal((await without("command", "envs", "labels", "healthcheck", "user")).changes, "none");
        assert.equal((await plugin.diff(TYPE, "diffed", stored, { image, networkMode: "none", ...base })).changes, "none");
        assert.deepEqual((await without("hosts", "capabilities")).replaces, ["capabilities", "hosts"]);
      });
    });

    describe("update", () => {
      test("applies limits and restart policy to the same container", async () => {
        const stored = await create("limited", { memory: 64, memorySwap: 64, restart: "no" });
        const updated = await plugin.update(TYPE, "limited", stored, inputs("limited", { memory: 96, memorySwap: 96, restart: "always" }));
        assert.equal(inspect("limited", "{{.Id}} {{.HostConfig.Memory}} {{.HostConfig.RestartPolicy.Name}}"), `${stored.id} 100663296 always`);
        assert.deepEqual([updated.outputs["memory"], updated.outputs["restart"], updated.outputs["hostname"]], [96, "always", stored.outputs["hostname"]]);
      });

      test("a preview of it keeps what is known and changes nothing", async () => {
        const stored = await create("previewed", { restart: "no" });
        const outputs = await plugin.previewUpdate(TYPE, "previewed", stored, inputs("previewed", { restart: "always" }));
        assert.deepEqual([outputs["hostname"], outputs["networkDatas"]], [stored.outputs["hostname"], stored.outputs["networkDatas"]]);
        assert.equal(inspect("previewed", "{{.HostConfig.RestartPolicy.Name}}"), "no");
      });
    });

    describe("refresh", () => {
      test("an untouched container is unchanged", async () => {
        const same = { envs: ["A=1"], memory: 64, memorySwap: 64, capabilities: { drops: ["ALL"], adds: ["CAP_CHOWN"] }, securityOpts: ["no-new-privileges"], tmpfs: { "/run": "" }, hosts: [{ host: "a", ip: "192.0.2.1" }], healthcheck: { tests: ["NONE"] }, logOpts: { "max-size": "1m" }, ulimits: [{ name: "nofile", soft: 1000, hard: 2000 }], stopSignal: "SIGINT", stopTimeout: 9, init: true, user: "1000", readOnly: true };
        const read = await plugin.read(TYPE, "steady", await create("steady", same));
        assert.ok(read);
        assert.equal((await plugin.diff(TYPE, "steady", read, inputs("steady", same))).changes, "none");
      });

      test("a stopped container that must run is started in place", async () => {
        const stored = await create("stopped");
        docker("stop", "-t", "0", scratch.name("stopped"));
        assert.equal((await plugin.diff(TYPE, "stopped", stored, inputs("stopped"))).changes, "none");
        const read = await plugin.read(TYPE, "stopped", stored);
        assert.equal(read?.inputs["mustRun"], false);
        assert.deepEqual((await plugin.diff(TYPE, "stopped", read, inputs("stopped"))).detailed, { mustRun: "UPDATE" });
        await plugin.update(TYPE, "stopped", read, inputs("stopped"));
        assert.equal(status("stopped"), "running");
      });

      test("a stopped container with ports is replaced", async () => {
        docker("network", "create", scratch.name("shut"));
        const ported = { networkMode: "bridge", networksAdvanced: [{ name: scratch.name("shut") }], ports: [{ internal: 80, external: 28472 }] };
        const stored = await create("shut", ported);
        docker("stop", "-t", "0", scratch.name("shut"));
        const read = await plugin.read(TYPE, "shut", stored);
        assert.ok(read);
        assert.deepEqual((await plugin.diff(TYPE, "shut", read, inputs("shut", ported))).replaces, ["ports"]);
      });

      test("with start and mustRun false it is clean whether a step started it or not, with ports too", async () => {
        docker("network", "create", scratch.name("phase"));
        const phased = { start: false, mustRun: false, networkMode: "bridge", networksAdvanced: [{ name: scratch.name("phase") }], ports: [{ internal: 80, external: 28473 }], restart: "unless-stopped" };
        const stored = await create("phase", phased);
        const clean = async (): Promise<void> => {
          const read = await plugin.read(TYPE, "phase", stored);
          assert.ok(read);
          assert.equal((await plugin.diff(TYPE, "phase", read, inputs("phase", phased))).changes, "none");
        };
        for (const change of [["start"], ["stop", "-t", "0"], ["start"]]) {
          docker(...change, scratch.name("phase"));
          const running = change[0] === "start";
          await until(() => (status("phase") === "running") === running, "the container to follow");
          await clean();
        }
        await plugin.update(TYPE, "phase", stored, inputs("phase", { ...phased, destroyGraceSeconds: 1 }));
        assert.equal(status("phase"), "running");
        docker("stop", "-t", "0", scratch.name("phase"));
        await plugin.update(TYPE, "phase", stored, inputs("phase", { ...phased, destroyGraceSeconds: 2 }));
        assert.equal(status("phase"), "exited");
      });

      test("what somebody changed by hand is put back", async () => {
        const set = { memory: 64, memorySwap: 64, restart: "no" };
        const stored = await create("drifted", set);
        docker("update", "--memory", "96m", "--memory-swap", "96m", "--restart", "always", scratch.name("drifted"));
        const read = await plugin.read(TYPE, "drifted", stored);
        assert.ok(read);
        assert.deepEqual((await plugin.diff(TYPE, "drifted", read, inputs("drifted", set))).detailed, { memory: "UPDATE", memorySwap: "UPDATE", restart: "UPDATE" });
      });

      test("a removed container is gone", async () => {
        const stored = await create("removed");
        docker("rm", "-f", scratch.name("removed"));
        assert.equal(await plugin.read(TYPE, "removed", stored), undefined);
      });

      test("an image given by id is compared by id", async () => {
        const byId = { image: docker("image", "inspect", image, "--format", "{{.Id}}") };
        const read = await plugin.read(TYPE, "by-id", await create("by-id", byId));
        assert.ok(read);
        assert.equal((await plugin.diff(TYPE, "by-id", read, inputs("by-id", byId))).changes, "none");
      });
    });

    describe("delete", () => {
      const trapping = { command: ["sh", "-c", "trap ': > /out/stopped; exit' TERM; while :; do sleep 0.1; done"] };

      test("kills at once by default, and gives destroyGraceSeconds to stop where set", async () => {
        for (const [name, grace, stopped] of [["abrupt", {}, false], ["graceful", { destroyGraceSeconds: 10 }, true]] as const) {
          docker("volume", "create", scratch.name(name));
          const stored = await create(name, { ...trapping, ...grace, stopTimeout: 10, volumes: [{ volumeName: scratch.name(name), containerPath: "/out" }] });
          await plugin.delete(TYPE, name, stored);
          assert.throws(() => status(name));
          const left = docker("run", "--rm", "--network", "none", "--name", scratch.name("look"), "-v", `${scratch.name(name)}:/out`, image, "sh", "-c", "test -e /out/stopped && echo stopped || echo killed");
          assert.equal(left, stopped ? "stopped" : "killed", name);
        }
      });

      test("removes anonymous volumes unless told to keep them; named ones stay", async () => {
        docker("volume", "create", scratch.name("kept"));
        const volumes = [{ containerPath: "/anonymous" }, { volumeName: scratch.name("kept"), containerPath: "/named" }];
        const stored = await create("voluminous", { volumes });
        const mounts = json("voluminous", ".Mounts") as { Name: string }[];
        await plugin.delete(TYPE, "voluminous", stored);
        const left = docker("volume", "ls", "--format", "{{.Name}}").split("\n");
        assert.deepEqual(mounts.map((mount) => mount.Name).filter((name) => left.includes(name)), [scratch.name("kept")]);
      });

      test("of a missing, a stopped or a self-removing container is no error", async () => {
        const missing = await create("missing");
        docker("rm", "-f", scratch.name("missing"));
        await plugin.delete(TYPE, "missing", missing);
        await plugin.delete(TYPE, "fleeting", await create("fleeting", { rm: true }));
        assert.throws(() => status("fleeting"));
      });
    });

    test("a preview of a create knows the inputs and names, and what the daemon decides is unknown", async () => {
      const outputs = await plugin.previewCreate(TYPE, "planned", inputs("planned", { hostname: "h", networksAdvanced: [{ name: UNKNOWN }] }));
      assert.deepEqual([outputs["name"], outputs["hostname"], outputs["command"], outputs["networkDatas"]], [scratch.name("planned"), "h", UNKNOWN, UNKNOWN]);
      assert.throws(() => status("planned"));
    });
  });
}
