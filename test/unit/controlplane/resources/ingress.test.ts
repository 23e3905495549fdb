import t from "tap";
import type { Ingress, IngressClass } from "#api/generated/types.js";
import { ingress } from "#resources/ingress/ingress.js";
import { ingressClass } from "#resources/ingress/ingress-class.js";
import type { AdmissionContext } from "#resources/kind.js";

const texts = (errors: { field: string; message: string }[] = []) => errors.map((e) => `${e.field}: ${e.message}`);
const meta = (fields: object = {}) => ({ metadata: { name: "i", namespace: "default", ...fields } });
const service = { name: "web", port: { number: 80 } };
const backend = { service };
const path = (fields: object) => ({ path: "/", pathType: "Prefix", backend, ...fields });
const rule = (...paths: object[]) => ({ host: "a.example.com", http: { paths } });
const make = (spec: object, fields?: object) => ({ ...meta(fields), spec }) as Ingress;

const SUBDOMAIN =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const WILDCARD =
  "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must consist of lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character (e.g. '*.example.com', regex used for validation is '\\*\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const at = "spec.rules[0].http.paths[0]";

const refused: [string, object, string[]][] = [
  ["nothing", {}, ["spec: Invalid value: null: either `defaultBackend` or `rules` must be specified"]],
  [
    "an address as host",
    { rules: [{ host: "10.0.0.1" }] },
    ['spec.rules[0].host: Invalid value: "10.0.0.1": must be a DNS name, not an IP address'],
  ],
  ["a hostile host", { rules: [{ host: "a;b" }] }, [`spec.rules[0].host: Invalid value: "a;b": ${SUBDOMAIN}`]],
  ["a bare star", { rules: [{ host: "*" }] }, [`spec.rules[0].host: Invalid value: "*": ${WILDCARD}`]],
  ["a star inside", { rules: [{ host: "a.*.com" }] }, [`spec.rules[0].host: Invalid value: "a.*.com": ${WILDCARD}`]],
  ["no paths", { rules: [rule()] }, ["spec.rules[0].http.paths: Required value"]],
  [
    "no path type",
    { rules: [rule(path({ pathType: undefined }))] },
    [`${at}.pathType: Required value: pathType must be specified`],
  ],
  [
    "an unknown path type",
    { rules: [rule(path({ pathType: "Regex" }))] },
    [`${at}.pathType: Unsupported value: "Regex": supported values: "Exact", "ImplementationSpecific", "Prefix"`],
  ],
  [
    "a relative path",
    { rules: [rule(path({ path: "a" }), path({ path: "", pathType: "Exact" }))] },
    [
      `${at}.path: Invalid value: "a": must be an absolute path`,
      'spec.rules[0].http.paths[1].path: Invalid value: "": must be an absolute path',
    ],
  ],
  [
    "a path that climbs",
    { rules: [rule(path({ path: "/a//b/../%2f/." }))] },
    [
      `${at}.path: Invalid value: "/a//b/../%2f/.": must not contain '//'`,
      `${at}.path: Invalid value: "/a//b/../%2f/.": must not contain '/../'`,
      `${at}.path: Invalid value: "/a//b/../%2f/.": must not contain '%2f'`,
      `${at}.path: Invalid value: "/a//b/../%2f/.": cannot end with '/.'`,
    ],
  ],
  [
    "no backend",
    { defaultBackend: {} },
    ['spec.defaultBackend: Invalid value: "": resource or service backend is required'],
  ],
  [
    "two backends",
    { defaultBackend: { service, resource: { kind: "K", name: "n" } } },
    ['spec.defaultBackend: Invalid value: "": cannot set both resource and service backends'],
  ],
  [
    "two ports",
    { defaultBackend: { service: { name: "web", port: { name: "http", number: 80 } } } },
    ['spec.defaultBackend: Invalid value: "": cannot set both port name & port number'],
  ],
  [
    "no service name, no port",
    { defaultBackend: { service: { name: "", port: {} } } },
    [
      "spec.defaultBackend.service.name: Required value",
      "spec.defaultBackend: Required value: port name or number is required",
    ],
  ],
  [
    "a resource without name",
    { defaultBackend: { resource: { apiGroup: "k8s.example.com", kind: "Bucket", name: "" } } },
    ["spec.defaultBackend.resource.name: Required value"],
  ],
  [
    "tls",
    { defaultBackend: backend, tls: [{ hosts: ["*.a", "B"], secretName: "no/name" }] },
    [
      `spec.tls[0].hosts[1]: Invalid value: "B": ${SUBDOMAIN}`,
      `spec.tls[0].secretName: Invalid value: "no/name": ${SUBDOMAIN}`,
    ],
  ],
  [
    "class name",
    { defaultBackend: backend, ingressClassName: "Not_A_Name" },
    [`spec.ingressClassName: Invalid value: "Not_A_Name": ${SUBDOMAIN}`],
  ],
];

t.test("an Ingress is refused in Kubernetes' words", async (t) => {
  for (const [title, spec, wanted] of refused) t.same(texts(ingress.validate?.(make(spec))), wanted, title);
});

t.test("what is fine", async (t) => {
  const specs = [
    { defaultBackend: backend },
    { rules: [{ host: "*.example.com" }] },
    { rules: [rule(path({ pathType: "ImplementationSpecific", path: "" }))] },
    { rules: [rule(path({ pathType: "ImplementationSpecific", path: "/a//b(.*)" }))], tls: [{ secretName: "s" }] },
    { rules: [rule(path({ path: "/a/" }), path({ path: "/a", pathType: "Exact" }))] },
    { defaultBackend: { resource: { kind: "Bucket", name: "b" } } },
  ];
  for (const spec of specs) t.same(texts(ingress.validate?.(make(spec))), []);
});

