/**
 * The kinds of dynamic resource allocation, as upstream's generic test of a resource goes through them.
 */
import t, { type Test } from "tap";
import type { Draft, KubeObject, WatchEvent } from "#api/object.js";
import { deviceClasses, pods, resourceClaims, resourceClaimTemplates, resourceSlices } from "#api/refs.js";
import { groupVersion, type ResourceRef } from "#api/resource.js";
import { eventually, TestServer } from "#test/fixtures/api-server.js";
import { find } from "#test/fixtures/control-plane.js";
import { discovered, merge } from "#test/fixtures/every-verb.js";
import { proves } from "#test/proves.js";

const api = await TestServer.start(t);
const client = api.rest();
const labelSelector = "test=ours";

interface Case<T extends KubeObject> {
  ref: ResourceRef<T>;
  draft: Omit<Draft<T>, "metadata">;
  /** Part of an object: what an update and each kind of patch set. */
  change: object;
  status?: object;
}

const operations = (value: object, path = ""): object[] =>
  Object.entries(value).flatMap(([key, inner]) => {
    const at = `${path}/${key}`;
    const deeper = typeof inner === "object" && !Array.isArray(inner) && ["metadata", "labels", "spec"].includes(key);
    return deeper ? operations(inner, at) : [{ op: "add", path: at, value: inner }];
  });

/** Create, read, watch, update, every patch on a fresh object, the same of the status, and both deletes. */
async function lifecycle<T extends KubeObject>(t: Test, { ref, draft, change, status }: Case<T>): Promise<void> {
  proves(t, `[sig-node] [DRA] CRUD Tests resource.k8s.io/v1 ${ref.kind} [Conformance]`);
  const namespace = ref.namespaced ? "default" : undefined;
  const metadata = { name: "test", namespace, labels: { test: "ours" } };
  const create = () => client.create(ref, { ...draft, metadata } as unknown as Draft<T>);
  await discovered(t, api, ref);
  const start = await client.list(ref, { labelSelector });
  const seen: WatchEvent<T>[] = [];
  const query = { labelSelector, resourceVersion: start.metadata.resourceVersion ?? "" };
  const watch = client.watch(ref, query, { onEvents: (batch) => seen.push(...batch), onEnd: (e) => t.error(e) });
  t.teardown(() => watch.close());
  const events = (type: string) => seen.filter((event) => event.type === type).length;

  const made = await create();
  t.match(made, draft, "what was sent is there");
  t.match(await client.get(ref, "test", namespace), { metadata: { uid: made.metadata.uid } });
  t.equal((await client.list(ref, { namespace, labelSelector })).items.length, 1);
  const updated = await client.update(ref, deepMerge(made, change) as T);
  t.match(updated, change, "updated");
  t.not(updated.metadata.resourceVersion, made.metadata.resourceVersion);
  await eventually(() => (events("ADDED") === 1 && events("MODIFIED") === 1 ? true : undefined), "both events");

  const patches = (body: object): [string, (existing: KubeObject) => object][] => [
    ["application/strategic-merge-patch+json", (existing) => identified(existing, body)],
    ["application/apply-patch+yaml", (existing) => identified(existing, body)],
    ["application/merge-patch+json", (existing) => identified(existing, body)],
    ["application/json-patch+json", () => operations(body)],
  ];
  const identified = ({ metadata: { name, namespace, uid } }: KubeObject, body: object) =>
    deepMerge({ apiVersion: groupVersion(ref), kind: ref.kind, metadata: { name, namespace, uid } }, body);
  const afresh = async () => {
    await client.delete(ref, "test", namespace);
    await eventually(async () => ((await find(client, ref, "test", namespace)) ? undefined : true), "its end");
    return create();
  };
  const send = async (type: string, body: object, subresource?: "status") => {
    const path = `/apis/${groupVersion(ref)}${namespace ? `/namespaces/${namespace}` : ""}/${ref.plural}/test`;
    const headers = { "Content-Type": type };
    const query = `fieldValidation=Strict&fieldManager=test${type.includes("apply") ? "&force=true" : ""}`;
    return api.call("PATCH", `${path}${subresource ? "/status" : ""}?${query}`, { body, headers });
  };
  for (const [type, bodyFor] of patches(change)) {
    const { status: code, json } = await send(type, bodyFor(await afresh()));
    t.match([code, json], [200, change], type);
  }
  if (status) {
    const changed = { status };
    const fresh = await afresh();
    const written = await client.update(ref, { ...fresh, ...changed }, { subresource: "status" });
    t.match(written, changed, "status updated");
    const path = `/apis/${groupVersion(ref)}/namespaces/default/${ref.plural}/test/status`;
    t.match((await api.call("GET", path)).json, changed);
    for (const [type, bodyFor] of patches(changed)) {
      const { status: code, json } = await send(type, bodyFor(await afresh()), "status");
      t.match([code, json], [200, changed], `status: ${type}`);
    }
  }
  await client.deleteCollection(ref, { namespace, labelSelector });
  await eventually(async () => ((await find(client, ref, "test", namespace)) ? undefined : true), "its end");
  await eventually(() => (events("DELETED") === events("ADDED") ? true : undefined), "an event for every end");
}

