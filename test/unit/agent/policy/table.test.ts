/** From policies and pods to the table, and from one table to the next. */
import t from "tap";
import type { AttachedPod } from "#agent/network/network.js";
import { PodGroups } from "#agent/policy/pod-groups.js";
import { change, replacement } from "#agent/policy/table-change.js";
import { type TableContent, tableContent } from "#agent/policy/table-content.js";
import type { Namespace, NetworkPolicy, PodPeer } from "#api/generated/types.js";
import { keyOf } from "#api/object.js";
import { namespace, peer, policy } from "#test/fixtures/policies.js";

const T = "inet berth-policy";

/** A node that follows a cluster of literals. */
class Node {
  readonly peers = new Map<string, PodPeer>();
  readonly namespaces = new Map<string, Namespace>();
  readonly policies = new Map<string, NetworkPolicy>();
  readonly attached = new Map<string, AttachedPod>();
  content: TableContent = { sets: new Map(), chains: new Map() };
  readonly groups = new PodGroups({
    namespaces: () => [...this.namespaces.values()],
    namespace: (name) => this.namespaces.get(name),
    podsIn: (name) => [...this.peers.values()].filter(({ metadata }) => metadata.namespace === name),
    pod: (key) => this.peers.get(key),
    addressesOf: ({ metadata, addresses = [] }) =>
      [...this.attached.values()].find(({ uid }) => uid === metadata.uid)?.ips ?? addresses,
  });

  constructor() {
    for (const [name, labels] of [
      ["default", {}],
      ["remote", { team: "a" }],
    ] as const)
      this.namespaces.set(name, namespace(name, labels));
    this.next();
  }

  pod(object: PodPeer, local = false): void {
    this.peers.set(keyOf(object), object);
    this.groups.podChanged(keyOf(object));
    const { name, namespace = "", uid } = object.metadata;
    if (local) this.attached.set(uid, { name, namespace, uid, ips: object.addresses ?? [] });
  }

  /** What it takes to get there. */
  next(): string[] {
    const after = tableContent({
      families: [4],
      attachedPods: [...this.attached.values()],
      peerOf: (pod) => [...this.peers.values()].find(({ metadata }) => metadata.uid === pod.uid),
      policiesIn: (name) => [...this.policies.values()].filter(({ metadata }) => metadata.namespace === name),
      elementsOf: (set) => this.groups.elements(set),
    });
    this.groups.sweep();
    const { script } = change(this.content, after);
    this.content = after;
    return script.map((line) => line.replaceAll(T, "T").replace(/-[0-9a-f]{12}/g, "-#"));
  }
}

const web = { matchLabels: { app: "web" } };
const allow = policy("allow", {
  podSelector: web,
  ingress: [{ from: [{ podSelector: { matchLabels: { app: "c" } } }] }],
});

t.test("a policy about a pod of this node", async (t) => {
  const node = new Node();
  node.pod(peer("web", "10.244.1.2"), true);
  node.pod(peer("c", "10.244.2.2"));
  t.same(node.next(), [], "no policy, nothing to do");
  node.policies.set("allow", allow);
  t.same(node.next(), [
    "add set T pods-# { type ipv4_addr; }",
    'add chain T ingress-# { comment "default/allow"; }',
    'add chain T isolated-ingress-# { comment "default/allow"; }',
    "add rule T ingress-# ip saddr @pods-# accept",
    "add rule T isolated-ingress-# jump ingress-#",
    "add rule T isolated-ingress-# drop",
    "add element T ingress { 10.244.1.2 : goto isolated-ingress-# }",
    "add element T self { 10.244.1.2 . 10.244.1.2 }",
    "add element T pods-# { 10.244.2.2 }",
  ]);
  node.pod(peer("c2", "10.244.2.3", { labels: { app: "c" } }));
  t.same(node.next(), ["add element T pods-# { 10.244.2.3 }"], "another peer");
  node.pod(peer("c2", "10.244.2.3", { labels: { app: "d" } }));
  t.same(node.next(), ["delete element T pods-# { 10.244.2.3 }"], "which it ceases to be");
  node.pod(peer("web2", "10.244.1.3", { labels: { app: "web" } }), true);
  t.same(
    node.next(),
    [
      "add element T ingress { 10.244.1.3 : goto isolated-ingress-# }",
      "add element T self { 10.244.1.3 . 10.244.1.3 }",
    ],
    "another pod of the same policies shares their chains",
  );
  const other = policy("allow", { podSelector: web, ingress: [{ ports: [{ port: 80 }] }] });
  node.policies.set("allow", other);
  t.same(
    node.next(),
    ["flush chain T ingress-#", "add rule T ingress-# meta l4proto tcp th dport { 80 } accept", "delete set T pods-#"],
    "other rules",
  );
  node.policies.delete("allow");
  t.same(
    node.next(),
    [
      "delete element T ingress { 10.244.1.2, 10.244.1.3 }",
      "delete element T self { 10.244.1.2 . 10.244.1.2, 10.244.1.3 . 10.244.1.3 }",
      "flush chain T ingress-#",
      "flush chain T isolated-ingress-#",
      "delete chain T ingress-#",
      "delete chain T isolated-ingress-#",
    ],
    "the last policy leaves nothing",
  );
});

