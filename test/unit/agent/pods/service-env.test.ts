import t from "tap";
import { serviceVariables, variablesOf } from "#agent/pods/service-env.js";
import type { Service } from "#api/generated/types.js";
import { settle } from "#test/fixtures/fake-clock.js";
import { podOf } from "#test/fixtures/pod-objects.js";
import { service } from "#test/fixtures/services.js";

t.test("host, ports, and Docker's links", async (t) => {
  const ports = [
    { name: "http", port: 80, protocol: "TCP" },
    { name: "p", port: 53, protocol: "UDP" },
  ];
  t.same(Object.fromEntries(variablesOf(service("my-db", "10.96.0.9", { ports }))), {
    MY_DB_SERVICE_HOST: "10.96.0.9",
    MY_DB_SERVICE_PORT: "80",
    MY_DB_SERVICE_PORT_HTTP: "80",
    MY_DB_SERVICE_PORT_P: "53",
    MY_DB_PORT: "tcp://10.96.0.9:80",
    MY_DB_PORT_80_TCP: "tcp://10.96.0.9:80",
    MY_DB_PORT_80_TCP_PROTO: "tcp",
    MY_DB_PORT_80_TCP_PORT: "80",
    MY_DB_PORT_80_TCP_ADDR: "10.96.0.9",
    MY_DB_PORT_53_UDP: "udp://10.96.0.9:53",
    MY_DB_PORT_53_UDP_PROTO: "udp",
    MY_DB_PORT_53_UDP_PORT: "53",
    MY_DB_PORT_53_UDP_ADDR: "10.96.0.9",
  });
  t.equal(variablesOf(service("six", "fd00::1")).get("SIX_PORT"), "tcp://[fd00::1]:80");
  t.equal(variablesOf(service("h", "None")).size, 0, "headless");
});

t.test("which Services a Pod hears of", async (t) => {
  const known: Record<string, Service[]> = {
    default: [service("kubernetes", "10.96.0.1"), service("other", "10.96.0.2")],
    shop: [service("db", "10.96.0.3")],
  };
  const directory = { synced: Promise.resolve(), servicesIn: (namespace: string) => known[namespace] ?? [] };
  const hosts = async (enableServiceLinks?: boolean) => {
    const pod = podOf({ enableServiceLinks });
    pod.metadata.namespace = "shop";
    return [...(await serviceVariables(pod, directory)).keys()].filter((name) => name.endsWith("_HOST"));
  };
  t.same(await hosts(), ["KUBERNETES_SERVICE_HOST", "DB_SERVICE_HOST"]);
  t.same(await hosts(false), ["KUBERNETES_SERVICE_HOST"]);
});

t.test("a static Pod does not wait for the API, any other does", async (t) => {
  const directory = { synced: new Promise<void>(() => undefined), servicesIn: () => [] };
  const pod = podOf();
  const fromFile = { "kubernetes.io/config.source": "file" };
  pod.metadata = { ...pod.metadata, annotations: fromFile, resourceVersion: "" };
  t.equal((await serviceVariables(pod, directory)).size, 0);
  const ordinary = { ...pod, metadata: { ...pod.metadata, resourceVersion: "5" } };
  const waited = await Promise.race([serviceVariables(ordinary, directory), settle().then(() => "waits")]);
  t.equal(waited, "waits");
});