function deepMerge(one: object, other: object): object {
  const merged: Record<string, unknown> = { ...one };
  for (const [key, value] of Object.entries(other)) {
    const before = merged[key];
    const both = typeof before === "object" && before && typeof value === "object" && !Array.isArray(value);
    merged[key] = both ? deepMerge(before, value) : value;
  }
  return merged;
}

const selectors = [{ cel: { expression: 'device.driver == "gpu.example.com"' } }];
const devices = { requests: [{ name: "gpu", exactly: { deviceClassName: "gpu.example.com" } }] };
const labelled = { metadata: { labels: { changed: "true" } } };
const allocated = { request: "gpu", driver: "gpu.example.com", pool: "node-1", device: "gpu-0" };
const message = (pattern: RegExp) => ({ message: pattern });

t.test("DeviceClass", async (t) => {
  await lifecycle(t, { ref: deviceClasses, draft: { spec: {} }, change: { spec: { selectors } } });
  const make = (spec: object) => client.create(deviceClasses, { metadata: { name: "c" }, spec });
  const config = [{ opaque: { driver: "gpu.example.com", parameters: { mode: "fast" } } }];
  const { metadata } = await make({ selectors, config, extendedResourceName: "example.com/gpu" });
  t.equal(metadata.generation, 1);
  const changed = await client.patch(deviceClasses, "c", merge({ spec: { config: null } }));
  t.equal(changed.metadata.generation, 2);
  await t.rejects(make({ selectors: [{}] }), message(/spec\.selectors\[0\]\.cel: Required value/));
  await t.rejects(
    make({ config: [{ opaque: { driver: "D!", parameters: {} } }] }),
    message(/config\[0\]\.opaque\.driver/),
  );
  await t.rejects(make({ config: [{ opaque: { driver: "d", parameters: 7 } }] }), message(/valid JSON object/));
  await t.rejects(make({ extendedResourceName: "cpu" }), message(/must be a valid extended resource name/));
});

t.test("ResourceClaim", async (t) => {
  const status = { allocation: { devices: { results: [allocated] } } };
  await lifecycle(t, { ref: resourceClaims, draft: { spec: { devices } }, change: labelled, status });
  const make = (spec: object) =>
    client.create(resourceClaims, { metadata: { name: "c", namespace: "default" }, spec: { devices: spec } });
  const made = await make(devices);
  t.match(made.spec.devices?.requests?.[0]?.exactly, { allocationMode: "ExactCount", count: 1 }, "defaults");
  t.equal(made.status, undefined);
  const exactly = { deviceClassName: "gpu.example.com", allocationMode: "All" };
  const other = { ...made, spec: { devices: { requests: [{ name: "gpu", exactly }] } } };
  await t.rejects(client.update(resourceClaims, other), message(/spec: Invalid value: .*field is immutable/));

  const write = (body: object) =>
    client.patch(resourceClaims, "c", merge({ status: body }), { namespace: "default", subresource: "status" });
  const reservedFor = [{ resource: "pods", name: "p", uid: "u" }];
  await t.rejects(write({ reservedFor }), message(/may not be specified when `allocated` is not set/));
  const wrong = { devices: { results: [{ ...allocated, request: "no" }] } };
  await t.rejects(write({ allocation: wrong }), message(/must be the name of a request in the claim/));
  await write({ ...status, reservedFor });
  await t.rejects(
    write({ allocation: { devices: { results: [{ ...allocated, device: "gpu-1" }] } } }),
    message(/immutable/),
  );
  const report = { ...allocated, request: undefined, networkData: { ips: ["10.0.0.1/24"] } };
  await write({ devices: [report] });
  await t.rejects(write({ devices: [{ ...report, device: "gpu-7" }] }), message(/must be an allocated device/));
  const { stdout } = await api.kubectl("v35", ["get", "resourceclaims"]);
  t.match(stdout, /^NAME +STATE +AGE\nc +allocated,reserved/);
  t.notOk(
    (await client.patch(resourceClaims, "c", merge({ status: null }), { namespace: "default" })).status === undefined,
  );

  const requests = (...list: object[]) => make({ requests: list });
  await t.rejects(requests({ name: "a" }), message(/exactly one of `exactly` or `firstAvailable` is required/));
  const twice = { name: "a", exactly };
  await t.rejects(requests(twice, twice), message(/requests\[1\]: Duplicate value: "a"/));
  await t.rejects(
    requests({ name: "a", exactly: { ...exactly, count: 2 } }),
    message(/must not be specified when allocationMode is 'All'/),
  );
  const alternatives = [
    { name: "x", deviceClassName: "big" },
    { name: "y", deviceClassName: "Bad_" },
  ];
  await t.rejects(
    requests({ name: "a", firstAvailable: alternatives }),
    message(/firstAvailable\[1\]\.deviceClassName/),
  );
  const constraints = [{ requests: ["b"], matchAttribute: "numa" }];
  await t.rejects(
    make({ requests: [twice], constraints }),
    message(/constraints\[0\]\.requests\[0\].*[\s\S]*must include a domain/),
  );
});

