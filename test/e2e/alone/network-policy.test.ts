/** Network policies on two nodes, with real Pods: what the contract test shows in the small, end to end. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import t, { type Test } from "tap";
import type { Pod } from "#api/generated/types.js";
import { stopProcess } from "#scripts/lab/processes.js";
import { startAgent } from "#scripts/lab/up.js";
import { type NamespaceSession, openLab, until } from "../lab-session.js";

const session = await openLab(t);
const { lab } = session;
const [nodeA, nodeB] = lab.workers as [(typeof lab.workers)[number], (typeof lab.workers)[number]];

/** Answers on 80, 81 and 8080, echoes on 7. */
const SERVE = "for port in 80 81 8080; do nc -ll -p $port -e echo yes & done; exec nc -ll -p 7 -e cat";
const probe = { tcpSocket: { port: 80 }, periodSeconds: 1, failureThreshold: 2 };

function server(name: string, node: string, labels: object = {}) {
  const ports = [{ name: "http", containerPort: 80 }];
  const container = {
    ...{ name: "main", image: "busybox:latest", imagePullPolicy: "IfNotPresent", ports, readinessProbe: probe },
    command: ["sh", "-c", SERVE],
  };
  const spec = { nodeName: node, terminationGracePeriodSeconds: 0, containers: [container] };
  return { apiVersion: "v1", kind: "Pod", metadata: { name, labels: { app: name, ...labels } }, spec };
}

const policy = (name: string, spec: object) => ({
  apiVersion: "networking.k8s.io/v1",
  kind: "NetworkPolicy",
  metadata: { name },
  spec: { podSelector: {}, ...spec },
});

class World {
  readonly #pods = new Map<string, Pod>();

  constructor(
    readonly near: NamespaceSession,
    readonly far: NamespaceSession,
  ) {}

  async refresh(): Promise<void> {
    for (const ns of [this.near, this.far])
      for (const pod of await ns.list<Pod>("pods")) this.#pods.set(pod.metadata.name, pod);
  }

  ip(name: string): string {
    return this.#pods.get(name)?.status?.podIP ?? "";
  }

  /** Which "pod:port" the pod reaches, of those given; all are tried at a time. */
  async reached(from: string, targets: readonly string[]): Promise<string[]> {
    const tries = targets.map((target) => {
      const [name = "", port = ""] = target.split(":");
      return `(nc -w 1 ${this.ip(name) || name} ${port} </dev/null | grep -q yes && echo ${target}) &`;
    });
    const { status } = this.#pods.get(from) as Pod;
    const id = status?.containerStatuses?.[0]?.containerID?.replace("docker://", "") ?? "";
    const node = this.#pods.get(from)?.spec.nodeName === nodeA.name ? nodeA : nodeB;
    const text = await session.docker(node, ["exec", id, "sh", "-c", `${tries.join(" ")} wait`]);
    return text.split("\n").filter(Boolean).sort();
  }

  /** Waits until exactly `may` of all targets are reached: a change takes effect on both nodes in its own time. */
  async expect(t: Test, from: string, may: readonly string[], mayNot: readonly string[], text: string): Promise<void> {
    const wanted = [...may].sort();
    let got: string[] = [];
    await until(
      text,
      async () => {
        got = await this.reached(from, [...may, ...mayNot]);
        return JSON.stringify(got) === JSON.stringify(wanted);
      },
      60_000,
    ).catch(() => undefined);
    t.same(got, wanted, `${text}: from ${from}`);
  }
}

