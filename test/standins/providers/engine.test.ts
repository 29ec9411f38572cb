import assert from "node:assert/strict";
import { join } from "node:path";
import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { after, before, describe, test } from "node:test";
import * as command from "@pulumi/command";
import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import { subjects } from "./harness.ts";
import { isProps } from "./lib/values.ts";
import { Stack } from "./stack.ts";
import { docker as cli, Scratch } from "./tiny-image.ts";

const commands = subjects("command");
const dockers = subjects("docker");

for (const [i, plugin] of dockers.entries()) {
  describe(`a stack under the engine, ${plugin.label}`, () => {
    const scratch = new Scratch();
    let stack: Stack;
    let image: string;
    before(async () => {
      image = scratch.image();
      const directory = join(scratch.directory, "stack");
      mkdirSync(directory);
      stack = await Stack.create(directory, [plugin, commands[i] ?? commands[0]].filter((subject) => subject !== undefined));
    });
    after(async () => {
      await stack.destroy();
      scratch.clean();
    });

    const diary = join(scratch.directory, "diary");
    interface Wish {
      token?: string;
      restart?: string;
      round?: number;
      print?: string;
      fail?: boolean;
    }
    /** A network, a volume, a container in them, one that steps start and stop, and a step that looks. */
    const world = ({ token = "hush-one", restart = "no", round = 1, print = "up", fail = false }: Wish = {}) => (): void => {
      const provider = new docker.Provider("host", { host: process.env["DOCKER_HOST"] ?? "unix:///var/run/docker.sock" });
      const opts = { provider };
      const network = new docker.Network("net", { name: scratch.name("net"), labels: [{ label: "a", value: "1" }] }, opts);
      const volume = new docker.Volume("data", { name: scratch.name("data") }, opts);
      const found = new docker.RemoteImage("image", { name: image, keepLocally: true }, opts);
      const server = new docker.Container("server", {
        name: scratch.name("server"),
        image: found.imageId,
        command: ["sh", "-c", "exec sleep 600"],
        envs: [pulumi.secret(`TOKEN=${token}`)],
        volumes: [{ volumeName: volume.name, containerPath: "/data" }],
        networksAdvanced: [{ name: network.name, aliases: ["server"] }],
        capabilities: { drops: ["ALL"] },
        healthcheck: { tests: ["CMD", "true"], interval: "1s" },
        wait: true,
        restart,
      }, { ...opts, deleteBeforeReplace: true });
      const phased = new docker.Container("phased", {
        name: scratch.name("phased"),
        image: found.imageId,
        networksAdvanced: [{ name: network.name }],
        ports: [{ internal: 80, external: 28474, ip: "127.0.0.1" }],
        start: false,
        mustRun: false,
      }, { ...opts, deleteBeforeReplace: true });
      new command.local.Command("step", {
        create: `echo "${print} $WORD"; echo create >> '${diary}'${fail ? "; exit 7" : ""}`,
        delete: `echo delete >> '${diary}'`,
        environment: { WORD: pulumi.secret("hush-word") },
        triggers: [server.id, phased.id, round],
        logging: "none",
      }, { additionalSecretOutputs: ["stdout", "stderr"] });
    };

    test("comes up, and nothing is left to do", async () => {
      await stack.up(world());
      assert.equal(cli("inspect", scratch.name("server"), "--format", "{{.State.Health.Status}}"), "healthy");
      assert.equal(cli("inspect", scratch.name("phased"), "--format", "{{.State.Status}}"), "created");
      assert.deepEqual(await stack.plan(world()), {});
      assert.deepEqual(await stack.plan(world(), "--refresh"), {});
      const { code, stdout } = await stack.pulumi("refresh", "--yes", "--skip-preview", "--expect-no-changes");
      assert.equal(code, 0, stdout);
    });

    test("a secret is nowhere in clear in the state, and what surrounds it is still there", () => {
      const text = stack.stateText();
      assert.equal(text.includes("hush-"), false);
      const server = stack.state()["server"];
      assert.ok(server !== undefined && isProps(server["outputs"] ?? null));
      assert.equal((server["outputs"] as { name: string }).name, scratch.name("server"));
    });

    test("what a step started or stopped is no drift", async () => {
      cli("start", scratch.name("phased"));
      assert.deepEqual(await stack.plan(world()), {});
      assert.deepEqual(await stack.plan(world(), "--refresh"), {});
    });

    test("an update in place keeps the container and runs nothing else", async () => {
      const id = cli("inspect", scratch.name("server"), "--format", "{{.Id}}");
      assert.deepEqual(await stack.plan(world({ restart: "unless-stopped" })), { server: "update" });
      await stack.up(world({ restart: "unless-stopped" }));
      assert.equal(cli("inspect", scratch.name("server"), "--format", "{{.Id}} {{.HostConfig.RestartPolicy.Name}}"), `${id} unless-stopped`);
    });

    test("a changed input replaces the container, and the step that it triggers, deleting both first", async () => {
      const changed = world({ restart: "unless-stopped", token: "hush-two" });
      assert.deepEqual(await stack.plan(changed), { server: "replace", step: "replace" });
      rmSync(diary);
      await stack.up(changed);
      assert.equal(readFileSync(diary, "utf8"), "delete\ncreate\n");
      assert.match(cli("inspect", scratch.name("server"), "--format", "{{.Config.Env}}"), /TOKEN=hush-two/);
    });

    test("a changed command updates; a changed trigger replaces, creating first", async () => {
      const now = { restart: "unless-stopped", token: "hush-two" };
      assert.deepEqual(await stack.plan(world({ ...now, print: "again" })), { step: "update" });
      assert.deepEqual(await stack.plan(world({ ...now, round: 2 })), { step: "replace" });
      rmSync(diary);
      await stack.up(world({ ...now, round: 2 }));
      assert.equal(readFileSync(diary, "utf8"), "create\ndelete\n");
    });

    test("a failed update keeps the old inputs, so that the next one tries again", async () => {
      const now = { restart: "unless-stopped", token: "hush-two", round: 2 };
      const { code, stdout } = await stack.tryUp(world({ ...now, fail: true }));
      assert.notEqual(code, 0);
      assert.match(stdout, /exit status 7/);
      assert.deepEqual(await stack.plan(world({ ...now, fail: true })), { step: "update" });
      assert.deepEqual(await stack.plan(world(now)), {});
    });

    test("what was removed by hand is made again after a refresh", async () => {
      const now = world({ restart: "unless-stopped", token: "hush-two", round: 2 });
      cli("rm", "-f", scratch.name("server"));
      assert.deepEqual(await stack.plan(now), {});
      assert.equal((await stack.plan(now, "--refresh"))["server"], "create");
      const { code } = await stack.pulumi("refresh", "--yes", "--skip-preview");
      assert.equal(code, 0);
      await stack.up(now);
      assert.equal(cli("inspect", scratch.name("server"), "--format", "{{.State.Running}}"), "true");
    });

    test("a failed create of a step leaves it out of the state, to be tried again", async () => {
      const failing = (): void => {
        world({ restart: "unless-stopped", token: "hush-two", round: 2 })();
        new command.local.Command("broken", { create: "echo out; exit 5" });
      };
      const { code, stdout } = await stack.tryUp(failing);
      assert.notEqual(code, 0);
      assert.match(stdout, /exit status 5: running "echo out; exit 5":/);
      assert.equal(stack.state()["broken"], undefined);
      assert.deepEqual(await stack.plan(failing), { broken: "create" });
    });

    test("a container that is not healthy in time stays in the state, to be replaced", async () => {
      const failing = (): void => {
        world({ restart: "unless-stopped", token: "hush-two", round: 2 })();
        const provider = new docker.Provider("second", { host: process.env["DOCKER_HOST"] ?? "unix:///var/run/docker.sock" });
        new docker.Container("sick", { name: scratch.name("sick"), image, networkMode: "none", wait: true, waitTimeout: 2, healthcheck: { tests: ["CMD", "false"], interval: "1s" } }, { provider });
      };
      assert.notEqual((await stack.tryUp(failing)).code, 0);
      const { sick } = stack.state();
      assert.equal(sick?.["id"], cli("inspect", scratch.name("sick"), "--format", "{{.Id}}"));
      assert.ok(Array.isArray(sick["initErrors"]));
      assert.equal((await stack.plan(failing))["sick"], "replace");
    });

    test("destroy leaves nothing but the image that is kept", async () => {
      await stack.destroy();
      const left = [["ps", "-a"], ["network", "ls"], ["volume", "ls"]].map((kind) => cli(...kind, "-q", "--filter", `name=${scratch.prefix}`));
      assert.deepEqual(left, ["", "", ""]);
      assert.notEqual(cli("image", "inspect", image, "--format", "{{.Id}}"), "");
    });
  });
}
