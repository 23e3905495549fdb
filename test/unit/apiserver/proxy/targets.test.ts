import t from "tap";
import type { KubeletConnections } from "#apiserver/kubelet/kubelet-connection.js";
import { nodeTargets } from "#apiserver/proxy/node-target.js";
import { podTargets } from "#apiserver/proxy/pod-target.js";
import { serviceTargets } from "#apiserver/proxy/service-target.js";
import { readerOf } from "#test/fixtures/object-reader.js";

const named = (kind: string, name: string, rest: object, metadata: object = {}) => ({
  ...{ apiVersion: "v1", kind, metadata: { name, namespace: "n", ...metadata } },
  ...rest,
});
const pod = (name: string, ip: string, ports: object[] = []) =>
  named("Pod", name, {
    spec: { nodeName: "n1", containers: [{}, { ports }] },
    status: { podIP: ip, podIPs: [{ ip }] },
  });
const endpoint = (name: string, ip: string, ready = true, namespace = "n") => ({
  ...{ addresses: [ip], conditions: { ready }, nodeName: "n1", targetRef: { kind: "Pod", name, namespace } },
});
const slice = (name: string, service: string, ports: object[], endpoints: object[]) =>
  named("EndpointSlice", name, { ports, endpoints }, { labels: { "kubernetes.io/service-name": service } });

const reader = readerOf(
  pod("a", "10.244.0.1", [{ containerPort: 8080 }]),
  pod("b", "10.244.0.2"),
  pod("c", "10.244.0.3"),
  pod("loop", "127.0.0.1"),
  named("Service", "web", { spec: { ports: [{ name: "http", port: 80 }, { port: 81 }] } }),
  named("Service", "hand", { spec: { ports: [{ port: 80 }] } }),
  slice("web-1", "web", [{ name: "http", port: 8080 }], [endpoint("a", "10.244.0.1"), endpoint("b", "10.244.0.2")]),
  slice("web-2", "web", [{ name: "", port: 9090 }], [endpoint("c", "10.244.0.3"), endpoint("a", "10.244.0.1", false)]),
  slice(
    "hand-1",
    "hand",
    [{ port: 80 }],
    [
      { addresses: ["192.0.2.1"], conditions: { ready: true } },
      endpoint("a", "192.0.2.2"),
      endpoint("gone", "10.244.0.9"),
      endpoint("a", "10.244.0.1", true, "other"),
    ],
  ),
  named("Node", "n1", { status: { addresses: [{ type: "InternalIP", address: "192.0.2.9" }] } }),
);
const sources = { reader, kubelets: {} as KubeletConnections };
const resource = (plural: string, name: string) => ({ group: "", version: "v1", plural, namespace: "n", name });

t.test("a Service's port by name or number, one of its ready Pods", async (t) => {
  const at = (name: string, random = 0) => serviceTargets(sources, () => random)(resource("services", name)).host;
  t.equal(at("web:http"), "10.244.0.1:8080");
  t.equal(at("https:web:http", 0.99), "10.244.0.2:8080");
  t.equal(at("web:80", 0.5), "10.244.0.2:8080");
  t.equal(at("web", 0.99), "10.244.0.3:9090", "the port without a name; the Pod that is not ready is left out");
  t.equal(at("web:81"), "10.244.0.3:9090");
  const refused = (name: string, code: number, message: string) => t.throws(() => at(name), { code, message }, name);
  refused("web:99", 503, 'no service port 99 found for service "web"');
  refused("web:none", 503, 'no endpoints available for service "web:none"');
  refused("hand", 503, 'no endpoints available for service "hand"');
  refused("none", 404, 'services "none" not found');
  refused("ftp:web:80", 400, 'invalid service request "ftp:web:80"');
});

t.test("a Pod's port, said or declared", async (t) => {
  const at = (name: string) => podTargets(sources)(resource("pods", name)).host;
  t.equal(at("a"), "10.244.0.1:8080");
  t.equal(at("a:9"), "10.244.0.1:9");
  t.equal(at("b"), "10.244.0.2:80");
  t.equal(at("https:b:"), "10.244.0.2:443");
  t.throws(() => at("none"), { code: 404, message: 'pods "none" not found' });
  t.throws(() => at("loop"), { code: 400, message: "address not allowed" });
});

t.test("a node's kubelet, or another port of it", async (t) => {
  const at = (name: string) => nodeTargets(sources)({ ...resource("nodes", name), namespace: undefined }).host;
  t.equal(at("n1"), "192.0.2.9:10250");
  t.equal(at("http:n1:9100"), "192.0.2.9:9100");
  t.throws(() => at("n2"), { code: 404, message: 'nodes "n2" not found' });
});
