/** NoExecute taints: who tolerates one for a time goes when it is over, and stays when the taint goes first. */
import t from "tap";
import type { Node } from "#api/generated/types.js";
import { nodes } from "#api/refs.js";
import { proves } from "#test/proves.js";
import { openLab, pod } from "../lab-session.js";
import { nodeTest, PodWatch, sh, WAIT } from "../pod-watch.js";

const NODE = "node-2";
const session = await openLab(t);
const ns = await session.namespace(t, "taint-eviction");
const watch = await PodWatch.open(t, ns);

const tolerating = (name: string, seconds: Record<string, number | undefined>) =>
  pod(name, sh(WAIT), {
    nodeName: NODE,
    tolerations: Object.entries(seconds).map(([key, tolerationSeconds]) => ({
      key: `taint-eviction/${key}`,
      operator: "Exists",
      effect: "NoExecute",
      tolerationSeconds,
    })),
  });
const taint = (key: string, off = "") =>
  session.kubectl(["taint", "node", NODE, `taint-eviction/${key}${off ? "" : "=yes"}:NoExecute${off}`]);
t.teardown(async () => {
  const { spec } = await watch.client.get<Node>(nodes, NODE);
  const left = (spec.taints ?? []).filter(({ key }) => key.startsWith("taint-eviction/"));
  for (const { key } of left) await session.kubectl(["taint", "node", NODE, `${key}:NoExecute-`]);
});

t.test("taints come, and one of them goes again", async (t) => {
  proves(t, nodeTest("NoExecuteTaintManager Single Pod [Serial] removing taint cancels eviction [Disruptive]"));
  proves(
    t,
    nodeTest("NoExecuteTaintManager Multiple Pods [Serial] evicts pods with minTolerationSeconds [Disruptive]"),
  );
  // Gone at 3 s and 9 s; what would have to go at 6 s stays, because its taint went before.
  await watch.createAll([
    tolerating("first", { lasting: 3, passing: undefined }),
    tolerating("second", { lasting: 9, passing: undefined }),
    tolerating("spared", { lasting: undefined, passing: 6 }),
  ]);
  await Promise.all(["first", "second", "spared"].map((name) => watch.ready(name)));
  const began = Date.now();
  // One after the other: kubectl sends the whole list of taints as it knew it.
  await taint("lasting");
  await taint("passing");
  await watch.gone("first");
  await taint("passing", "-");
  t.ok(Date.now() - began >= 3000);
  await watch.gone("second");
  t.ok(Date.now() - began >= 9000);
  t.notOk(watch.history("spared").some(({ metadata }) => metadata.deletionTimestamp));
});
