import t from "tap";
import { freezeJson } from "#api/json-value.js";
import { applyJsonPatch, applyMergePatch, applyPatch, applyStrategicMergePatch, parsePatch } from "#api/patch.js";

const code = (expected: number) => ({ code: expected });

t.test("JSON patch", async (t) => {
  const original = freezeJson({ spec: { replicas: 1, list: ["a", "b"] }, metadata: { labels: { "a/b": "1" } } });
  const patch = freezeJson([
    { op: "test", path: "/spec/replicas", value: 1 },
    { op: "replace", path: "/spec/replicas", value: 2 },
    { op: "add", path: "/spec/list/-", value: { c: 1 } },
    { op: "remove", path: "/metadata/labels/a~1b" },
  ]);
  t.same(applyJsonPatch(original, patch), {
    spec: { replicas: 2, list: ["a", "b", { c: 1 }] },
    metadata: { labels: {} },
  });
  t.equal(original.spec.replicas, 1);
  t.throws(() => applyJsonPatch(original, { op: "add" }), code(400));
  t.throws(() => applyJsonPatch(original, [{ path: "/a" }]), code(400));
  const refused = [
    { op: "test", path: "/spec/replicas", value: 7 },
    { op: "replace", path: "/spec/nothing", value: 7 },
    { op: "remove", path: "/nothing" },
    { op: "add", path: "/no/parent", value: 1 },
    { op: "add", path: "/__proto__/polluted", value: 1 },
    { op: "shout", path: "/a" },
  ];
  for (const operation of refused) {
    const message = "the server rejected our request due to an error in our request";
    t.throws(() => applyJsonPatch(original, [operation]), { code: 422, reason: "Invalid", message }, operation.op);
  }
  t.notOk("polluted" in {});
});

t.test("JSON merge patch", async (t) => {
  const original = freezeJson({ a: { b: 1, c: 2 }, list: [1, 2], keep: { x: {} } });
  t.same(applyMergePatch(original, { a: { b: null, d: { e: null, f: 1 } }, list: [3], gone: null }), {
    a: { c: 2, d: { f: 1 } },
    list: [3],
    keep: { x: {} },
  });
  t.same(applyMergePatch({ a: [] }, { a: { b: 1 } }), { a: { b: 1 } });
  const result = applyMergePatch({}, JSON.parse('{"__proto__": {"polluted": 1}}')) as object;
  t.notOk("polluted" in result);
});

const pod = freezeJson({
  metadata: { name: "p", labels: { a: "1", b: "2" }, finalizers: ["x.io/a", "x.io/b"] },
  spec: {
    containers: [
      {
        name: "web",
        image: "nginx:1",
        args: ["-a"],
        env: [
          { name: "A", value: "1" },
          { name: "B", valueFrom: { fieldRef: { fieldPath: "metadata.name" } } },
        ],
        ports: [{ containerPort: 80, protocol: "TCP" }],
        volumeMounts: [{ name: "v", mountPath: "/v" }],
      },
      { name: "side", image: "busybox" },
    ],
    volumes: [
      { name: "v", emptyDir: {} },
      { name: "w", configMap: { name: "w" } },
    ],
    tolerations: [{ key: "k", operator: "Exists" }],
    nodeSelector: { disk: "ssd" },
  },
});

type Pod = typeof pod;
const patchPod = (patch: unknown) => applyStrategicMergePatch("Pod", pod, freezeJson(patch)) as Pod;

t.test("strategic merge: nothing that the patch does not name is lost", async (t) => {
  const changed = patchPod({
    metadata: { labels: { a: null, c: "3" } },
    spec: {
      containers: [
        {
          name: "web",
          image: "nginx:2",
          env: [
            { name: "C", value: "3" },
            { name: "A", value: "one" },
          ],
          ports: [{ containerPort: 443 }],
          volumeMounts: [{ mountPath: "/w", name: "w" }],
        },
      ],
    },
  });
  t.same(changed.metadata.labels, { b: "2", c: "3" });
  const [web, side] = changed.spec.containers;
  t.equal(web?.image, "nginx:2");
  t.same(web?.args, ["-a"]);
  t.same(web?.env, [{ name: "A", value: "one" }, pod.spec.containers[0]?.env?.[1], { name: "C", value: "3" }]);
  t.same(web?.ports, [{ containerPort: 80, protocol: "TCP" }, { containerPort: 443 }]);
  t.same(web?.volumeMounts?.length, 2);
  t.same(side, pod.spec.containers[1]);
  t.same(changed.spec.volumes, pod.spec.volumes);
});

