import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import t, { type Test } from "tap";
import { LogLinks } from "#agent/pods/log-links.js";
import { stateOf } from "#test/fixtures/pod-objects.js";

function fixture(t: Test) {
  const folder = t.testdir({ log: {}, engine: { "id-json.log": "line\n" }, outside: { secret: "s" } });
  const root = join(folder, "log");
  const container = stateOf("main", { logPath: join(folder, "engine/id-json.log") });
  const { namespace, name, uid } = container.pod;
  const inPods = join(root, "pods", `${namespace}_${name}_${uid}`);
  const inContainers = join(root, "containers", `${name}_${namespace}_main-${container.id}.log`);
  return { folder, root, container, links: new LogLinks(root), inPods, inContainers, uid };
}

t.test("made, made again, removed one by one and with the Pod", async (t) => {
  const { root, container, links, inPods, inContainers, uid } = fixture(t);
  await links.add(container);
  await links.add(container);
  t.equal(readFileSync(inContainers, "utf8"), "line\n");
  t.equal(readlinkSync(inContainers), join(inPods, "main/0.log"));
  t.equal(readlinkSync(join(inPods, "main/0.log")), container.logPath);
  await links.remove(container);
  t.same(readdirSync(join(root, "containers")), []);
  await links.add(container);
  const foreign = join(root, "pods/other_pod_uid-9");
  mkdirSync(foreign);
  await links.removePod(uid);
  t.notOk(existsSync(inPods));
  t.same(readdirSync(join(root, "containers")), []);
  await links.removeEmptyFolders();
  t.same(readdirSync(root), ["pods"], "what is another's stays");
  t.ok(existsSync(foreign));
});

t.test("an engine that keeps no file", async (t) => {
  const { root, container, links } = fixture(t);
  await links.add({ ...container, logPath: "" });
  t.same(readdirSync(root), []);
});

t.test("what a Pod has put there is replaced, and leads nowhere", async (t) => {
  const { folder, root, container, links, inPods, inContainers, uid } = fixture(t);
  await links.add(container);
  rmSync(join(inPods, "main/0.log"));
  symlinkSync(join(folder, "outside/secret"), join(inPods, "main/0.log"));
  rmSync(inContainers);
  mkdirSync(inContainers);
  await links.add(container);
  t.equal(readlinkSync(join(inPods, "main/0.log")), container.logPath);
  t.ok(lstatSync(inContainers).isSymbolicLink());

  rmSync(inPods, { recursive: true });
  symlinkSync(join(folder, "outside"), inPods);
  await t.rejects(links.add(container), /leads out/);
  await t.rejects(links.remove(container), /leads out/);
  await links.removePod(uid);
  t.notOk(existsSync(inPods), "the link is removed");
  t.same(readdirSync(join(folder, "outside")), ["secret"], "not what it leads to");

  rmSync(join(root, "containers"), { recursive: true });
  symlinkSync(join(folder, "outside"), join(root, "containers"));
  await t.rejects(links.add(container), /leads out/);
  t.same(readdirSync(join(folder, "outside")), ["secret"]);
  writeFileSync(join(folder, "outside/secret"), "s");
});
