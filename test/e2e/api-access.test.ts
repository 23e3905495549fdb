/** How Pods reach the API: tokens of their service accounts, the cluster's authority, and clients that use both. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import t from "tap";
import type { ConfigMap, Pod, TokenReview, Volume } from "#api/generated/types.js";
import { logFile } from "#scripts/lab/processes.js";
import { run } from "#scripts/run.js";
import { proves } from "#test/proves.js";
import { openLab, pod, until } from "./lab-session.js";
import { runCases } from "./volume-cases.js";

const REVIEWS = "/apis/authentication.k8s.io/v1/tokenreviews";
const ACCESS = "/var/run/secrets/kubernetes.io/serviceaccount";
const session = await openLab(t);
const ns = await session.namespace(t, "api-access");
const sleeper = { command: ["sh", "-c", "trap 'exit 0' TERM; while :; do sleep 0.2; done"] };
const account = (name: string, automount?: boolean) => ({
  apiVersion: "v1",
  kind: "ServiceAccount",
  metadata: { name },
  automountServiceAccountToken: automount,
});

async function review(token: string, audiences?: string[]): Promise<NonNullable<TokenReview["status"]>> {
  const body = { apiVersion: "authentication.k8s.io/v1", kind: "TokenReview", spec: { token, audiences } };
  return JSON.parse(await session.kubectl(["create", "--raw", REVIEWS, "-f", "-"], JSON.stringify(body))).status;
}

t.test("a Pod is its service account", async (t) => {
  await ns.apply(account("robot"), pod("robot", sleeper, { serviceAccountName: "robot" }));
  await ns.kubectl(["wait", "--for=condition=Ready", "pod/robot", "--timeout=60s"]);
  const read = (file: string) => ns.kubectl(["exec", "robot", "--", "cat", `${ACCESS}/${file}`]);
  const token = await read("token");
  const found = await ns.get<Pod>("pod", "robot");

  await t.test("token, authority and namespace are mounted", async (t) => {
    proves(t, "[sig-auth] ServiceAccounts should mount an API token into pods [Conformance]");
    t.match(await review(token), {
      authenticated: true,
      user: {
        username: "system:serviceaccount:api-access:robot",
        groups: ["system:serviceaccounts", "system:serviceaccounts:api-access", "system:authenticated"],
        extra: {
          "authentication.kubernetes.io/pod-name": ["robot"],
          "authentication.kubernetes.io/pod-uid": [found.metadata.uid],
          "authentication.kubernetes.io/node-name": [found.spec.nodeName],
        },
      },
    });
    const { data } = await ns.get<ConfigMap>("configmap", "kube-root-ca.crt");
    t.equal(await read("ca.crt"), data?.["ca.crt"]);
    t.equal(await read("namespace"), "api-access");
  });

  await t.test("a client library in the Pod works with them", async (t) => {
    const [status] = found.status?.containerStatuses ?? [];
    const id = status?.containerID?.replace("docker://", "") ?? "";
    const inspect = ["inspect", "-f", "{{.State.Pid}}", id];
    const pid = (await session.docker(session.lab.node(found.spec.nodeName ?? ""), inspect)).trim();
    const environment = (await ns.kubectl(["exec", "robot", "--", "env"])).split("\n");
    const service = environment.filter((line) => line.startsWith("KUBERNETES_SERVICE_"));
    const program = fileURLToPath(new URL("in-cluster-client.js", import.meta.url));
    const command = ["env", ...service, process.execPath, program, `/proc/${pid}/root`];
    const result = JSON.parse(await run("nsenter", [`--net=/proc/${pid}/ns/net`, ...command], { timeoutMs: 60_000 }));
    t.match(result.gitVersion, /^v1\.35/);
    t.equal(result.userInfo.username, "system:serviceaccount:api-access:robot");
    t.match(result.refusal, /User "system:serviceaccount:api-access:robot" cannot list resource "pods"/);
  });

  await t.test("its token ends with the Pod, and is in no log", async (t) => {
    await ns.kubectl(["delete", "pod", "robot"]);
    t.match(await review(token), { error: /invalid bearer token/ });
    const { lab } = session;
    const files = [logFile(lab, lab.server, "server"), ...lab.workers.map((node) => logFile(lab, node, "agent"))];
    const logs = files.map((file) => readFileSync(file, "utf8")).join("");
    t.ok(logs.length > 0);
    const signature = token.split(".")[2] ?? token;
    t.notOk(logs.includes(signature));
  });
});

t.test("a token for somebody else", async (t) => {
  await runCases(t, ns, "tokens", [
    {
      title: "a projected token",
      proves: ["[sig-auth] ServiceAccounts should mount projected service account token [Conformance]"],
      volumes: { v: { projected: { sources: [{ serviceAccountToken: { path: "token" } }] } } },
      script: "cat /v/token; stat -Lc ' %a %u:%g' /v/token",
      output: /^[\w-]+\.[\w-]+\.[\w-]+ 644 0:0\n$/,
    },
    ...[
      { pod: { runAsUser: 1000 }, shows: "600 1000:0" },
      { pod: { fsGroup: 2000 }, shows: "640 0:2000" },
      { pod: { runAsUser: 1000, fsGroup: 2000 }, shows: "640 1000:2000" },
    ].map(({ pod, shows }) => ({
      title: `a token of a Pod with ${JSON.stringify(pod)} is read by no one else`,
      volumes: { v: { projected: { sources: [{ serviceAccountToken: { path: "token" } }] } } },
      pod,
      script: "[ -s /v/token ] && stat -Lc '%a %u:%g' /v/token",
      output: `${shows}\n`,
    })),
  ]);
  const token = async (audience: string) =>
    (await ns.kubectl(["create", "token", "default", `--audience=${audience}`])).trim();
  const vault = await token("vault");
  t.match(await review(vault), { error: /invalid bearer token/ }, "it is no token for this server");
  t.match(await review(vault, ["other", "vault"]), { authenticated: true, audiences: ["vault"] });
});

t.test("a token on request, reviewed", async (t) => {
  proves(
    t,
    "[sig-auth] ServiceAccounts should create a serviceAccountToken and ensure a successful TokenReview [Conformance]",
  );
  await ns.apply(account("asked"));
  const token = (await ns.kubectl(["create", "token", "asked", "--duration=10m"])).trim();
  t.match(await review(token), {
    authenticated: true,
    user: { username: "system:serviceaccount:api-access:asked", groups: [/^system:serviceaccounts$/] },
  });
});

t.test("Pods and accounts may do without", async (t) => {
  proves(t, "[sig-auth] ServiceAccounts should allow opting out of API token automount [Conformance]");
  const choices = { default: undefined, mount: true, nomount: false };
  const accounts = Object.entries(choices).map(([name, automount]) => account(`auto-${name}`, automount));
  const names = Object.keys(choices) as (keyof typeof choices)[];
  const combinations = names.flatMap((ofAccount) => names.map((ofPod) => ({ ofAccount, ofPod })));
  const nameOf = (c: (typeof combinations)[number]) => `opt-${c.ofAccount}-${c.ofPod}`;
  await ns.apply(
    ...accounts,
    ...combinations.map((c) =>
      pod(nameOf(c), sleeper, {
        serviceAccountName: `auto-${c.ofAccount}`,
        automountServiceAccountToken: choices[c.ofPod],
        // Only what became of the spec matters.
        schedulerName: "none",
      }),
    ),
  );
  for (const c of combinations) {
    const { spec } = await ns.get<Pod>("pod", nameOf(c));
    const wanted = choices[c.ofPod] ?? choices[c.ofAccount] ?? true;
    const mounted = spec.containers[0]?.volumeMounts?.some(({ mountPath }) => mountPath === ACCESS) ?? false;
    t.equal(mounted, wanted, nameOf(c));
  }
});

t.test("authorities of others, from ClusterTrustBundles", async (t) => {
  const root = await until("kube-root-ca.crt", () => ns.tryGet<ConfigMap>("configmap", "kube-root-ca.crt"));
  const bundle = (name: string, signerName?: string) => ({
    apiVersion: "certificates.k8s.io/v1beta1",
    kind: "ClusterTrustBundle",
    metadata: { name, labels: { of: "api-access" } },
    spec: { signerName, trustBundle: root.data?.["ca.crt"] },
  });
  t.teardown(() => session.kubectl(["delete", "clustertrustbundle", "-l", "of=api-access"]));
  await ns.apply(bundle("api-access"), bundle("api-access.test:ca:a", "api-access.test/ca"));
  const refused = await ns.tryKubectl(["create", "-f", "-"], { input: JSON.stringify(bundle("x:y")) });
  t.match(refused.stderr, /must not have ":" in its name/);
  const projection = (clusterTrustBundle: object) =>
    ({ projected: { sources: [{ clusterTrustBundle: { path: "ca.pem", ...clusterTrustBundle } }] } }) as Omit<
      Volume,
      "name"
    >;
  const count = "grep -c BEGIN /v/ca.pem";
  await runCases(t, ns, "bundles", [
    { title: "by name", volumes: { v: projection({ name: "api-access" }) }, script: count, output: "1\n" },
    {
      title: "by signer and labels",
      volumes: {
        v: projection({ signerName: "api-access.test/ca", labelSelector: { matchLabels: { of: "api-access" } } }),
      },
      script: count,
      output: "1\n",
    },
    {
      title: "optional",
      volumes: { v: projection({ name: "nope", optional: true }) },
      script: "stat -Lc %s /v/ca.pem",
      output: "0\n",
    },
  ]);
});

t.test("every namespace has the cluster's authority", async (t) => {
  proves(t, "[sig-auth] ServiceAccounts should guarantee kube-root-ca.crt exist in any namespace [Conformance]");
  const fresh = await session.namespace(t, "api-access-fresh");
  const find = () => fresh.tryGet<ConfigMap>("configmap", "kube-root-ca.crt");
  const { metadata, data } = await until("kube-root-ca.crt", find);
  t.match(data?.["ca.crt"], /^-----BEGIN CERTIFICATE-----/);
  await fresh.kubectl(["delete", "configmap", "kube-root-ca.crt"]);
  await until("a new one", async () => {
    const found = await find();
    return found !== undefined && found.metadata.uid !== metadata.uid;
  });
  await fresh.kubectl(["patch", "configmap", "kube-root-ca.crt", "-p", '{"data":{"ca.crt":"","more":"x"}}']);
  await until("the right one", async () => {
    const found = await find();
    return found?.data?.["ca.crt"] === data?.["ca.crt"] && found?.data?.["more"] === undefined;
  });
  t.pass("put right");
});