t.test("policies between Pods of two nodes", async (t) => {
  const near = await session.namespace(t, "policy");
  const far = await session.namespace(t, "policy-far");
  const world = new World(near, far);
  await near.apply(server("web", nodeA.name), server("mate", nodeA.name), server("remote", nodeB.name));
  await far.apply(server("stranger", nodeB.name));
  for (const ns of [near, far]) await ns.kubectl(["wait", "pod", "--all", "--for=condition=Ready", "--timeout=180s"]);
  await session.kubectl(["label", "namespace", "policy-far", "team=far"]);
  await world.refresh();
  const clients = ["mate", "remote", "stranger"];
  for (const client of clients) await world.expect(t, client, ["web:80"], [], "no policy");

  await t.test("default deny; probes go on", async (t) => {
    await near.apply(policy("deny", { policyTypes: ["Ingress"] }));
    for (const client of clients) await world.expect(t, client, [], ["web:80"], "default deny");
    await world.expect(t, "web", ["stranger:80"], [], "and out");
    await near.apply(server("late", nodeA.name));
    await near.kubectl(["wait", "pod", "late", "--for=condition=Ready", "--timeout=180s"]);
    await world.refresh();
    t.same(await world.reached("stranger", ["late:80"]), [], "a new Pod is closed from the first moment");
    // A probe may be late; one that is not let in never comes.
    await near.kubectl(["wait", "pod", "--all", "--for=condition=Ready", "--timeout=180s"]);
  });

  await t.test("by labels of Pods and namespaces, which may change", async (t) => {
    const allow = (from: object) =>
      near.apply(policy("allow", { podSelector: { matchLabels: { app: "web" } }, ingress: [{ from: [from] }] }));
    await allow({ podSelector: { matchLabels: { role: "client" } } });
    await near.kubectl(["label", "pod", "mate", "remote", "role=client"]);
    await world.expect(t, "mate", ["web:80"], ["late:80"], "own namespace, same node");
    await world.expect(t, "remote", ["web:80"], ["late:80"], "own namespace, other node");
    await world.expect(t, "stranger", [], ["web:80"], "another namespace");
    await near.kubectl(["label", "pod", "remote", "role-"]);
    await world.expect(t, "remote", [], ["web:80"], "without the label");
    await allow({
      namespaceSelector: { matchLabels: { team: "far" } },
      podSelector: { matchLabels: { app: "stranger" } },
    });
    await world.expect(t, "stranger", ["web:80"], [], "a Pod of a namespace");
    await world.expect(t, "mate", [], ["web:80"], "not the own one");
    await session.kubectl(["label", "namespace", "policy-far", "team-"]);
    await world.expect(t, "stranger", [], ["web:80"], "the namespace loses its label");
    await session.kubectl(["label", "namespace", "policy-far", "team=far"]);
    await near.kubectl(["delete", "networkpolicy", "allow"]);
  });

  await t.test("ports by number, range and name; blocks with exceptions", async (t) => {
    const allow = (rule: object) =>
      near.apply(policy("allow", { podSelector: { matchLabels: { app: "web" } }, ingress: [rule] }));
    const ports = ["web:80", "web:81", "web:8080"] as const;
    await allow({ ports: [{ port: 81 }] });
    await world.expect(t, "stranger", ["web:81"], ["web:80", "web:8080"], "number");
    await allow({ ports: [{ port: 81, endPort: 8080 }] });
    await world.expect(t, "stranger", ["web:81", "web:8080"], ["web:80"], "range");
    await allow({ ports: [{ port: "http" }] });
    await world.expect(t, "stranger", ["web:80"], ["web:81"], "name");
    const block = (except: string[]) => allow({ from: [{ ipBlock: { cidr: "10.244.0.0/16", except } }] });
    await block([`${world.ip("stranger")}/32`]);
    await world.expect(t, "stranger", [], ports, "in the exception");
    await world.expect(t, "remote", ports, [], "beside it");
    await near.kubectl(["delete", "networkpolicy", "allow"]);
  });

  await t.test("egress: DNS only, then a Pod through its Service", async (t) => {
    const service = { selector: { app: "stranger" }, ports: [{ port: 8000, targetPort: 80 }] };
    await far.apply({ apiVersion: "v1", kind: "Service", metadata: { name: "svc" }, spec: service });
    const { spec } = await far.get<{ metadata: Pod["metadata"]; spec: { clusterIP: string } }>("service", "svc");
    const svc = `${spec.clusterIP}:8000`;
    const mate = { podSelector: { matchLabels: { app: "mate" } } };
    await world.expect(t, "mate", [svc, "stranger:80"], [], "no egress policy");
    const dns = {
      ports: [
        { protocol: "UDP", port: 53 },
        { protocol: "TCP", port: 53 },
      ],
    };
    await near.apply(policy("out", { ...mate, policyTypes: ["Egress"], egress: [dns] }));
    await world.expect(t, "mate", [], [svc, "stranger:80"], "DNS only");
    const to = [{ namespaceSelector: { matchLabels: { team: "far" } } }];
    await near.apply(policy("out", { ...mate, policyTypes: ["Egress"], egress: [dns, { to, ports: [{ port: 80 }] }] }));
    await world.expect(t, "mate", [svc, "stranger:80"], ["stranger:81"], "and the Pod's port");
    await near.kubectl(["delete", "networkpolicy", "out"]);
  });

  await t.test("kill -9 of the agent: rules stay, open connections too", async (t) => {
    await near.kubectl(["delete", "networkpolicy", "deny"]);
    await world.expect(t, "remote", ["web:80"], [], "open");
    const { status } = (await near.get<Pod>("pod", "remote")) as Pod;
    const id = status?.containerStatuses?.[0]?.containerID?.replace("docker://", "") ?? "";
    const args = ["-H", `unix://${lab.dockerSocket(nodeB)}`, "exec", "-i", id, "nc", world.ip("web"), "7"];
    const open = spawn("docker", args, { stdio: ["pipe", "pipe", "ignore"] });
    const say = async (text: string) => {
      open.stdin.write(`${text}\n`);
      return String(((await once(open.stdout, "data")) as [Buffer])[0]).trim();
    };
    t.equal(await say("before"), "before");
    await near.apply(policy("deny", { policyTypes: ["Ingress"] }));
    await world.expect(t, "remote", [], ["web:80"], "denied");
    await stopProcess(lab, nodeA, "agent", "SIGKILL");
    t.same(await world.reached("remote", ["web:80"]), [], "without an agent");
    t.equal(await say("killed"), "killed");
    await startAgent(lab, nodeA);
    await near.apply(policy("deny", { policyTypes: ["Ingress"], ingress: [{ ports: [{ port: 81 }] }] }));
    await world.expect(t, "remote", ["web:81"], ["web:80"], "the new agent follows");
    t.equal(await say("after"), "after");
    open.kill();
  });
});

t.test("policies that are gone leave nothing behind", async (t) => {
  for (const node of lab.workers) {
    await until(`${node.name}: an empty table`, async () => {
      const table = await session.on(node, ["nft", "list", "table", "inet", "berth-policy"]);
      return !/isolated|goto|@pods/.test(table);
    });
  }
  t.pass("on every node");
});
