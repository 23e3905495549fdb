import t from "tap";
import { containerResources, oomScoreAdj } from "#agent/pods/container-resources.js";
import { containerUser } from "#agent/pods/container-user.js";
import { hostsFile } from "#agent/pods/hosts-file.js";
import { podCgroup } from "#agent/pods/pod-cgroup.js";
import { kernelHostname } from "#agent/pods/pod-hostname.js";
import { qosClass } from "#agent/pods/qos.js";
import { resolvConf as resolvConfOf } from "#agent/pods/resolv-conf.js";
import { containerOf, podOf } from "#test/fixtures/pod-objects.js";

const cluster = { servers: ["10.96.0.10"], domain: "cluster.local" };
const resolvConf = (...args: Parameters<typeof resolvConfOf>) => resolvConfOf(...args).text;
const host = "# made by someone\nnameserver 192.0.2.53\nsearch example.org\noptions timeout:1\n";

t.test("/etc/hosts", async (t) => {
  const pod = podOf({ hostname: "www", subdomain: "sub", hostAliases: [{ ip: "192.0.2.9", hostnames: ["a", "b"] }] });
  const file = hostsFile(pod, ["10.244.0.5"], "cluster.local", "");
  t.match(file, /^# Kubernetes-managed hosts file.\n127.0.0.1\tlocalhost\n/);
  t.match(file, /\n10.244.0.5\twww.sub.default.svc.cluster.local\twww\n/);
  t.match(file, /\n# Entries added by HostAliases.\n192.0.2.9\ta\tb\n$/);
  t.equal(
    hostsFile(podOf({ hostNetwork: true }), [], "x", "1.1.1.1\tone\n"),
    "# Kubernetes-managed hosts file (host network).\n1.1.1.1\tone\n",
  );
});

t.test("/etc/resolv.conf by policy", async (t) => {
  const first = "search default.svc.cluster.local svc.cluster.local cluster.local example.org\n";
  t.equal(resolvConf(podOf(), cluster, host), `${first}nameserver 10.96.0.10\noptions ndots:5\n`);
  const own = "search example.org\nnameserver 192.0.2.53\noptions timeout:1\n";
  t.equal(resolvConf(podOf({ dnsPolicy: "Default" }), cluster, host), own);
  t.equal(resolvConf(podOf(), { ...cluster, servers: [] }, host), own, "no cluster DNS: the node's");
  t.equal(resolvConf(podOf({ hostNetwork: true }), cluster, host), own);
  const dnsConfig = { nameservers: ["192.0.2.1"], searches: ["x.y"], options: [{ name: "ndots", value: "2" }] };
  t.equal(
    resolvConf(podOf({ dnsPolicy: "None", dnsConfig }), cluster, host),
    "search x.y\nnameserver 192.0.2.1\noptions ndots:2\n",
  );
  t.match(resolvConf(podOf({ dnsConfig }), cluster, host), /\noptions ndots:2\n$/, "options of the Pod win");
});

t.test("/etc/resolv.conf holds what resolvers take, and what was left out is said", async (t) => {
  const nameservers = ["192.0.2.1", "192.0.2.2", "192.0.2.3"];
  const searches = Array.from({ length: 31 }, (_, i) => `s${i}.${"x".repeat(60)}`);
  const { text, problems } = resolvConfOf(podOf({ dnsConfig: { nameservers, searches } }), cluster, host);
  t.match(text, /\nnameserver 10.96.0.10\nnameserver 192.0.2.1\nnameserver 192.0.2.2\noptions/);
  const [line = ""] = text.match(/^search (.*)/) ?? [];
  t.ok(line.split(" ").length - 1 <= 32 && line.length <= 2048 + "search ".length, `${line.length} characters`);
  t.equal(problems.length, 2);
  const applied = "10.96.0.10 192.0.2.1 192.0.2.2";
  t.equal(
    problems[0],
    `Nameserver limits were exceeded, some nameservers have been omitted, the applied nameserver line is: ${applied}`,
  );
  t.match(
    problems[1],
    /^Search Line limits were exceeded, some search paths have been omitted, the applied search line is: default.svc/,
  );
  t.same(resolvConfOf(podOf(), cluster, host).problems, []);
});

t.test("host name: short, or whole where the Pod asks for it and the kernel takes it", async (t) => {
  const pod = podOf({ hostname: "www", subdomain: "sub", setHostnameAsFQDN: true });
  t.equal(kernelHostname(pod, "cluster.local"), "www.sub.default.svc.cluster.local");
  t.match(
    hostsFile(pod, ["10.244.0.5"], "cluster.local", ""),
    /\n10.244.0.5\twww.sub.default.svc.cluster.local\twww\n/,
  );
  t.equal(kernelHostname(podOf({ hostname: "www", setHostnameAsFQDN: true }), "cluster.local"), "www", "no subdomain");
  const long = podOf({ hostname: "w".repeat(50), subdomain: "sub", setHostnameAsFQDN: true });
  t.throws(
    () => kernelHostname(long, "cluster.local"),
    /FQDN w+.sub.default.svc.cluster.local is too long \(64 characters/,
  );
});

t.test("quality of service, cgroup, shares and the OOM score", async (t) => {
  const both = { cpu: "500m", memory: "1Gi" };
  const of = (resources: object) => podOf({ containers: [containerOf("main", { resources })] });
  t.equal(qosClass(of({})), "BestEffort");
  t.equal(qosClass(of({ limits: both })), "Guaranteed");
  t.equal(qosClass(of({ limits: both, requests: { cpu: "0.5", memory: "1024Mi" } })), "Guaranteed");
  t.equal(qosClass(of({ requests: { cpu: "100m" } })), "Burstable");
  t.equal(podCgroup("/", "Guaranteed", "u"), "/kubepods/podu");
  t.equal(podCgroup("/berth/node-1", "BestEffort", "u"), "/berth/node-1/kubepods/besteffort/podu");
  t.same(containerResources(containerOf("a", { resources: { limits: both } })), {
    cpuShares: 512,
    cpuQuota: 50_000,
    cpuPeriod: 100_000,
    memoryLimit: 1 << 30,
  });
  t.match(containerResources(containerOf("a")), { cpuShares: 2, cpuQuota: undefined, memoryLimit: undefined });
  const gib = 2 ** 30;
  t.equal(oomScoreAdj("Guaranteed", containerOf("a"), gib), -997);
  t.equal(oomScoreAdj("BestEffort", containerOf("a"), gib), 1000);
  const half = containerOf("a", { resources: { requests: { memory: "512Mi" } } });
  t.equal(oomScoreAdj("Burstable", half, gib), 500);
  t.equal(oomScoreAdj("Burstable", containerOf("a"), gib), 999);
});

t.test("who a container runs as", async (t) => {
  const user = (pod: object, own: object, image = "") =>
    containerUser(podOf({ securityContext: pod }), containerOf("main", { securityContext: own }), image);
  t.same(user({ runAsUser: 1, runAsGroup: 2 }, { runAsUser: 3 }), { user: "3:2", groupAdd: [] });
  t.same(user({ fsGroup: 7, supplementalGroups: [8] }, {}), { user: undefined, groupAdd: ["8", "7"] });
  t.throws(() => user({ runAsNonRoot: true }, {}), /^container has runAsNonRoot and image will run as root \(pod: /);
  t.throws(() => user({ runAsNonRoot: true }, {}, "nginx"), /non-numeric user \(nginx\)/);
  t.throws(() => user({ runAsNonRoot: true }, { runAsUser: 0 }), /breaks non-root policy/);
  t.same(user({ runAsNonRoot: true }, {}, "101"), { user: undefined, groupAdd: [] });
});
