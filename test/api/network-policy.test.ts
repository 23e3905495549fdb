/** NetworkPolicy through the API and the real kubectl; that it is enforced is for test/contract and test/e2e to show. */
import t from "tap";
import { networkPolicies } from "#api/refs.js";
import { eventually, TestServer } from "#test/fixtures/api-server.js";

const POLICIES = "/apis/networking.k8s.io/v1/namespaces/default/networkpolicies";
const policy = (spec: object, labels?: object) => ({
  apiVersion: "networking.k8s.io/v1",
  kind: "NetworkPolicy",
  metadata: { name: "web", labels },
  spec,
});
const spec = {
  podSelector: { matchLabels: { app: "web" } },
  ingress: [
    {
      from: [
        { namespaceSelector: { matchLabels: { team: "a" } }, podSelector: { matchLabels: { app: "client" } } },
        { ipBlock: { cidr: "10.0.0.0/8", except: ["10.1.0.0/16"] } },
      ],
      ports: [
        { protocol: "TCP", port: 8000, endPort: 9000 },
        { protocol: "TCP", port: "http" },
      ],
    },
  ],
  egress: [{ ports: [{ protocol: "UDP", port: 53 }] }],
  policyTypes: ["Ingress", "Egress"],
};

for (const version of ["v32", "v35"] as const) {
  t.test(`kubectl ${version}`, async (t) => {
    const api = await TestServer.start(t);
    await eventually(
      async () => ((await api.call("GET", "/api/v1/namespaces/default")).status === 200 ? true : undefined),
      "namespace",
    );
    const kubectl = async (args: string, input?: string) => {
      const { code, stdout, stderr } = await api.kubectl(version, args.split(" "), input);
      if (code !== 0) throw new Error(`kubectl ${args}: ${stderr}`);
      return stdout;
    };
    const apply = (object: object) => kubectl("apply -f -", JSON.stringify(object));
    t.match(await kubectl("api-resources"), /networkpolicies +netpol +networking\.k8s\.io\/v1 +true +NetworkPolicy/);
    t.match(await apply(policy(spec)), /web created/);
    t.match(await kubectl("get netpol"), /NAME +POD-SELECTOR +AGE\nweb +app=web +\d+s/);
    const described = await kubectl("describe networkpolicy web");
    for (const line of [
      /PodSelector: +app=web/,
      /To Port( Range)?: 8000-9000\/TCP/,
      /To Port: http\/TCP/,
      /NamespaceSelector: team=a\n +PodSelector: app=client/,
      /CIDR: 10\.0\.0\.0\/8\n +Except: 10\.1\.0\.0\/16/,
      /To Port: 53\/UDP/,
      /Policy Types: Ingress, Egress/,
    ])
      t.match(described, line);
    t.match(await kubectl("explain networkpolicy.spec.ingress.from.ipBlock.except"), /FIELD: except <\[\]string>/);
    t.match(await apply(policy(spec)), /web unchanged/);
    const narrower = {
      ...spec,
      ingress: [{ from: [{ podSelector: {} }] }],
      egress: undefined,
      policyTypes: ["Ingress"],
    };
    t.match(await apply(policy(narrower)), /web configured/);
    const stored = await api.rest().get(networkPolicies, "web", "default");
    t.same(stored.spec.ingress, [{ from: [{ podSelector: {} }] }], "a list of rules is replaced as a whole");
    t.same([stored.spec.egress, stored.spec.policyTypes], [undefined, ["Ingress"]]);
    t.equal(stored.metadata.generation, 2, "a new generation for a new spec");
    await kubectl("label netpol web a=b");
    t.equal((await api.rest().get(networkPolicies, "web", "default")).metadata.generation, 2, "none for a label");
    t.match(await kubectl("delete netpol web"), /"web" deleted/);
  });
}

t.test("what is refused is refused in Kubernetes' words, and nothing of it is stored", async (t) => {
  const api = await TestServer.start(t);
  await eventually(
    async () => ((await api.call("GET", "/api/v1/namespaces/default")).status === 200 ? true : undefined),
    "namespace",
  );
  const ingress = [{ from: [{ ipBlock: { cidr: "10.0.0.0/8", except: ["11.0.0.0/16"] }, podSelector: {} }] }];
  const refused = await api.call("POST", POLICIES, { body: policy({ podSelector: {}, ingress }) });
  t.equal(refused.status, 422);
  t.match(refused.json, {
    reason: "Invalid",
    message:
      'NetworkPolicy.networking.k8s.io "web" is invalid: [spec.ingress[0].from[0].ipBlock.except[0]: Invalid value: "11.0.0.0/16": must be a strict subset of `cidr`, spec.ingress[0].from[0]: Forbidden: may not specify both ipBlock and another peer]',
    details: {
      name: "web",
      group: "networking.k8s.io",
      kind: "NetworkPolicy",
      causes: [
        { reason: "FieldValueInvalid", field: "spec.ingress[0].from[0].ipBlock.except[0]" },
        { reason: "FieldValueForbidden", field: "spec.ingress[0].from[0]" },
      ],
    },
  });
  const wrongType = await api.call("POST", POLICIES, { body: policy({ podSelector: {}, egress: "all" }) });
  t.equal(wrongType.status, 400);
  const unknown = await api.call("POST", `${POLICIES}?fieldValidation=Strict`, { body: policy({ podSelectors: {} }) });
  t.match(unknown.json, { code: 400, message: /unknown field "spec\.podSelectors"/ });
  t.same((await api.call("GET", POLICIES)).json.items, []);
  const block = { podSelector: {}, ingress: [{ from: [{ ipBlock: { cidr: "10.0.0.5/8" } }] }] };
  const warned = await api.call("POST", POLICIES, { body: policy(block) });
  t.match([warned.status, warned.headers["warning"]], [201, /ambiguous in this context/]);
});
