import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chmodSync, existsSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { Plugin, subjects, until, withPlugin } from "./harness.ts";
import { docker, Scratch } from "./tiny-image.ts";

const SOCKET = "/var/run/docker.sock";
const VOLUME = "docker:index/volume:Volume";
const CONTAINER = "docker:index/container:Container";
const COMMAND = "command:local:Command";

for (const name of ["command", "docker"] as const) {
  const [standin] = subjects(name);
  assert.ok(standin);

  describe(`the ${name} stand-in as a plug-in`, () => {
    test("ends with the engine, however that ended", async () => {
      const plugin = await Plugin.start(standin);
      await plugin.engineDies();
    });

    test("prints its port soon: the best of five starts", async () => {
      const starts: number[] = [];
      for (let i = 0; i < 5; i++) await withPlugin(standin, (plugin) => Promise.resolve(void starts.push(plugin.startMs)));
      // 0.2 s on an idle machine; tests run beside others
      assert.ok(Math.min(...starts) < 1000, `${starts.map(Math.round).join(", ")} ms`);
    });

    test("names what it does not serve", async () => {
      await withPlugin(standin, async (plugin) => {
        await assert.rejects(plugin.check(`${name}:other:Thing`, "thing", {}), new RegExp(`does not serve ${name}:other:Thing`));
      });
    });
  });
}

describe("the docker stand-in reaches a daemon", () => {
  const scratch = new Scratch();
  after(() => scratch.clean());
  const [standin] = subjects("docker");
  assert.ok(standin);

  test("over tcp", async () => {
    const proxy = createServer((client) => {
      const daemon = connect(SOCKET);
      client.pipe(daemon).pipe(client);
      client.on("error", () => daemon.destroy());
      daemon.on("error", () => client.destroy());
    });
    await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
    const address = proxy.address();
    assert.ok(typeof address === "object" && address !== null);
    try {
      await withPlugin(standin, async (plugin) => {
        await plugin.configure({ host: `tcp://127.0.0.1:${address.port}` });
        await plugin.create(VOLUME, "tcp", { name: scratch.name("tcp") });
      });
    } finally {
      proxy.close();
    }
    assert.equal(docker("volume", "inspect", scratch.name("tcp"), "--format", "{{.Name}}"), scratch.name("tcp"));
  });

  // An ssh of our own stands in for the real one: it notes its arguments and runs the remote command here.
  const ssh = (): { env: NodeJS.ProcessEnv; calls: string } => {
    const calls = join(scratch.directory, "calls");
    const program = join(scratch.directory, "ssh");
    writeFileSync(program, `#!/bin/sh\necho "$*" >> '${calls}'\nwhile [ "$1" != -- ]; do shift; done\n[ "$2" = broken ] && { echo "no route" >&2; exit 255; }\nshift 2\nexec "$@"\n`);
    chmodSync(program, 0o755);
    return { env: { PATH: `${scratch.directory}:${process.env["PATH"] ?? ""}` }, calls };
  };

  test("over ssh, with the options given, through one connection for calls in a row", async () => {
    const { env, calls } = ssh();
    await withPlugin(standin, async (plugin) => {
      await plugin.configure({ host: "ssh://deploy@host.example:2222", sshOpts: ["-o", "ControlMaster=no"] });
      assert.equal(existsSync(calls), false, "configure must not dial");
      await plugin.create(VOLUME, "ssh", { name: scratch.name("ssh") });
      const stored = await plugin.create(CONTAINER, "ssh", { name: scratch.name("ssh"), image: scratch.image(), networkMode: "none", uploads: [{ file: "/f", content: "x".repeat(100_000) }] });
      assert.equal(docker("exec", scratch.name("ssh"), "stat", "-c", "%s", "/f"), "100000");
      await plugin.delete(CONTAINER, "ssh", stored);
    }, { env });
    assert.equal(execFileSync("cat", [calls], { encoding: "utf8" }), "-o ControlMaster=no -l deploy -p 2222 -- host.example docker system dial-stdio\n");
  });

  test("or says what ssh said", async () => {
    const { env } = ssh();
    await withPlugin(standin, async (plugin) => {
      await plugin.configure({ host: "ssh://broken" });
      await assert.rejects(plugin.create(VOLUME, "none", { name: scratch.name("none") }), /no route/);
    }, { env });
  });
});

describe("secrets", () => {
  const scratch = new Scratch();
  after(() => scratch.clean());

  test("of a container are in no process's arguments and in no error", async () => {
    const [standin] = subjects("docker");
    assert.ok(standin);
    const word = `hush-${process.pid}-${Math.random().toString(36).slice(2)}`;
    await withPlugin(standin, async (plugin) => {
      await plugin.configure({});
      const inputs = { name: scratch.name("secret"), image: scratch.image(), networkMode: "none", envs: [`TOKEN=${word}`], uploads: [{ file: "/key", content: word }] };
      let seen = "";
      const watch = setInterval(() => (seen += argumentsOfAll()), 5);
      await plugin.create(CONTAINER, "secret", inputs);
      clearInterval(watch);
      assert.notEqual(seen, "");
      assert.equal(seen.includes(word), false);
      await assert.rejects(plugin.create(CONTAINER, "secret", inputs), (error: Error) => !error.message.includes(word));
    });
  });

  test("a command's environment is in nobody's arguments, nor in its failure", async () => {
    const [standin] = subjects("command");
    assert.ok(standin);
    const word = `hush-${process.pid}-${Math.random().toString(36).slice(2)}`;
    await withPlugin(standin, async (plugin) => {
      await plugin.configure();
      const started = join(scratch.directory, "started");
      const running = assert.rejects(
        plugin.create(COMMAND, "secret", { create: `: > ${started}; sleep 0.5; exit 1`, environment: { TOKEN: word }, stdin: word }),
        (error: Error) => /exit status 1/.test(error.message) && !error.message.includes(word),
      );
      await until(() => existsSync(started), "the command to start");
      assert.equal(argumentsOfAll().includes(word), false);
      await running;
    });
  });
});

function argumentsOfAll(): string {
  return execFileSync("ps", ["-eo", "args"], { encoding: "utf8", maxBuffer: 16 * 1024 * 1024 });
}