t.test("strategic merge: directives", async (t) => {
  const spec = (patch: unknown) => patchPod({ spec: patch }).spec;
  t.same(
    spec({ containers: [{ name: "side", $patch: "delete" }] }).containers.map((c) => c.name),
    ["web"],
  );
  t.same(spec({ containers: [{ $patch: "replace" }, { name: "new" }] }).containers, [{ name: "new" }]);
  t.same(spec({ nodeSelector: { $patch: "replace", zone: "a" } }).nodeSelector, { zone: "a" });
  t.same(spec({ nodeSelector: { $patch: "delete" } }).nodeSelector, {});
  t.same(spec({ nodeSelector: null }).nodeSelector, undefined);
  t.same(spec({ tolerations: [{ key: "other" }] }).tolerations, [{ key: "other" }], "an atomic list is replaced");
  t.same(
    spec({ volumes: [{ $retainKeys: ["name", "hostPath"], name: "v", hostPath: { path: "/h" } }] }).volumes,
    [{ name: "v", hostPath: { path: "/h" } }, pod.spec.volumes[1]],
    "the emptyDir went with $retainKeys",
  );
  t.same(
    spec({
      "$setElementOrder/containers": [{ name: "new" }, { name: "side" }, { name: "web" }],
      containers: [
        {
          name: "new",
          env: [
            { name: "X", $patch: "delete" },
            { name: "Y", value: null },
          ],
        },
      ],
    }).containers.map((c) => c.name),
    ["new", "side", "web"],
  );
  t.same(spec({ containers: [{ name: "new", image: null, env: [{ name: "Y", value: null }] }] }).containers[2], {
    name: "new",
    env: [{ name: "Y" }],
  });
});

t.test("strategic merge: lists of scalars", async (t) => {
  const finalizers = (patch: object) => patchPod({ metadata: patch }).metadata.finalizers;
  t.same(finalizers({ finalizers: ["x.io/c", "x.io/a"] }), ["x.io/a", "x.io/b", "x.io/c"]);
  t.same(finalizers({ "$deleteFromPrimitiveList/finalizers": ["x.io/a"] }), ["x.io/b"]);
  t.same(finalizers({ "$setElementOrder/finalizers": ["x.io/c", "x.io/b"], finalizers: ["x.io/c"] }), [
    "x.io/c",
    "x.io/a",
    "x.io/b",
  ]);
});

t.test("strategic merge: malformed patches", async (t) => {
  const bad: unknown[] = [
    [],
    { $patch: "burn" },
    { spec: { containers: [{ image: "x" }] } },
    { spec: { containers: [{ name: "web", $patch: "merge" }] } },
    { spec: { containers: ["x"] } },
    { spec: { volumes: [{ name: "v", $retainKeys: ["name"], emptyDir: {} }] } },
    { metadata: { "$deleteFromPrimitiveList/finalizers": "x" } },
    { metadata: { "$setElementOrder/finalizers": {} } },
  ];
  for (const patch of bad) t.throws(() => patchPod(patch), code(400), JSON.stringify(patch));
  t.throws(() => patchPod({ spec: { containers: [{ image: "x" }] } }), {
    message: "map: map[image:x] does not contain declared merge key: name",
  });
});

