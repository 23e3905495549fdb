import "reflect-metadata";
import { generateKeyPairSync, webcrypto } from "node:crypto";
import * as x509 from "@peculiar/x509";
import t from "tap";
import type { Node, Pod } from "#api/generated/types.js";
import { readSettings } from "#controlplane/controllers/ingress/annotations.js";
import { resolveBackend } from "#controlplane/controllers/ingress/backends.js";
import { readCertificate } from "#controlplane/controllers/ingress/certificate.js";
import { makeDefaultCertificate } from "#controlplane/controllers/ingress/default-certificate.js";
import { argument } from "#controlplane/controllers/ingress/nginx-text.js";
import { covers, readPath } from "#controlplane/controllers/ingress/path.js";
import { planProxies } from "#controlplane/controllers/ingress/plan-proxies.js";
import { newIngress, newService, newSlice, newTlsSecret, toService } from "#test/fixtures/ingress-objects.js";

t.test("an argument of nginx stays one argument", async (t) => {
  const cases: [string | number, string][] = [
    [80, "80"],
    ["/plain/path-1.0_~", "/plain/path-1.0_~"],
    ["", '""'],
    ["a b", '"a b"'],
    ["a;b", '"a;b"'],
    ['"};', '"\\"};"'],
    ["\\", '"\\\\"'],
    ["#", '"#"'],
    ["'", '"\'"'],
    ["{", '"{"'],
  ];
  for (const [text, wanted] of cases) t.equal(argument(text), wanted);
  for (const text of ["a\nb", "\0", "\r", "\t", "\x7f"]) t.throws(() => argument(text), /control characters/);
});

t.test("paths", async (t) => {
  const cases: [string | undefined, string, string, boolean][] = [
    ["/a/b/", "Prefix", "/a/b", false],
    ["/a", "Exact", "/a", true],
    ["/a/", "Exact", "/a/", true],
    ["/", "Prefix", "/", false],
    [undefined, "ImplementationSpecific", "/", false],
    ["/%C3%A9", "Prefix", "/é", false],
    ["/100%", "Prefix", "/100%", false],
  ];
  for (const [path, type, wanted, exact] of cases) t.same(readPath(path, type), { path: wanted, exact });
  const foo = { path: "/foo", exact: false };
  t.ok(covers(foo, foo));
  t.ok(covers(foo, { path: "/foo/bar", exact: true }));
  t.notOk(covers(foo, { path: "/foobar", exact: false }));
  t.notOk(covers({ ...foo, exact: true }, foo), "an exact path does not take what is below it");
});

t.test("annotations are parsed, never copied", async (t) => {
  const read = (annotations: Record<string, string>) => {
    const { settings, problems } = readSettings(newIngress("i", {}, { annotations }));
    return [settings, problems.map(({ message }) => message)];
  };
  const prefix = "nginx.ingress.kubernetes.io/";
  t.same(read({ [`${prefix}proxy-read-timeout`]: "3600", [`${prefix}ssl-redirect`]: "false", other: "x" }), [
    { redirect: false, timeouts: { read: 3600 } },
    [],
  ]);
  t.same(read({ [`${prefix}proxy-read-timeout`]: "10; }", [`${prefix}server-snippet`]: "return 200;" }), [
    { redirect: true, timeouts: {} },
    [
      `annotation ${prefix}proxy-read-timeout: value "10; }" is not understood, it has no effect`,
      `annotation ${prefix}server-snippet: is not supported, it has no effect`,
    ],
  ]);
});

t.test("backends", async (t) => {
  const resolve = (
    service: ReturnType<typeof newService> | undefined,
    slice = newSlice("s", ["10.244.0.1"]),
    port: number | string = 80,
  ) => resolveBackend("default", toService("s", port), { service: () => service, slices: () => [slice] });
  const service = newService("s", "10.96.0.1");
  t.same(resolve(service).upstream, { name: "default_s_80", servers: ["10.96.0.1:80"] });
  t.same(resolve(service, undefined, "http").upstream?.servers, ["10.96.0.1:80"], "a port by name");
  t.same(resolve(newService("s", "None"), newSlice("s", ["10.244.0.2", "10.244.0.1"])).upstream?.servers, [
    "10.244.0.1:8080",
    "10.244.0.2:8080",
  ]);
  t.same(resolve(service, newSlice("s", ["10.244.0.1"], { ready: false })), { backend: undefined }, "nobody is ready");
  t.ok(resolve(service, newSlice("s", ["10.244.0.1"], { ready: false, serving: true, terminating: true })).backend);
  t.same(resolve(undefined).unserved?.reason, "ServiceNotFound");
  t.same(resolve(service, undefined, 81).unserved?.message, 'service "s" has no port 81');
  t.same(resolve(newService("s", "", { type: "ExternalName" })).unserved?.reason, "BackendNotSupported");
  const secure = [{ name: "http", port: 80, appProtocol: "HTTPS", protocol: "TCP" }];
  t.equal(resolve(newService("s", "10.96.0.1", { ports: secure })).backend?.https, true);
});

