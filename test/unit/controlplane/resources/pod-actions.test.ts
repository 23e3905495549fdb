import t from "tap";
import type { Pod, ServiceAccount } from "#api/generated/types.js";
import { StatusError } from "#api/status-error.js";
import type { AdmissionContext, TokenOrder } from "#resources/kind.js";
import { pod as kind } from "#resources/pod/index.js";
import { serviceAccount } from "#resources/serviceaccount/index.js";

function make(spec: object = {}, metadata: object = {}): Pod {
  const whole = { containers: [{ name: "web", image: "nginx" }], ...spec };
  const pod = { metadata: { name: "p", namespace: "ns", uid: "u1", ...metadata }, spec: whole } as unknown as Pod;
  kind.defaults?.(pod);
  kind.prepareForCreate?.(pod);
  return pod;
}

/** A cluster in which only these accounts exist, by name. */
function contextWith(accounts: Record<string, object>, more: object = {}): AdmissionContext {
  const get = (_ref: unknown, name: string) => accounts[name];
  return {
    operation: "CREATE",
    dryRun: false,
    get,
    list: () => [],
    cluster: {},
    ...more,
  } as unknown as AdmissionContext;
}

async function failure(act: () => unknown): Promise<string> {
  try {
    await act();
  } catch (error) {
    if (error instanceof StatusError) return `${error.code} ${error.message}`;
    throw error;
  }
  return "no error";
}

const admit = (pod: Pod, context: AdmissionContext) => kind.admission?.beforeWrite?.(pod, undefined, context);

t.test("admission gives account, priority and tolerations", async (t) => {
  const pod = make();
  await admit(pod, contextWith({ default: { imagePullSecrets: [{ name: "pull" }] } }));
  t.match(pod.spec, {
    serviceAccountName: "default",
    serviceAccount: "default",
    imagePullSecrets: [{ name: "pull" }],
    priority: 0,
    preemptionPolicy: "PreemptLowerPriority",
  });
  t.same(pod.spec.tolerations, [
    { key: "node.kubernetes.io/not-ready", operator: "Exists", effect: "NoExecute", tolerationSeconds: 300 },
    { key: "node.kubernetes.io/unreachable", operator: "Exists", effect: "NoExecute", tolerationSeconds: 300 },
  ]);
  const tolerant = make({ tolerations: [{ operator: "Exists" }] });
  await admit(tolerant, contextWith({ default: {} }));
  t.equal(tolerant.spec.tolerations?.length, 1);
});

t.test("a cluster may be less patient with its nodes", async (t) => {
  const pod = make();
  await admit(pod, contextWith({ default: {} }, { cluster: { tolerationSeconds: 5 } }));
  t.match(pod.spec.tolerations, [{ tolerationSeconds: 5 }, { tolerationSeconds: 5 }]);
});

t.test("admission mounts the way to the API, unless it is not wanted", async (t) => {
  const issueToken = async () => ({ token: "", expirationTimestamp: "", audiences: [] });
  const admitted = async (spec: object, account: object = {}) => {
    const pod = make(spec);
    await admit(pod, contextWith({ default: account }, { issueToken }));
    return pod.spec;
  };
  const path = "/var/run/secrets/kubernetes.io/serviceaccount";
  const own = { name: "own", mountPath: path };
  const two = { containers: [{ name: "a" }, { name: "b", volumeMounts: [own] }], initContainers: [{ name: "i" }] };
  const spec = await admitted(two);
  const [volume] = spec.volumes ?? [];
  t.match(volume?.name, /^kube-api-access-\w{5}$/);
  t.match(volume?.projected?.sources, [
    { serviceAccountToken: { path: "token", expirationSeconds: 3607 } },
    { configMap: { name: "kube-root-ca.crt", items: [{ key: "ca.crt", path: "ca.crt" }] } },
    { downwardAPI: { items: [{ path: "namespace" }] } },
  ]);
  const mount = { name: volume?.name, mountPath: path, readOnly: true };
  t.match(spec.containers, [{ volumeMounts: [mount] }, { volumeMounts: [own] }]);
  t.match(spec.initContainers, [{ volumeMounts: [mount] }]);
  const none = (spec: object, account?: object) => admitted(spec, account).then(({ volumes }) => !volumes?.length);
  t.ok(await none({ automountServiceAccountToken: false }));
  t.ok(await none({}, { automountServiceAccountToken: false }));
  t.notOk(await none({ automountServiceAccountToken: true }, { automountServiceAccountToken: false }));
  t.ok(await none({ containers: [{ name: "b", volumeMounts: [own] }] }));
});

t.test("admission refuses what does not exist", async (t) => {
  t.equal(
    await failure(() => admit(make({ serviceAccountName: "robot" }), contextWith({}))),
    '403 pods "p" is forbidden: error looking up service account ns/robot: serviceaccount "robot" not found',
  );
  const known = contextWith({ default: {} });
  t.equal(
    await failure(() => admit(make({ priorityClassName: "gold" }), known)),
    '403 pods "p" is forbidden: no PriorityClass with name gold was found',
  );
  t.match(await failure(() => admit(make({ priority: 5 }), known)), "priority admission controller computed 0");
  const critical = make({ priorityClassName: "system-node-critical" });
  await admit(critical, known);
  t.equal(critical.spec.priority, 2000001000);
});

