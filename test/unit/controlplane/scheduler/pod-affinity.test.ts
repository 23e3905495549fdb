/** Pods near others and far from them, in a cluster of two zones with two nodes each. */
import t from "tap";
import type { Pod, PodAffinityTerm } from "#api/generated/types.js";
import { NodeInfo } from "#controlplane/scheduler/node-info.js";
import { podInfo } from "#controlplane/scheduler/pod-info.js";
import { makeNode, makePod } from "#test/fixtures/objects.js";
import { everyPlugin, places as placesOf } from "#test/fixtures/scheduling.js";

const teams: Record<string, Record<string, string>> = { ns: { team: "blue" }, other: { team: "red" } };
const all = everyPlugin((name) => teams[name]);
const places = (pod: Pod, nodes: readonly NodeInfo[]) => placesOf(pod, nodes, all);
const ZONES = { n1: "east", n2: "east", n3: "west", n4: "west" };

/** @param pods on which node */
function cluster(pods: Record<string, Pod[]>): NodeInfo[] {
  return Object.entries(ZONES).map(([name, zone]) => {
    const node = new NodeInfo(makeNode(name, { labels: { zone, host: name } }));
    for (const pod of pods[name] ?? []) node.add(podInfo(pod));
    return node;
  });
}

const term = (app: string, more: Partial<PodAffinityTerm> = {}): PodAffinityTerm => ({
  topologyKey: "zone",
  labelSelector: { matchLabels: { app } },
  ...more,
});
type Rules = "podAffinity" | "podAntiAffinity";
const wants = (name: string, rules: Rules, ...terms: PodAffinityTerm[]) =>
  makePod(name, {
    labels: { app: name },
    spec: { affinity: { [rules]: { requiredDuringSchedulingIgnoredDuringExecution: terms } } },
  });
const likes = (name: string, rules: Rules, weight: number, podAffinityTerm: PodAffinityTerm) =>
  makePod(name, {
    labels: { app: name },
    spec: {
      affinity: { [rules]: { preferredDuringSchedulingIgnoredDuringExecution: [{ weight, podAffinityTerm }] } },
    },
  });
const plain = (name: string, namespace = "ns") => {
  const pod = makePod(name, { labels: { app: name } });
  return { ...pod, metadata: { ...pod.metadata, namespace } };
};

t.test("near: in the zone of those that are wanted, of all of them", async (t) => {
  const nodes = cluster({ n3: [plain("cache")] });
  t.same(places(wants("web", "podAffinity", term("cache")), nodes), ["n4"], "west; the emptier node of it");
  t.same(places(wants("web", "podAffinity", term("cache", { topologyKey: "host" })), nodes), ["n3"]);
  t.same(places(wants("web", "podAffinity", term("cache"), term("disk")), nodes), [
    "0/4 nodes are available: 4 node(s) didn't match pod affinity rules",
  ]);
  t.same(places(wants("web", "podAffinity", term("cache", { topologyKey: "rack" })), nodes), [
    "0/4 nodes are available: 4 node(s) didn't match pod affinity rules",
  ]);
});

t.test("near its own kind: the first of them may go anywhere", async (t) => {
  const group = wants("web", "podAffinity", term("web"));
  t.same(places(group, cluster({})), ["n1", "n2", "n3", "n4"]);
  const second = { ...group, metadata: { ...group.metadata, name: "web-2", uid: "uid-web-2" } };
  t.same(places(second, cluster({ n4: [group] })), ["n3"], "the next has to go where it is");
  t.same(places(wants("web", "podAffinity", term("web", { topologyKey: "rack" })), cluster({})), [
    "0/4 nodes are available: 4 node(s) didn't match pod affinity rules",
  ]);
});

t.test("far: from those that are not wanted, and from those that do not want it", async (t) => {
  const far = wants("web", "podAntiAffinity", term("cache"));
  t.same(places(far, cluster({ n1: [plain("cache")] })), ["n3", "n4"]);
  t.same(places(plain("cache"), cluster({ n1: [far] })), ["n3", "n4"]);
  t.same(places(far, cluster({ n1: [plain("cache")], n3: [plain("cache")] })), [
    "0/4 nodes are available: 4 node(s) didn't match pod anti-affinity rules",
  ]);
  t.same(places(plain("cache"), cluster({ n1: [far], n3: [far] })), [
    "0/4 nodes are available: 4 node(s) didn't satisfy existing pods anti-affinity rules",
  ]);
});

t.test("of which namespace: its own, those named, those with such labels", async (t) => {
  const nodes = cluster({ n1: [plain("cache", "other")] });
  const anywhere = ["n2", "n3", "n4"];
  const far = (more: Partial<PodAffinityTerm>) => places(wants("web", "podAntiAffinity", term("cache", more)), nodes);
  t.same(far({}), anywhere);
  t.same(far({ namespaces: ["other"] }), ["n3", "n4"]);
  t.same(far({ namespaceSelector: {} }), ["n3", "n4"], "every one");
  t.same(far({ namespaceSelector: { matchLabels: { team: "red" } } }), ["n3", "n4"]);
  t.same(far({ namespaceSelector: { matchLabels: { team: "blue" } } }), anywhere);
  t.same(far({ namespaces: ["other"], labelSelector: undefined }), anywhere, "no selector: nobody");
});

t.test("preferences of the new Pod, and of those that are there", async (t) => {
  t.same(places(likes("web", "podAffinity", 10, term("cache")), cluster({ n3: [plain("cache")] })), ["n4"]);
  t.same(places(likes("web", "podAntiAffinity", 10, term("cache")), cluster({ n3: [plain("cache")] })), ["n1", "n2"]);
  t.same(places(plain("cache"), cluster({ n3: [likes("web", "podAffinity", 10, term("cache"))] })), ["n4"]);
  t.same(places(plain("cache"), cluster({ n3: [likes("web", "podAntiAffinity", 10, term("cache"))] })), ["n1", "n2"]);
  t.same(
    places(plain("cache"), cluster({ n3: [wants("web", "podAffinity", term("cache"))] })),
    ["n4"],
    "what must be near it counts as a preference",
  );
});

t.test("the others change: a Pod that goes, or gets other labels, makes room", async (t) => {
  const nodes = cluster({ n1: [plain("cache")], n3: [plain("cache")] });
  const far = wants("web", "podAntiAffinity", term("cache"));
  const [east, , west] = nodes as [NodeInfo, NodeInfo, NodeInfo];
  east.remove("uid-cache");
  t.same(places(far, nodes), ["n1", "n2"]);
  west.add(podInfo({ ...plain("cache"), metadata: { ...plain("cache").metadata, labels: { app: "retired" } } }));
  t.same(places(far, nodes), ["n1", "n2", "n4"]);
});
