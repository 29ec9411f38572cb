import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { CONTAINER, containerBench } from "./container-bench.ts";
import { HalfDone, subjects, type Stored } from "./harness.ts";
import { UNKNOWN } from "./lib/values.ts";
import { docker } from "./tiny-image.ts";

for (const subject of subjects("docker")) {
  describe(`making and removing a container, ${subject.label}`, () => {
    const { scratch, plugin, inputs, inspect, create, status, json } = containerBench(subject);
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
        const news = { image: scratch.image() };
        const checked = await plugin().check(CONTAINER, "unnamed", news);
        assert.match(String(checked["name"]), /^unnamed-[0-9a-f]{7}$/);
        assert.equal((await plugin().check(CONTAINER, "unnamed", news, checked))["name"], checked["name"]);
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

      test("a container that has ended by the time it is read is no failure, but shows as not running", async () => {
        const ending = { command: ["sh", "-c", "exit 3"], attach: true };
        const stored = await create("ending", ending);
        assert.equal(stored.outputs["mustRun"], false);
        const { changes, detailed } = await plugin().diff(CONTAINER, "ending", stored, inputs("ending", ending));
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
        await assert.rejects(plugin().check(CONTAINER, "wrong", { colour: "red" }), (error: Error) => /image/.test(error.message) && /colour/.test(error.message));
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
        const { replaces, deleteBeforeReplace } = await plugin().diff(CONTAINER, "ill", stored, inputs("ill", sick));
        assert.deepEqual([replaces, deleteBeforeReplace], [["command", "entrypoints"], true]);
      });

      test("turns green unhealthy where the program gives both: the next update does not wait", async () => {
        const given = { ...sick, entrypoints: ["sleep"], command: ["600"] };
        const stored = await halfDone("weak", given, /healthy/);
        const { changes, replaces } = await plugin().diff(CONTAINER, "weak", stored, inputs("weak", given));
        assert.deepEqual([changes, replaces], ["some", []]);
        const began = performance.now();
        await plugin().update(CONTAINER, "weak", stored, inputs("weak", given));
        assert.ok(performance.now() - began < 1500);
        assert.equal(inspect("weak", "{{.State.Health.Status}}") === "healthy", false);
      });

      test("does not start, and does not wait without a healthcheck", async () => {
        await halfDone("broken", { command: ["/nope"] }, /Unable to start container: Error response from daemon: .*\/nope/);
        assert.equal(status("broken"), "created");
        await halfDone("checkless", { wait: true }, /healthcheck/);
      });
    });

    describe("delete", () => {
      const trapping = { command: ["sh", "-c", "trap ': > /out/stopped; exit' TERM; while :; do sleep 0.1; done"] };

      test("kills at once by default, and gives destroyGraceSeconds to stop where set", async () => {
        for (const [name, grace, stopped] of [["abrupt", {}, false], ["graceful", { destroyGraceSeconds: 10 }, true]] as const) {
          docker("volume", "create", scratch.name(name));
          const stored = await create(name, { ...trapping, ...grace, stopTimeout: 10, volumes: [{ volumeName: scratch.name(name), containerPath: "/out" }] });
          await plugin().delete(CONTAINER, name, stored);
          assert.throws(() => status(name));
          const left = docker("run", "--rm", "--network", "none", "--name", scratch.name("look"), "-v", `${scratch.name(name)}:/out`, scratch.image(), "sh", "-c", "test -e /out/stopped && echo stopped || echo killed");
          assert.equal(left, stopped ? "stopped" : "killed", name);
        }
      });

      test("removes anonymous volumes unless told to keep them; named ones stay", async () => {
        docker("volume", "create", scratch.name("kept"));
        const volumes = [{ containerPath: "/anonymous" }, { volumeName: scratch.name("kept"), containerPath: "/named" }];
        const stored = await create("voluminous", { volumes });
        const mounts = json("voluminous", ".Mounts") as { Name: string }[];
        await plugin().delete(CONTAINER, "voluminous", stored);
        const left = docker("volume", "ls", "--format", "{{.Name}}").split("\n");
        assert.deepEqual(mounts.map((mount) => mount.Name).filter((name) => left.includes(name)), [scratch.name("kept")]);
      });

      test("of a missing, a stopped or a self-removing container is no error", async () => {
        const missing = await create("missing");
        docker("rm", "-f", scratch.name("missing"));
        await plugin().delete(CONTAINER, "missing", missing);
        await plugin().delete(CONTAINER, "fleeting", await create("fleeting", { rm: true }));
        assert.throws(() => status("fleeting"));
      });
    });

    test("a preview of a create knows the inputs and names, and what the daemon decides is unknown", async () => {
      const outputs = await plugin().previewCreate(CONTAINER, "planned", inputs("planned", { hostname: "h", networksAdvanced: [{ name: UNKNOWN }] }));
      assert.deepEqual([outputs["name"], outputs["hostname"], outputs["command"], outputs["networkDatas"]], [scratch.name("planned"), "h", UNKNOWN, UNKNOWN]);
      assert.throws(() => status("planned"));
    });
  });
}
