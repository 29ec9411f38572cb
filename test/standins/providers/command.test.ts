import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { Plugin, subjects, until, withPlugin, type Stored } from "./harness.ts";
import { secret, UNKNOWN } from "./lib/values.ts";

const TYPE = "command:local:Command";

for (const subject of subjects("command")) {
  describe(`command:local:Command, ${subject.label}`, () => {
    const directory = mkdtempSync(join(tmpdir(), "command-test-"));
    let plugin: Plugin;
    before(async () => {
      plugin = await Plugin.start(subject, { cwd: directory, env: { INHERITED: "from pulumi" } });
      await plugin.configure();
    });
    after(async () => {
      await plugin.stop();
      rmSync(directory, { recursive: true });
    });
    const create = (inputs: object): Promise<Stored> => plugin.create(TYPE, "step", { ...inputs });

    test("create runs under /bin/sh -c where pulumi runs, with pulumi's environment and its own", async () => {
      const { id, outputs } = await create({ create: `echo "$0 $INHERITED $OWN"; pwd; echo oops >&2`, environment: { OWN: "and mine" } });
      assert.match(id, /^step[0-9a-f]{8}$/);
      assert.equal(outputs["stdout"], `/bin/sh from pulumi and mine\n${directory}`);
      assert.equal(outputs["stderr"], "oops");
    });

    test("one trailing newline is trimmed, no more", async () => {
      assert.equal((await create({ create: `printf 'a\\n\\n'` })).outputs["stdout"], "a\n");
    });

    test("stdin, dir and interpreter reach the command", async () => {
      const stored = await create({ create: "cat; pwd; echo $BASH_VERSION", stdin: "given\n", dir: "/", interpreter: ["/bin/bash", "-euo", "pipefail", "-c"] });
      assert.match(String(stored.outputs["stdout"]), /^given\n\/\n\d/);
    });

    test("nothing runs without a command", async () => {
      const { outputs } = await create({});
      assert.deepEqual([outputs["stdout"], outputs["stderr"]], ["", ""]);
    });

    test("outputs repeat the inputs, secrets as secrets; what the command printed is not made secret", async () => {
      const { outputs } = await create({ create: `echo "$TOKEN"`, environment: { TOKEN: secret("hush") } });
      assert.deepEqual(outputs["environment"], { TOKEN: secret("hush") });
      assert.equal(outputs["stdout"], "hush");
    });

    test("a failure names the way it ended, the command and all its output", async () => {
      await assert.rejects(create({ create: "echo out; echo err >&2; exit 3", logging: "none" }), /UNKNOWN: exit status 3: running "echo out; echo err >&2; exit 3":\n(out\nerr|err\nout)\n$/);
      await assert.rejects(create({ create: "kill -9 $$" }), /signal: killed: running "kill -9 \$\$":\n$/);
      await assert.rejects(create({ create: "x", interpreter: ["/nope"] }), /fork\/exec \/nope: no such file or directory: running "x":\n$/);
      await assert.rejects(create({ create: "pwd", dir: "nope" }), /chdir nope: no such file or directory: running "pwd":\n$/);
    });

    test("a custom timeout kills the shell", async () => {
      await assert.rejects(plugin.create(TYPE, "slow", { create: "exec sleep 30" }, 1), /signal: killed: running "exec sleep 30":\n$/);
    });

    test("wrong inputs are refused by the check", async () => {
      await assert.rejects(plugin.check(TYPE, "step", { create: 3 }), /create/);
      await assert.rejects(plugin.check(TYPE, "step", { create: "x", colour: "red" }), /colour/);
    });

    describe("update", () => {
      const first = { create: "echo one; echo two >&2", environment: { A: "1" } };
      let stored: Stored;
      before(async () => {
        stored = await create(first);
      });

      test("runs update, else create again, and gives it what the last run printed", async () => {
        const print = `echo "$PULUMI_COMMAND_STDOUT/$PULUMI_COMMAND_STDERR"`;
        assert.equal((await plugin.update(TYPE, "step", stored, { ...first, update: print })).outputs["stdout"], "one/two");
        assert.equal((await plugin.update(TYPE, "step", stored, { create: print })).outputs["stdout"], "one/two");
      });

      test("hides what the last run printed when told so", async () => {
        const updated = await plugin.update(TYPE, "step", stored, { create: `echo "[$PULUMI_COMMAND_STDOUT]"`, addPreviousOutputInEnv: false });
        assert.equal(updated.outputs["stdout"], "[]");
      });

      test("without anything to run keeps the outputs", async () => {
        assert.equal((await plugin.update(TYPE, "step", stored, { environment: { A: "2" } })).outputs["stdout"], "one");
      });
    });

    describe("diff", () => {
      const base = { create: "true", environment: { A: "1" }, triggers: [1, "a"] };
      let stored: Stored;
      before(async () => {
        stored = await create(base);
      });
      const diff = (news: object) => plugin.diff(TYPE, "step", stored, { ...news });

      test("equal inputs are no change; becoming a secret is one", async () => {
        assert.equal((await diff(base)).changes, "none");
        assert.deepEqual((await diff({ ...base, environment: { A: secret("1") } })).detailed, { "environment.A": "UPDATE" });
      });

      test("any changed input is an update, also one that only delete or the log uses", async () => {
        for (const [property, value] of Object.entries({ create: "false", update: "x", delete: "x", dir: "/", stdin: "x", logging: "none", interpreter: ["/bin/bash", "-c"], addPreviousOutputInEnv: false })) {
          const answer = await diff({ ...base, [property]: value });
          assert.deepEqual([answer.changes, answer.replaces, answer.diffs], ["some", [], [property]], property);
        }
        assert.deepEqual((await diff({ ...base, environment: { A: "1", "B-C": "2" } })).detailed, { 'environment["B-C"]': "ADD" });
      });

      test("an unknown is a change", async () => {
        assert.deepEqual((await diff({ ...base, environment: { A: UNKNOWN } })).detailed, { "environment.A": "UPDATE" });
      });

      test("triggers that come, go or are unknown replace, create before delete; changed items are left to the SDK's replaceOnChanges", async () => {
        const { triggers: _, ...without } = base;
        const gone = await diff(without);
        assert.deepEqual([gone.replaces, gone.deleteBeforeReplace, gone.detailed], [["triggers"], false, { triggers: "DELETE_REPLACE" }]);
        assert.deepEqual((await diff({ ...base, triggers: UNKNOWN })).replaces, ["triggers"]);
        assert.deepEqual((await diff({ ...base, triggers: [2, "a"] })).detailed, { "triggers[0]": "UPDATE" });
        assert.deepEqual((await diff({ ...base, triggers: [1, "a", "b"] })).detailed, { "triggers[2]": "ADD" });
      });
    });

    describe("preview", () => {
      test("runs nothing; what the command will print is unknown", async () => {
        const outputs = await plugin.previewCreate(TYPE, "step", { create: "touch ran" });
        assert.deepEqual([outputs["create"], outputs["stdout"], outputs["stderr"]], ["touch ran", UNKNOWN, UNKNOWN]);
        assert.throws(() => readFileSync(join(directory, "ran")));
      });

      test("an update's outputs are unknown when an input changes, and stay when one is only added", async () => {
        const stored = await create({ create: "echo a" });
        assert.equal((await plugin.previewUpdate(TYPE, "step", stored, { create: "echo b" }))["stdout"], UNKNOWN);
        assert.equal((await plugin.previewUpdate(TYPE, "step", stored, { create: "echo a", delete: "true" }))["stdout"], "a");
      });
    });

    test("delete runs the command, environment and directory in state", async () => {
      const stored = await create({ create: "true", delete: `echo "$WORD" > removed`, environment: { WORD: "gone" } });
      await plugin.delete(TYPE, "step", stored);
      assert.equal(readFileSync(join(directory, "removed"), "utf8"), "gone\n");
      await assert.rejects(plugin.delete(TYPE, "step", await create({ create: "true", delete: "exit 4" })), /exit status 4/);
    });

    test("a refresh runs nothing and changes nothing", async () => {
      const stored = await create({ create: "echo x" });
      assert.deepEqual(await plugin.read(TYPE, "step", stored), stored);
    });

    test("output is logged line by line as status, of the streams asked for", async () => {
      const lines = async (logging: string): Promise<string[]> => {
        plugin.logs.length = 0;
        await create({ create: "echo out; sleep 0.1; echo err >&2; sleep 0.1; printf last", logging });
        const wanted = { none: 0, stderr: 1, stdout: 2, stdoutAndStderr: 3 }[logging] ?? 0;
        await until(() => plugin.logs.length >= wanted, `${wanted} lines of log`);
        assert.ok(plugin.logs.every((line) => line.ephemeral && line.urn === plugin.urn(TYPE, "step")));
        return plugin.logs.map((line) => line.message).sort();
      };
      assert.deepEqual(await lines("none"), []);
      assert.deepEqual(await lines("stdout"), ["last", "out"]);
      assert.deepEqual(await lines("stderr"), ["err"]);
      assert.deepEqual(await lines("stdoutAndStderr"), ["err", "last", "out"]);
    });

    test("a child that keeps the output open holds the command", async () => {
      const began = performance.now();
      await create({ create: "(sleep 1; echo late) & echo early" });
      assert.ok(performance.now() - began > 900);
    });

    test("cancel kills the shell at once, not its children, and refuses further commands", async () => {
      await withPlugin(subject, async (own) => {
        await own.configure();
        const running = assert.rejects(own.create(TYPE, "step", { create: "trap 'touch trapped' TERM INT; touch started; (sleep 1; touch orphan); touch finished" }), /signal: killed/);
        await until(() => exists(join(directory, "started")), "the command to start");
        await own.cancel();
        await running;
        await until(() => exists(join(directory, "orphan")), "the orphan to finish");
        assert.deepEqual([exists(join(directory, "trapped")), exists(join(directory, "finished"))], [false, false]);
        await assert.rejects(own.create(TYPE, "step", { create: "true" }), /context canceled/);
      }, { cwd: directory });
    });
  });
}

test("the stand-in says so where the real provider would hang on a long line", async () => {
  const [standin] = subjects("command");
  assert.ok(standin);
  await withPlugin(standin, async (plugin) => {
    await plugin.configure();
    const long = { create: "head -c 70000 /dev/zero | tr '\\0' x" };
    await assert.rejects(plugin.create(TYPE, "step", long), /longer than 64 KiB, which hangs the real provider/);
    assert.equal(String((await plugin.create(TYPE, "step", { ...long, logging: "none" })).outputs["stdout"]).length, 70000);
  });
});

function exists(path: string): boolean {
  try {
    readFileSync(path);
    return true;
  } catch {
    return false;
  }
}