t.test("policies about pods of other nodes, and of other directions, are no business of this one", async (t) => {
  const node = new Node();
  node.pod(peer("web", "10.244.2.2"));
  node.pod(peer("mine", "10.244.1.2"), true);
  node.policies.set("allow", allow);
  node.policies.set("remote", policy("deny", {}, "remote"));
  t.same(node.next(), []);
  node.policies.set("out", policy("out", { egress: [] }));
  t.same(node.next(), [
    'add chain T egress-# { comment "default/out"; }',
    'add chain T isolated-egress-# { comment "default/out"; }',
    "add rule T isolated-egress-# jump egress-#",
    "add rule T isolated-egress-# drop",
    "add element T egress { 10.244.1.2 : goto isolated-egress-# }",
    "add element T self { 10.244.1.2 . 10.244.1.2 }",
  ]);
});

t.test("a pod that two policies select is asked for by both; one that none knows is closed", async (t) => {
  const node = new Node();
  node.pod(peer("web", "10.244.1.2"), true);
  node.policies.set("a", policy("a", { ingress: [{}] }));
  node.next();
  node.policies.set("b", policy("b", {}));
  const script = node.next();
  t.ok(script.includes('add chain T isolated-ingress-# { comment "default/a default/b"; }'));
  t.equal(script.filter((line) => / jump /.test(line)).length, 2);
  node.peers.clear();
  node.policies.clear();
  t.match(node.next(), [
    "delete element T ingress { 10.244.1.2 }",
    "add element T ingress { 10.244.1.2 : goto closed }",
    "add element T egress { 10.244.1.2 : goto closed }",
  ]);
});

t.test("named ports follow the pods", async (t) => {
  const node = new Node();
  const ports = (port: number) => [{ name: "http", port, protocol: "TCP" }];
  node.pod(peer("web", "10.244.1.2", { ports: ports(80) }), true);
  node.policies.set("p", policy("p", { podSelector: web, ingress: [{ ports: [{ port: "http", protocol: "TCP" }] }] }));
  t.match(node.next().at(-1), "add element T ports-# { 10.244.1.2 . tcp . 80 }");
  node.pod(peer("web", "10.244.1.2", { ports: ports(81) }), true);
  t.same(node.next(), [
    "delete element T ports-# { 10.244.1.2 . tcp . 80 }",
    "add element T ports-# { 10.244.1.2 . tcp . 81 }",
  ]);
});

t.test("a namespace's labels", async (t) => {
  const node = new Node();
  node.pod(peer("web", "10.244.1.2"), true);
  node.pod(peer("x", "10.244.2.2", { namespace: "remote" }));
  const team = { namespaceSelector: { matchLabels: { team: "b" } } };
  node.policies.set("p", policy("p", { ingress: [{ from: [team] }] }));
  node.next();
  node.namespaces.set("remote", namespace("remote", { team: "b" }));
  node.groups.namespaceChanged();
  t.same(node.next(), ["add element T pods-# { 10.244.2.2 }"]);
});

t.test("the whole table takes the place of what there was, in one script", async (t) => {
  const node = new Node();
  node.pod(peer("web", "10.244.1.2"), true);
  node.policies.set("allow", allow);
  node.next();
  const { script } = replacement(node.content);
  t.same(script.slice(0, 2), [`add table ${T}`, `delete table ${T}`]);
  t.match(script[2], /hook forward priority filter \+ 10; policy accept;\s+jump pass/);
  t.same(
    change({ sets: new Map(), chains: new Map() }, node.content).script,
    script.slice(3),
    "everything that is not the layout follows",
  );
});
