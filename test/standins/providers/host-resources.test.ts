import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { Plugin, subjects, withPlugin } from "./harness.ts";
import { UNKNOWN, type Props } from "./lib/values.ts";
import { docker, Scratch } from "./tiny-image.ts";

const NETWORK = "docker:index/network:Network";
const VOLUME = "docker:index/volume:Volume";
const IMAGE = "docker:index/remoteImage:RemoteImage";
const HOST = process.env["DOCKER_HOST"] ?? "unix:///var/run/docker.sock";

for (const subject of subjects("docker")) {
  describe(`networks, volumes and images, ${subject.label}`, () => {
    const scratch = new Scratch();
    let plugin: Plugin;
    before(async () => {
      plugin = await Plugin.start(subject);
      await plugin.configure({ host: HOST });
    });
    after(async () => {
      await plugin.stop();
      scratch.clean();
    });

    describe("network", () => {
      test("is made as told, refreshes clean, and goes", async () => {
        const news = { name: scratch.name("net"), internal: true, driver: "bridge", labels: [{ label: "a", value: "1" }], ipamConfigs: [{ subnet: "10.213.8.0/24", gateway: "10.213.8.1" }] };
        const stored = await plugin.create(NETWORK, "net", news);
        assert.equal(docker("network", "inspect", news.name, "--format", "{{.Id}} {{.Internal}} {{.Labels.a}} {{(index .IPAM.Config 0).Subnet}}"), `${stored.id} true 1 10.213.8.0/24`);
        assert.deepEqual([stored.outputs["name"], stored.outputs["scope"], stored.outputs["driver"]], [news.name, "local", "bridge"]);
        const read = await plugin.read(NETWORK, "net", stored);
        assert.ok(read);
        assert.equal((await plugin.diff(NETWORK, "net", read, news)).changes, "none");
        await plugin.delete(NETWORK, "net", stored);
        assert.equal(await plugin.read(NETWORK, "net", stored), undefined);
        await plugin.delete(NETWORK, "net", stored);
      });

      test("any change replaces it, deleting first when the program named it", async () => {
        const news = { name: scratch.name("fixed"), labels: [{ label: "a", value: "1" }] };
        const stored = await plugin.create(NETWORK, "fixed", news);
        const changes: Props[] = [{ labels: [{ label: "a", value: "2" }] }, { internal: true }, { ipv6: true }, { driver: "macvlan" }, { name: scratch.name("other") }, { options: { "com.docker.network.bridge.name": "x" } }];
        for (const change of changes) {
          const { replaces, deleteBeforeReplace } = await plugin.diff(NETWORK, "fixed", stored, { ...news, ...change });
          assert.deepEqual([replaces, deleteBeforeReplace], [Object.keys(change), true]);
        }
      });

      test("two of one name are refused", async () => {
        docker("network", "create", scratch.name("twice"));
        await assert.rejects(plugin.create(NETWORK, "twice", { name: scratch.name("twice") }), /Unable to create network: .*already exists/);
      });
    });

    describe("volume", () => {
      test("is made as told, refreshes clean, and goes", async () => {
        const news = { name: scratch.name("vol"), labels: [{ label: "a", value: "1" }] };
        const stored = await plugin.create(VOLUME, "vol", news);
        assert.equal(docker("volume", "inspect", news.name, "--format", "{{.Labels.a}}"), "1");
        assert.deepEqual([stored.id, stored.outputs["driver"]], [news.name, "local"]);
        assert.match(String(stored.outputs["mountpoint"]), /_data$/);
        const read = await plugin.read(VOLUME, "vol", stored);
        assert.ok(read);
        assert.equal((await plugin.diff(VOLUME, "vol", read, news)).changes, "none");
        await plugin.delete(VOLUME, "vol", stored);
        assert.equal(await plugin.read(VOLUME, "vol", stored), undefined);
        await plugin.delete(VOLUME, "vol", stored);
      });

      test("of an existing name is adopted as it is", async () => {
        docker("volume", "create", "--label", "found=yes", scratch.name("adopted"));
        const stored = await plugin.create(VOLUME, "adopted", { name: scratch.name("adopted") });
        assert.equal(stored.id, scratch.name("adopted"));
        assert.equal(docker("volume", "inspect", stored.id, "--format", "{{.Labels.found}}"), "yes");
      });

      test("any change, a label's too, replaces it and so its data", async () => {
        const news = { name: scratch.name("data"), labels: [{ label: "a", value: "1" }] };
        const stored = await plugin.create(VOLUME, "data", news);
        const changes: Props[] = [{ labels: [{ label: "a", value: "2" }] }, { driverOpts: { type: "tmpfs" } }, { name: scratch.name("other") }];
        for (const change of changes) {
          const { replaces, deleteBeforeReplace } = await plugin.diff(VOLUME, "data", stored, { ...news, ...change });
          assert.deepEqual([[...new Set(replaces)], deleteBeforeReplace], [Object.keys(change), true]);
        }
      });

      test("without a name of its own is replaced create before delete, and keeps its name when the program drops it", async () => {
        const checked = await plugin.check(VOLUME, scratch.name("auto"), {});
        assert.match(String(checked["name"]), new RegExp(`^${scratch.name("auto")}-[0-9a-f]{7}$`));
        const stored = await plugin.create(VOLUME, scratch.name("auto"), {});
        assert.equal((await plugin.diff(VOLUME, scratch.name("auto"), stored, { labels: [{ label: "a", value: "1" }] })).deleteBeforeReplace, false);
        const named = await plugin.create(VOLUME, "named", { name: scratch.name("named") });
        assert.equal((await plugin.diff(VOLUME, "named", named, {})).changes, "none");
      });
    });

    describe("image", () => {
      test("is found on the daemon without a pull, and kept when told so", async () => {
        const name = scratch.image();
        const stored = await plugin.create(IMAGE, "image", { name, keepLocally: true });
        const id = docker("image", "inspect", name, "--format", "{{.Id}}");
        assert.deepEqual([stored.id, stored.outputs["imageId"], stored.outputs["repoDigest"]], [`${id}${name}`, id, ""]);
        const read = await plugin.read(IMAGE, "image", stored);
        assert.ok(read);
        assert.equal((await plugin.diff(IMAGE, "image", read, { name, keepLocally: true })).changes, "none");
        await plugin.delete(IMAGE, "image", stored);
        assert.equal(docker("image", "inspect", name, "--format", "{{.Id}}"), id);
      });

      test("is removed by name when it need not be kept, and then gone", async () => {
        const name = `${scratch.prefix}-copy:1`;
        docker("tag", scratch.image(), name);
        const stored = await plugin.create(IMAGE, "copy", { name });
        await plugin.delete(IMAGE, "copy", stored);
        assert.throws(() => docker("image", "inspect", name));
        assert.equal(await plugin.read(IMAGE, "copy", stored), undefined);
      });

      test("name and triggers replace it, create before delete; keepLocally does not", async () => {
        const news = { name: scratch.image(), keepLocally: true };
        const stored = await plugin.create(IMAGE, "image", news);
        const changes: Props[] = [{ name: "other:1" }, { pullTriggers: ["a"] }, { triggers: { a: "b" } }];
        for (const change of changes) {
          const { replaces, deleteBeforeReplace } = await plugin.diff(IMAGE, "image", stored, { ...news, ...change });
          assert.deepEqual([replaces, deleteBeforeReplace], [Object.keys(change), false]);
        }
        assert.deepEqual((await plugin.diff(IMAGE, "image", stored, { ...news, keepLocally: false })).replaces, []);
      });

      test("that is nowhere is an error that names it", async () => {
        await assert.rejects(plugin.create(IMAGE, "none", { name: `${scratch.prefix}-none:1` }), new RegExp(`unable to pull image ${scratch.prefix}-none:1`));
      });
    });

    test("a preview of a create makes nothing; names are known, what the daemon decides is not", async () => {
      const unknowns = async (type: string, news: Props): Promise<string[]> => {
        const outputs = await plugin.previewCreate(type, "planned", { name: scratch.name("planned"), ...news });
        assert.equal(outputs["name"], scratch.name("planned"));
        return Object.keys(outputs).filter((key) => key !== "id" && outputs[key] === UNKNOWN).sort();
      };
      assert.deepEqual(await unknowns(NETWORK, {}), ["driver", "internal", "ipamConfigs", "options", "scope"]);
      assert.deepEqual(await unknowns(VOLUME, {}), ["driver", "mountpoint"]);
      assert.deepEqual(await unknowns(IMAGE, {}), ["imageId", "repoDigest"]);
      assert.throws(() => docker("network", "inspect", scratch.name("planned")));
    });
  });

  test(`a provider whose daemon does not answer fails every preview, ${subject.label}`, async () => {
    await withPlugin(subject, async (plugin) => {
      await assert.rejects(plugin.configure({ host: "unix:///nonexistent/docker.sock" }), /failed to connect to any docker daemon/);
    });
  });
}