t.test("class by field and by annotation", async (t) => {
  const both = make(
    { defaultBackend: backend, ingressClassName: "b" },
    { annotations: { "kubernetes.io/ingress.class": "a" } },
  );
  t.same(texts(ingress.validate?.(both)), [
    'annotations.kubernetes.io/ingress.class: Invalid value: "a": must match `ingressClassName` when both are specified',
  ]);
  t.same(texts(ingress.validate?.(both, both)), [], "an update is not held against it");
  t.same(ingress.warnings?.(both), []);
  const old = make({ defaultBackend: backend }, { annotations: { "kubernetes.io/ingress.class": "a" } });
  t.same(ingress.warnings?.(old), [
    "annotation \"kubernetes.io/ingress.class\" is deprecated, please use 'spec.ingressClassName' instead",
  ]);
});

t.test("the default class", async (t) => {
  const newClass = (name: string, creationTimestamp: string, isDefault?: string) =>
    ({
      metadata: { name, creationTimestamp, annotations: { "ingressclass.kubernetes.io/is-default-class": isDefault } },
    }) as unknown as IngressClass;
  const classes = [
    newClass("plain", "2026-01-03T00:00:00Z"),
    newClass("old", "2026-01-01T00:00:00Z", "true"),
    newClass("new", "2026-01-02T00:00:00Z", "true"),
  ];
  const context = { list: () => classes } as unknown as AdmissionContext;
  const given = (object: Ingress, old?: Ingress) => {
    void ingress.admission?.beforeWrite?.(object, old, context);
    return object.spec?.ingressClassName;
  };
  t.equal(given(make({})), "new", "of two the newest");
  t.equal(given(make({ ingressClassName: "other" })), "other");
  t.equal(given(make({}, { annotations: { "kubernetes.io/ingress.class": "x" } })), undefined);
  t.equal(given(make({}), make({})), undefined, "an update gets none");
  classes.length = 1;
  t.equal(given(make({})), undefined, "no default class, no class");
});

t.test("status", async (t) => {
  const { status } = ingress.subresources ?? {};
  if (typeof status !== "object") throw new Error("no status subresource");
  const object = { ...make({}), status: { loadBalancer: { ingress: [{ ip: "1.2.3" }, { hostname: "1.2.3.4" }] } } };
  t.same(texts(status.validate?.(object, object)), [
    'status.loadBalancer.ingress[0].ip: Invalid value: "1.2.3": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)',
    'status.loadBalancer.ingress[1].hostname: Invalid value: "1.2.3.4": must be a DNS name, not an IP address',
  ]);
});

const parameters = { kind: "Config", name: "c", scope: "Cluster" };
const refusedClasses: [string, object | undefined, string[]][] = [
  ["nothing", undefined, ["spec.controller: Required value"]],
  [
    "no domain",
    { controller: "nginx" },
    ['spec.controller: Invalid value: "nginx": must be a domain-prefixed path (such as "acme.io/foo")'],
  ],
  ["a bad domain", { controller: "A/b" }, [`spec.controller: Invalid value: "A": ${SUBDOMAIN}`]],
  [
    "a bad path",
    { controller: "a.io/b c" },
    [
      "spec.controller: Invalid value: \"b c\": Invalid path (regex used for validation is '[A-Za-z0-9/\\-._~%!$&'()*+,;=:]+')",
    ],
  ],
  [
    "a long one",
    { controller: `a.io/${"b".repeat(250)}` },
    ["spec.controller: Too long: may not be more than 250 bytes"],
  ],
  [
    "parameters",
    { controller: "a.io/b", parameters: { kind: "", name: "a/b", scope: "All" } },
    [
      "spec.parameters.kind: Required value",
      "spec.parameters.name: Invalid value: \"a/b\": may not contain '/'",
      'spec.parameters.scope: Unsupported value: "All": supported values: "Cluster", "Namespace"',
    ],
  ],
  [
    "parameters of the cluster in a namespace",
    { controller: "a.io/b", parameters: { ...parameters, namespace: "x" } },
    ["spec.parameters.namespace: Forbidden: `parameters.scope` is set to 'Cluster'"],
  ],
  [
    "parameters of no namespace",
    { controller: "a.io/b", parameters: { ...parameters, scope: "Namespace" } },
    ["spec.parameters.namespace: Required value: `parameters.scope` is set to 'Namespace'"],
  ],
];

t.test("an IngressClass is refused in Kubernetes' words", async (t) => {
  for (const [title, spec, wanted] of refusedClasses)
    t.same(texts(ingressClass.validate?.({ ...meta(), spec } as IngressClass)), wanted, title);
});

t.test("an IngressClass: scope is Cluster unless said, and its controller stays", async (t) => {
  const object = { ...meta(), spec: { controller: "a.io/b", parameters: { kind: "K", name: "n" } } } as IngressClass;
  ingressClass.defaults?.(object);
  t.equal(object.spec?.parameters?.scope, "Cluster");
  t.same(texts(ingressClass.validate?.(object)), []);
  const other = { ...object, spec: { controller: "a.io/c" } };
  t.same(texts(ingressClass.validateUpdate?.(other, object)), [
    'spec.controller: Invalid value: "a.io/c": field is immutable',
  ]);
});
