/** Ingress and IngressClass over the API, and the controller of Berth's class with hollow nodes. */
import t from "tap";
import type { Ingress, IngressClass, Pod } from "#api/generated/types.js";
import type { Draft } from "#api/object.js";
import { events, ingressClasses, ingresses, nodes, pods, secrets, services } from "#api/refs.js";
import { resourcePath } from "#api/resource.js";
import type { Client } from "#client/client.js";
import { TestServer } from "#test/fixtures/api-server.js";
import { eventually, find, startControlPlane } from "#test/fixtures/control-plane.js";
import { discovered, everyDelete, everyVerb, labels, merge } from "#test/fixtures/every-verb.js";
import { newIngress, rule, toService } from "#test/fixtures/ingress-objects.js";
import { proves } from "#test/proves.js";

t.test("the Ingress API", async (t) => {
  proves(t, "[sig-network] Ingress API should support creating Ingress API operations [Conformance]");
  const api = await TestServer.start(t);
  const client = api.rest();
  await discovered(t, api, ingresses);
  const namespace = "default";
  const spec = {
    defaultBackend: toService("default-backend", 8080),
    rules: [
      {
        host: "foo.bar.com",
        http: { paths: [{ path: "/", pathType: "ImplementationSpecific", backend: toService("test-backend", 8080) }] },
      },
    ],
    tls: [{ hosts: ["foo.bar.com"], secretName: "foo-bar-com" }],
  };
  const draft = (): Draft<Ingress> => ({ metadata: { generateName: "e2e-example-ing", namespace, labels }, spec });
  const { metadata } = await everyVerb(t, client, ingresses, [draft(), draft(), draft()], namespace);
  const { name, uid } = metadata;
  const loadBalancer = (ip: string) => ({ loadBalancer: { ingress: [{ ip }] } });
  const body = { metadata: { annotations: { patchedstatus: "true" } }, status: loadBalancer("169.1.1.1") };
  const patched = await client.patch(ingresses, name, merge(body), { namespace, subresource: "status" });
  t.match(patched, { metadata: { annotations: { patchedstatus: "true" } }, status: loadBalancer("169.1.1.1") });
  const changed = { ...patched, status: loadBalancer("169.1.1.2") };
  t.same((await client.update(ingresses, changed, { subresource: "status" })).status, loadBalancer("169.1.1.2"));
  const got = await api.call("GET", `${resourcePath(ingresses, namespace, name)}/status`);
  t.match(got, { status: 200, json: { metadata: { uid }, status: loadBalancer("169.1.1.2") } });
  await everyDelete(t, client, ingresses, name, namespace);
});

t.test("the IngressClass API", async (t) => {
  proves(t, "[sig-network] IngressClass API should support creating IngressClass API operations [Conformance]");
  const api = await TestServer.start(t);
  const client = api.rest();
  await discovered(t, api, ingressClasses);
  const draft = (name: string): Draft<IngressClass> => ({
    metadata: { name, labels },
    spec: { controller: "example.com/controller" },
  });
  const { metadata } = await everyVerb(t, client, ingressClasses, ["one", "two", "three"].map(draft));
  await everyDelete(t, client, ingressClasses, metadata.name);
});

t.test("kubectl, which sends some objects as protobuf", async (t) => {
  const api = await TestServer.start(t);
  for (const version of ["v32", "v35"] as const) {
    const name = `by-${version}`;
    const rules = ["--rule=a.test/p*=web:80,tls=cert", "--rule=/exact=web:http", "--default-backend=web:8080"];
    const args = ["create", "ingress", name, "--class=nginx", ...rules];
    const made = await api.kubectl(version, args);
    t.equal(made.code, 0, made.stderr);
    const path = (text: string, pathType: string, port: number | string) => ({
      http: { paths: [{ path: text, pathType, backend: toService("web", port) }] },
    });
    t.same((await api.rest().get(ingresses, name, "default")).spec, {
      ingressClassName: "nginx",
      defaultBackend: toService("web", 8080),
      rules: [{ host: "a.test", ...path("/p", "Prefix", 80) }, path("/exact", "Exact", "http")],
      tls: [{ hosts: ["a.test"], secretName: "cert" }],
    });
    t.match((await api.kubectl(version, ["describe", "ingress", name])).stdout, /a\.test +\n +\/p +web:80/);
    t.match((await api.kubectl(version, ["explain", "ingress.spec.rules.host"])).stdout, /FIELD: host <string>/);
  }
});

