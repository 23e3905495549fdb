/** Pods from files on a node: they run, are shown by mirrors, follow their file, and can be ended by nothing else. */
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import t from "tap";
import { openLab, pod, until } from "../lab-session.js";
import { PodWatch, sh, stateOf, WAIT } from "../pod-watch.js";

const NAME = "web-node-1";
const session = await openLab(t);
const { lab } = session;
const node = lab.node("node-1");
const ns = await session.namespace(t, "static-pods");
const watch = await PodWatch.open(t, ns);
const folder = join(lab.nodeDirectory(node), "berth/manifests");
const file = join(folder, "web.yaml");

const manifest = (word: string, more: object = {}) => {
  const made = pod("web", sh(`echo ${word}; ${WAIT}`), more) as { metadata: object };
  return JSON.stringify({ ...made, metadata: { ...made.metadata, namespace: ns.name } });
};
const put = (text: string) => writeFile(file, text);
/** Between one Pod of the name and the next there is no log. */
const log = () => watch.log(NAME).catch(() => "");
const says = (word: string) => until(`the log says ${word}`, async () => (await log()) === `${word}\n`);
const running = () => session.docker(node, ["ps", "-q", "--filter", `label=io.kubernetes.pod.name=${NAME}`]);
const containers = async () => (await running()).split("\n").filter(Boolean);

t.test("a Pod of the node's own", async (t) => {
  await mkdir(folder, { recursive: true });
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  await put(manifest("first"));
  const { metadata, spec } = await watch.ready(NAME);
  t.equal(spec.nodeName, "node-1");
  t.match(metadata.annotations, { "kubernetes.io/config.source": "file", "kubernetes.io/config.mirror": /^\w+$/ });
  await says("first");
  const before = await containers();

  await t.test("deleting its mirror brings the mirror back, and nothing else happens", async (t) => {
    await watch.delete(NAME);
    const again = await watch.until(
      NAME,
      "made again",
      (found) => found.metadata.uid !== metadata.uid && stateOf(found).running,
    );
    t.match(
      again.status?.conditions?.find(({ type }) => type === "Ready"),
      { status: "True" },
    );
    t.same(await containers(), before);
  });

  await t.test("a changed file is another Pod, a bad one is none", async (t) => {
    await put(manifest("second"));
    await says("second");
    t.not((await containers()).join(), before.join());
    await put(manifest("third", { serviceAccountName: "default" }));
    await until("nothing runs", async () => (await containers()).length === 0);
    await put(manifest("fourth"));
    await says("fourth");
  });

  await t.test("without its file it goes", async () => {
    await rm(file);
    await until("nothing runs", async () => (await containers()).length === 0);
    await until("no mirror", async () => !(await ns.tryGet("pod", NAME)));
  });
});