describe("state of the stand-in and of the real plug-in", () => {
  const scratch = new Scratch();
  after(() => scratch.clean());
  const [standin] = subjects("docker");
  assert.ok(standin);
  const news = { name: scratch.name("sealed") };

  test("of the real one is refused by the stand-in, in a preview, a refresh and a delete", async () => {
    await withPlugin(standin, async (plugin) => {
      await plugin.configure({ host: HOST });
      const { id, inputs, outputs } = await plugin.create(VOLUME, "sealed", news);
      // What the real one keeps there for a volume (docker 5.1.0).
      const foreign = { id, inputs, outputs: { ...outputs, __meta: '{"schema_version":"1"}' } };
      await assert.rejects(plugin.diff(VOLUME, "sealed", foreign, news), /made by the real docker plug-in/);
      await assert.rejects(plugin.read(VOLUME, "sealed", foreign), /made by the real docker plug-in/);
      await assert.rejects(plugin.delete(VOLUME, "sealed", foreign), /made by the real docker plug-in/);
    });
    assert.equal(docker("volume", "inspect", scratch.name("sealed"), "--format", "{{.Name}}"), scratch.name("sealed"));
  });

  for (const real of subjects("docker").slice(1)) {
    test("of the stand-in is refused by the real one, with a sentence that says why", async () => {
      await withPlugin(standin, async (plugin) => {
        await plugin.configure({ host: HOST });
        const stored = await plugin.create(VOLUME, "sealed", news);
        await withPlugin(real, async (other) => {
          await other.configure({ host: HOST });
          const refusal = /written by the stand-in docker provider/;
          await assert.rejects(other.diff(VOLUME, "sealed", stored, news), refusal);
          await assert.rejects(other.read(VOLUME, "sealed", stored), refusal);
          await assert.rejects(other.delete(VOLUME, "sealed", stored), refusal);
        });
      });
    });
  }
});