async function selfSigned(algorithm: { name: string; modulusLength: number; hash: string }) {
  const parameters = { ...algorithm, publicExponent: new Uint8Array([1, 0, 1]) };
  const keys = await webcrypto.subtle.generateKey(parameters, true, ["sign", "verify"]);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name: "CN=x",
    keys,
    signingAlgorithm: parameters,
  });
  const key = x509.PemConverter.encode(await webcrypto.subtle.exportKey("pkcs8", keys.privateKey), "PRIVATE KEY");
  return newTlsSecret("s", certificate.toString("pem"), key);
}

t.test("certificates the proxy would refuse, or that are more than certificates", async (t) => {
  const good = await makeDefaultCertificate(Date.now());
  const other = await makeDefaultCertificate(Date.now());
  const { pem, file } = readCertificate(
    newTlsSecret("s", `junk; }\n${good.certificate}\nmore junk`, `${good.key}junk`),
  );
  t.notMatch(pem, /junk/, "nothing else gets through");
  t.match(file, /^tls-[0-9a-f]{32}\.pem$/);
  const rsa = { name: "RSASSA-PKCS1-v1_5", modulusLength: 2048, hash: "SHA-256" };
  t.ok(readCertificate(await selfSigned(rsa)));
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const encrypted = privateKey.export({ type: "pkcs8", format: "pem", cipher: "aes-256-cbc", passphrase: "x" });
  const bad: [ReturnType<typeof newTlsSecret>, RegExp][] = [
    [newTlsSecret("s", "", good.key), /has no tls\.crt/],
    [newTlsSecret("s", "nothing", good.key), /holds no certificate/],
    [newTlsSecret("s", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----", good.key), /cannot be read/],
    [newTlsSecret("s", good.certificate, "nothing"), /cannot be read as a private key/],
    [newTlsSecret("s", good.certificate, String(encrypted)), /cannot be read as a private key/],
    [newTlsSecret("s", good.certificate, other.key), /not the key of/],
    [newTlsSecret("s", good.certificate.repeat(11), good.key), /more than 10/],
    [await selfSigned({ ...rsa, modulusLength: 1024 }), /too weak/],
    [await selfSigned({ ...rsa, hash: "SHA-1" }), /MD5 or SHA-1/],
  ];
  for (const [secret, message] of bad) t.throws(() => readCertificate(secret), { name: "CertificateError", message });
});

const ready = [{ type: "Ready", status: "True" }];
const newNode = (name: string, spec: object = {}, fields: object = {}) =>
  ({ metadata: { name, ...fields }, spec, status: { conditions: ready } }) as unknown as Node;
const marks = { "ingress.berth.dev/template": "t2", "ingress.berth.dev/configuration": "c2" };
const newProxy = (node: string, annotations: object = {}, fields: object = {}) =>
  ({
    metadata: { name: `ingress-nginx-${node}`, annotations: { ...marks, ...annotations } },
    spec: {},
    status: { phase: "Running", conditions: ready },
    ...fields,
  }) as unknown as Pod;

function planned(nodes: Node[], pods: Pod[]) {
  const plan = planProxies(nodes, pods, (node) => newProxy(node));
  const names = (list: readonly { metadata: { name?: string } }[]) =>
    list.map(({ metadata }) => metadata.name?.slice("ingress-nginx-".length));
  return { create: names(plan.create), delete: names(plan.delete), tell: names(plan.tell) };
}

t.test("which proxies come and go", async (t) => {
  const none = { create: [], delete: [], tell: [] };
  const [a, b] = [newNode("a"), newNode("b")];
  const old = { "ingress.berth.dev/template": "t1" };
  const notReady = { status: { phase: "Running", conditions: [] } };
  const dying = { metadata: { name: "ingress-nginx-a", annotations: marks, deletionTimestamp: "x" } };
  t.same(planned([a, b], []), { ...none, create: ["a", "b"] });
  t.same(planned([a, b], [newProxy("a"), newProxy("b")]), none);
  t.same(planned([a], [newProxy("a"), newProxy("gone")]), { ...none, delete: ["gone"] });
  t.same(planned([newNode("a", { unschedulable: true })], []), none, "none for a cordoned node");
  t.same(planned([newNode("a", { unschedulable: true })], [newProxy("a")]), none, "but what is there stays");
  t.same(planned([newNode("a", { taints: [{ key: "gpu", effect: "NoSchedule" }] })], [newProxy("a")]), {
    ...none,
    delete: ["a"],
  });
  t.same(
    planned(
      [newNode("a", { taints: [{ key: "node.kubernetes.io/unreachable", effect: "NoExecute" }] })],
      [newProxy("a")],
    ),
    none,
  );
  t.same(planned([a], [newProxy("a", { "ingress.berth.dev/configuration": "c1" })]), { ...none, tell: ["a"] });
  t.same(planned([a], [newProxy("a", {}, { status: { phase: "Failed" } })]), { ...none, delete: ["a"] });
  t.same(planned([a], [newProxy("a", {}, dying)]), none, "one on its way out is waited for");
  t.same(planned([a, b], [newProxy("a", old), newProxy("b", old)]), { ...none, delete: ["a"] }, "one at a time");
  t.same(planned([a, b], [newProxy("a", {}, dying), newProxy("b", old)]), none, "not while another is missing");
  t.same(
    planned([a, b], [newProxy("a", old, notReady), newProxy("b", old)]),
    { ...none, delete: ["a"] },
    "the idle one first",
  );
});