t.test("bad objects are refused over the API, and nothing is stored", async (t) => {
  const api = await TestServer.start(t);
  const bad = newIngress("bad", { rules: [{ host: "x.test; } server { listen 81" }] });
  const answer = await api.call("POST", resourcePath(ingresses, "default"), {
    body: { ...bad, metadata: { name: "bad" } },
  });
  t.match(answer, { status: 422, json: { reason: "Invalid", details: { causes: [{ field: "spec.rules[0].host" }] } } });
  t.equal((await api.call("GET", resourcePath(ingresses, "default", "bad"))).status, 404);
});

const proxies = async (client: Client): Promise<Pod[]> =>
  (await client.list(pods, { namespace: "kube-system", labelSelector: "app.kubernetes.io/name=ingress-nginx" })).items;

/** Of their configurations. */
const version = (list: Pod[]) => new Set(list.map((p) => p.metadata.annotations?.["ingress.berth.dev/configuration"]));

const draftOf = ({ metadata: { name, annotations }, spec }: Ingress): Draft<Ingress> => ({
  metadata: { name, namespace: "default", annotations },
  spec,
});

t.test("proxies come with the first Ingress of the class and go with the last", async (t) => {
  const plane = await startControlPlane(t, ["n1", "n2"]);
  const { client } = plane;
  await client.create(ingressClasses, { metadata: { name: "ours" }, spec: { controller: "berth.dev/nginx" } });
  await client.create(ingressClasses, { metadata: { name: "other" }, spec: { controller: "example.com/proxy" } });
  const spec = { rules: [rule("a.test", ["Prefix", "/", "missing"])], tls: [{ secretName: "absent" }] };
  await client.create(ingresses, draftOf(newIngress("other", { ...spec, ingressClassName: "other" })));
  t.same(await proxies(client), [], "another's class is another's business");
  await client.create(ingresses, draftOf(newIngress("web", { ...spec, ingressClassName: "ours" })));
  const running = await eventually(
    "two proxies",
    () => proxies(client),
    (list) => list.length === 2 && version(list).size === 1 && list.every((p) => p.status?.phase === "Running"),
  );
  t.same(running.map(({ spec }) => spec.nodeName).sort(), ["n1", "n2"], "one a node");
  const { data = {} } = await client.get(secrets, "ingress-nginx-configuration", "kube-system");
  t.same(Object.keys(data).sort(), ["default.pem", "nginx.conf"]);
  const told = async () =>
    (await client.list(events, { namespace: "default", fieldSelector: "involvedObject.kind=Ingress" })).items.map(
      ({ reason, message }) => `${reason}: ${message}`,
    );
  await eventually("events", told, (list) => list.length >= 2);
  t.same((await told()).sort(), [
    'SecretNotFound: secret "absent" not found: the default certificate is shown instead',
    'ServiceNotFound: service "missing" not found',
  ]);

  await t.test("each change reaches the proxies as a new version", async (t) => {
    const before = version(running);
    t.equal(before.size, 1);
    await client.create(services, {
      metadata: { name: "missing", namespace: "default" },
      spec: { ports: [{ port: 80 }] },
    });
    await client.patch(ingresses, "web", merge({ spec: { rules: [rule("b.test", ["Prefix", "/", "missing"])] } }), {
      namespace: "default",
    });
    await eventually(
      "written",
      () => client.get(secrets, "ingress-nginx-configuration", "kube-system"),
      ({ data }) => /server_name b\.test;/.test(Buffer.from(data?.["nginx.conf"] ?? "", "base64").toString()),
    );
    await eventually(
      "told",
      () => proxies(client),
      (list) => version(list).size === 1 && ![...version(list)].some((v) => before.has(v)),
    );
  });

  await t.test("a node that comes gets one, a cordoned one none", async (t) => {
    await plane.addNode("n3");
    await eventually(
      "a third",
      () => proxies(client),
      (list) => list.length === 3,
    );
    await client.patch(nodes, "n3", merge({ spec: { unschedulable: true } }));
    await client.delete(pods, "ingress-nginx-n3", "kube-system", { gracePeriodSeconds: 0 });
    await client.patch(
      nodes,
      "n1",
      merge({ metadata: { labels: { "node.kubernetes.io/exclude-from-external-load-balancers": "" } } }),
    );
    const left = await eventually(
      "one",
      () => proxies(client),
      (list) => list.length === 1,
    );
    t.equal(left[0]?.spec.nodeName, "n2");
  });

  await client.delete(ingresses, "web", "default");
  await eventually(
    "no proxies",
    () => proxies(client),
    (list) => list.length === 0,
  );
  await eventually(
    "no configuration",
    () => find(client, secrets, "ingress-nginx-configuration", "kube-system"),
    (found) => !found,
  );
  await eventually(
    "no certificate",
    () => find(client, secrets, "ingress-default-certificate", "kube-system"),
    (found) => !found,
  );
});