t.test("a pod right behind its namespace waits for the default account", async (t) => {
  const accounts: Record<string, object> = {};
  const pod = make();
  const admitted = admit(pod, contextWith(accounts));
  setTimeout(() => Object.assign(accounts, { default: {} }), 50);
  await admitted;
  t.equal(pod.spec.serviceAccountName, "default");
});

const bind = (pod: Pod, target: object, metadata: object = {}) =>
  kind.subresources?.actions?.["binding"]?.apply(pod, { metadata, target }, {} as AdmissionContext);

t.test("binding happens once", async (t) => {
  const pod = make();
  t.equal(bind(pod, { kind: "Node", name: "n1" }, { annotations: { a: "1" } }), undefined);
  t.match(pod, {
    metadata: { annotations: { a: "1" } },
    spec: { nodeName: "n1" },
    status: { conditions: [{ type: "PodScheduled", status: "True" }] },
  });
  t.equal(
    await failure(() => bind(pod, { name: "n2" })),
    '409 Operation cannot be fulfilled on pods/binding "p": pod p is already assigned to node "n1"',
  );
  t.match(await failure(() => bind(make(), {})), '422 Binding "p" is invalid: target.name: Required value');
  t.match(await failure(() => bind(make(), { kind: "Pod", name: "n" })), 'supported values: "Node", "<empty>"');
  t.match(
    await failure(() => bind(make(), { name: "n" }, { uid: "u2" })),
    "UID in precondition: u2, UID in object meta: u1",
  );
  t.match(await failure(() => bind(make({}, { deletionTimestamp: "x" }), { name: "n" })), "pod p is being deleted");
  t.match(
    await failure(() => bind(make({ schedulingGates: [{ name: "g" }] }), { name: "n" })),
    "non-empty .spec.schedulingGates",
  );
});

t.test("grace periods", async (t) => {
  const grace = (requested: number | undefined, spec: object = { nodeName: "n" }, phase = "Running") =>
    kind.gracePeriod?.({ ...make(spec), status: { phase } }, requested);
  t.equal(grace(undefined), 30);
  t.equal(grace(5), 5);
  t.equal(grace(0), 0);
  t.equal(grace(-7), 1);
  t.equal(grace(undefined, { nodeName: "n", terminationGracePeriodSeconds: -1 }), 1);
  t.equal(grace(undefined, {}), 0, "nobody holds it");
  t.equal(grace(60, { nodeName: "n" }, "Succeeded"), 0, "it has ended");
});

t.test("status writes mirror addresses, keep owners, and do not undo an end", async (t) => {
  const status = kind.subresources?.status;
  if (typeof status !== "object") throw new Error("pods/status has rules");
  const owners = [{ apiVersion: "v1", kind: "X", name: "o", uid: "1" }];
  const old = make({ restartPolicy: "Never" }, { ownerReferences: owners });
  const ended = { name: "web", state: { terminated: { exitCode: 0 } } };
  old.status = { qosClass: "BestEffort", containerStatuses: [ended] } as unknown as Pod["status"];
  const next = structuredClone(old);
  next.metadata.ownerReferences = [];
  next.status = {
    podIP: "10.244.0.2",
    hostIP: "10.0.0.1",
    containerStatuses: [{ name: "web", state: { running: {} } }],
  } as unknown as Pod["status"];
  status.prepare?.(next, old);
  t.match(next.status, { podIPs: [{ ip: "10.244.0.2" }], hostIPs: [{ ip: "10.0.0.1" }], qosClass: "BestEffort" });
  t.same(next.metadata.ownerReferences, owners);
  t.same(
    status.validate?.(next, old).map((e) => `${e.field}: ${e.message}`),
    ["status.containerStatuses[0].state: Forbidden: may not be transitioned to non-terminated state"],
  );
});

t.test("a token is ordered for the account, bound to a pod that runs as it", async (t) => {
  const orders: TokenOrder[] = [];
  const issueToken = async (order: TokenOrder) => {
    orders.push(order);
    return { token: "signed", expirationTimestamp: "2026-01-01T01:00:00Z", audiences: ["api"] };
  };
  const account = { metadata: { name: "robot", namespace: "ns", uid: "a1" } } as ServiceAccount;
  const ask = (
    spec: object,
    context = contextWith({ p: make({ serviceAccountName: "robot" }), q: make() }, { issueToken }),
  ) => serviceAccount.subresources?.actions?.["token"]?.apply(account, { metadata: {}, spec }, context);
  t.match(await ask({ audiences: [] }), {
    kind: "TokenRequest",
    metadata: { name: "robot", namespace: "ns" },
    spec: { audiences: ["api"], expirationSeconds: 3600 },
    status: { token: "signed" },
  });
  await ask({ audiences: ["x"], expirationSeconds: 600, boundObjectRef: { kind: "Pod", apiVersion: "v1", name: "p" } });
  t.match(orders[1], { audiences: ["x"], expirationSeconds: 600, boundObject: { kind: "Pod", name: "p", uid: "u1" } });
  t.match(await failure(() => ask({ expirationSeconds: 1 })), "may not specify a duration less than 10 minutes");
  t.match(await failure(() => ask({ boundObjectRef: { kind: "Pod", name: "none" } })), '404 pods "none" not found');
  t.match(
    await failure(() => ask({ boundObjectRef: { kind: "Pod", name: "q" } })),
    "to pod running with different serviceaccount name",
  );
  t.match(
    await failure(() => ask({ boundObjectRef: { kind: "Pod", name: "p", uid: "u2" } })),
    "does not match the UID in record",
  );
});