t.test("strategic merge: a Service keeps two ports that share a number", async (t) => {
  const udp = { name: "dns", port: 53, protocol: "UDP", targetPort: 53, nodePort: 30053 };
  const tcp = { name: "dns-tcp", port: 53, protocol: "TCP", targetPort: 53, nodePort: 30054 };
  const web = { name: "web", port: 80, protocol: "TCP", targetPort: 8080, nodePort: 30080 };
  const ports = (live: unknown[], patch: object) =>
    (
      applyStrategicMergePatch("Service", freezeJson({ spec: { ports: live } }), { spec: patch }) as {
        spec: { ports: unknown[] };
      }
    ).spec.ports;
  const order = (...numbers: number[]) => ({ "$setElementOrder/ports": numbers.map((port) => ({ port })) });

  t.same(
    ports([web], { ...order(80, 443), ports: [{ name: "tls", port: 443 }] }),
    [web, { name: "tls", port: 443 }],
    "one is added",
  );
  t.same(ports([web], { ports: [{ port: 80, targetPort: 9090 }] }), [{ ...web, targetPort: 9090 }], "one is changed");
  t.same(
    ports([udp], { ...order(53, 53), ports: [{ name: "dns-tcp", port: 53, protocol: "TCP" }] }),
    [udp, { name: "dns-tcp", port: 53, protocol: "TCP" }],
    "the other protocol is added",
  );
  t.same(
    ports([udp, tcp], { ...order(53, 53), ports: [{ port: 53, protocol: "TCP", targetPort: 5353 }] }),
    [udp, { ...tcp, targetPort: 5353 }],
    "the one with that protocol is changed",
  );
  t.same(
    ports([udp, tcp], {
      ...order(53),
      ports: [
        { name: "dns-tcp", port: 53, protocol: "TCP" },
        { port: 53, $patch: "delete" },
      ],
    }),
    [tcp],
    "one of two goes",
  );
  const folded = { name: "dns", port: 53, protocol: "UDP", $patch: "delete" };
  t.same(ports([tcp, udp, web], { ...order(53, 80), ports: [folded] }), [udp, web], "kubectl 1.35 takes TCP away");
  t.same(
    ports([udp, tcp, web], { ...order(53, 80), ports: [{ port: 53, $patch: "delete" }] }),
    [udp, web],
    "the first is the one that stays as it is",
  );
  t.same(
    ports([udp, tcp], { ports: [{ port: 53, protocol: "TCP", $patch: "delete" }] }),
    [udp],
    "a person names the one to delete",
  );
  t.same(ports([udp, tcp, web], { ...order(80), ports: [{ port: 53, $patch: "delete" }] }), [web], "both go");
  t.same(
    ports([web], { ...order(80), ports: [{ port: 80, protocol: "UDP" }] }),
    [{ ...web, protocol: "UDP" }],
    "the protocol of a single one is changed",
  );
  t.same(ports([udp, tcp, web], order(80, 53, 53)), [web, udp, tcp], "only the order changes");
});

t.test("server-only elements keep their places", async (t) => {
  const list = (names: string[]) => names.map((name) => ({ name }));
  const original = { spec: { containers: list(["injected", "a", "b", "tail"]) } };
  const patch = { spec: { "$setElementOrder/containers": list(["b", "a", "c"]), containers: list(["c"]) } };
  const result = applyStrategicMergePatch("Pod", original, patch) as typeof original;
  t.same(
    result.spec.containers.map((c) => c.name),
    ["injected", "b", "a", "c", "tail"],
  );
});

t.test("patches from requests", async (t) => {
  const parsed = parsePatch("application/merge-patch+json; charset=utf-8", Buffer.from('{"a":1,"a":2}'));
  t.same(parsed.complaints, ['duplicate field "a"']);
  t.same(applyPatch("ConfigMap", {}, parsed), { a: 2 });
  t.throws(() => parsePatch("application/json", Buffer.from("{}")), code(415));
  t.throws(() => parsePatch("application/merge-patch+json", Buffer.from("{a")), {
    code: 400,
    message: "invalid character 'a' looking for beginning of object key string",
  });
  t.throws(() => applyPatch("ConfigMap", {}, parsePatch("application/merge-patch+json", Buffer.from("[]"))), code(400));
});
