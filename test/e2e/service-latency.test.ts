/** How long a new Service is without endpoints, and that a burst of them reaches every node. */
import t from "tap";
import type { Endpoints, Service } from "#api/generated/types.js";
import { endpoints, services } from "#api/refs.js";
import { startInformer } from "#client/informer.js";
import { readKubeconfig } from "#client/kubeconfig.js";
import { RestClient } from "#client/rest.js";
import { proves } from "#test/proves.js";
import { nginx, openLab, until } from "./lab-session.js";

// Upstream's numbers, its limits among them.
const TRIALS = 200;
const AT_ONCE = 15;
const LIMIT_MEDIAN_MS = 20_000;
const LIMIT_TAIL_MS = 50_000;

const session = await openLab(t);
const ns = await session.namespace(t, "latency");
const client = new RestClient({ ...readKubeconfig(session.lab.kubeconfig), userAgent: "service-latency" });
await ns.apply(nginx("web", 1));
await ns.kubectl(["rollout", "status", "deployment/web", "--timeout=120s"]);

const seen = new Map<string, number>();
const waiting = new Map<string, (at: number) => void>();
const look = ({ metadata: { name }, subsets }: Endpoints) => {
  if (seen.has(name) || !subsets?.[0]?.addresses?.length) return;
  const now = performance.now();
  seen.set(name, now);
  waiting.get(name)?.(now);
};
const informer = startInformer(client, endpoints, { namespace: ns.name });
t.teardown(() => informer.stop());
informer.addHandler({ onAdd: look, onUpdate: look });
await informer.synced;

/** Milliseconds from asking for a Service until its endpoints are seen. */
async function latency(): Promise<number> {
  const began = performance.now();
  const { metadata } = await client.create<Service>(services, {
    metadata: { generateName: "latency-svc-", namespace: ns.name },
    spec: { selector: { app: "web" }, ports: [{ protocol: "TCP", port: 80 }] },
  });
  const { name } = metadata;
  return (seen.get(name) ?? (await new Promise<number>((resolve) => waiting.set(name, resolve)))) - began;
}

t.test("two hundred Services, fifteen at a time", { timeout: 300_000 }, async (t) => {
  proves(t, "[sig-network] Service endpoints latency should not be very high [Conformance]");
  await latency();
  const taken: number[] = [];
  const worker = async () => {
    while (taken.length < TRIALS) taken.push(await latency());
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  taken.sort((a, b) => a - b);
  const percentile = (p: number) => Math.round(taken[Math.floor((taken.length * p) / 100)]!);
  t.comment(`p50 ${percentile(50)} ms, p90 ${percentile(90)} ms, p99 ${percentile(99)} ms`);
  t.ok(percentile(50) <= LIMIT_MEDIAN_MS, `median ${percentile(50)} ms`);
  t.ok(percentile(99) <= LIMIT_TAIL_MS, `tail ${percentile(99)} ms`);
});

t.test("every node serves every one of them", async (t) => {
  const addresses = (await ns.list<Service>("services")).map(({ spec }) => spec.clusterIP!).sort();
  t.ok(addresses.length > TRIALS);
  for (const node of session.lab.workers) {
    await until(`${node.name} knows them`, async () => {
      const map = await session.on(node, ["nft", "list", "map", "inet", "berth-proxy", "services"]);
      return addresses.every((ip) => map.includes(`${ip} . tcp . 80 `));
    });
    for (const ip of [addresses[0], addresses.at(-1)])
      t.match(await session.on(node, ["curl", "-s", "-m", "20", `http://${ip}/`]), /nginx/);
  }
  await ns.kubectl(["delete", "services", "--all", "--wait=false"]);
  for (const node of session.lab.workers)
    await until(`${node.name} has forgotten them`, async () => {
      const map = await session.on(node, ["nft", "list", "map", "inet", "berth-proxy", "services"]);
      return !addresses.some((ip) => map.includes(`${ip} . `));
    });
});