t.test("ResourceClaimTemplate", async (t) => {
  const draft = { spec: { metadata: { labels: { of: "claim" } }, spec: { devices } } };
  await lifecycle(t, { ref: resourceClaimTemplates, draft, change: labelled });
  const made = await client.create(resourceClaimTemplates, { metadata: { name: "c", namespace: "default" }, ...draft });
  const other = { ...made, spec: { ...made.spec, metadata: { labels: { of: "another" } } } };
  await t.rejects(client.update(resourceClaimTemplates, other), message(/spec: Invalid value: .*field is immutable/));
  const bad = { spec: { spec: { devices: { requests: [{ name: "A" }] } } } };
  const create = client.create(resourceClaimTemplates, { metadata: { name: "d", namespace: "default" }, ...bad });
  await t.rejects(create, message(/spec\.spec\.devices\.requests\[0\]\.name/));
});

t.test("ResourceSlice", async (t) => {
  const spec = {
    driver: "gpu.example.com",
    nodeName: "node-1",
    pool: { name: "node-1", generation: 1, resourceSliceCount: 1 },
    devices: [{ name: "gpu-0" }],
  };
  const attributes = {
    model: { string: "A1" },
    "example.com/fast": { bool: true },
    cores: { int: 8 },
    firmware: { version: "1.2.3-rc.1" },
  };
  const full = [{ name: "gpu-0", attributes, capacity: { memory: { value: "8Gi" } } }];
  await lifecycle(t, { ref: resourceSlices, draft: { spec }, change: { spec: { devices: full } } });
  const make = (more: object) => client.create(resourceSlices, { metadata: { name: "s" }, spec: { ...spec, ...more } });
  const made = await make({});
  t.equal(
    (await client.list(resourceSlices, { fieldSelector: "spec.nodeName=node-1,spec.driver=gpu.example.com" })).items
      .length,
    1,
  );
  t.equal((await client.list(resourceSlices, { fieldSelector: "spec.nodeName=other" })).items.length, 0);
  const moved = client.update(resourceSlices, { ...made, spec: { ...made.spec, nodeName: "node-2" } });
  await t.rejects(moved, message(/spec\.nodeName: Invalid value: "node-2": field is immutable/));
  await t.rejects(make({ allNodes: true }), message(/exactly one of `nodeName`, .* but multiple fields are set/));
  await t.rejects(make({ nodeName: undefined }), message(/exactly one of `nodeName`/));
  await t.rejects(
    make({ pool: { name: "P", generation: -1, resourceSliceCount: 0 } }),
    message(/pool\.name[\s\S]*pool\.generation[\s\S]*must be greater than zero/),
  );
  const device = (more: object) => make({ devices: [{ name: "d", ...more }] });
  await t.rejects(
    device({ attributes: { a: { bool: true, int: 1 } } }),
    message(/exactly one value must be specified/),
  );
  await t.rejects(device({ attributes: { a: { version: "1" } } }), message(/semver\.org spec 2\.0\.0/));
  await t.rejects(device({ attributes: { "no-dash": { int: 1 } } }), message(/a valid C identifier/));
  await t.rejects(device({ taints: [{ key: "k", effect: "No" }] }), message(/Unsupported value: "No"/));
  await t.rejects(device({ allNodes: true }), message(/can only be specified when `perDeviceNodeSelection`/));
  await t.rejects(make({ devices: [{ name: "d" }, { name: "d" }] }), message(/devices\[1\]: Duplicate value/));
  await t.rejects(
    make({ sharedCounters: [{ name: "c", counters: {} }] }),
    message(/only one of `sharedCounters` or `devices` is allowed/),
  );
});

t.test("a Pod that names claims is told that no device will be given to it", async (t) => {
  const spec = { containers: [{ name: "c", image: "i" }], resourceClaims: [{ name: "gpu", resourceClaimName: "c" }] };
  const { headers, status } = await api.call("POST", "/api/v1/namespaces/default/pods", {
    body: { metadata: { name: "p" }, spec },
  });
  t.equal(status, 201);
  t.match(String(headers["warning"]), /resourceClaims/);
  await client.delete(pods, "p", "default");
});
