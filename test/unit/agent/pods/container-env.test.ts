import t from "tap";
import { containerEnv, type EnvSources } from "#agent/pods/container-env.js";
import { expandVariables } from "#agent/pods/variable-expansion.js";
import { containerOf, podOf } from "#test/fixtures/pod-objects.js";

const base64 = (text: string) => Buffer.from(text).toString("base64");
const sources: EnvSources = {
  addresses: { podIPs: ["10.244.0.5"], hostIPs: ["192.0.2.1"] },
  capacity: { milliCpu: 4000, memory: 8 << 30, pods: 110 },
  configMap: async (name) => (name === "settings" ? { data: { color: "blue", size: "9" } } : undefined),
  secret: async (name) => (name === "keys" ? { data: { token: base64("s3cret") } } : undefined),
  async envFile(volume, path) {
    if (path === "bad.env") throw new Error("line 1 is not of the form NAME='value'");
    return volume === "work" && path === "a.env" ? new Map([["A", "1"]]) : undefined;
  },
  services: new Map([["WEB_SERVICE_HOST", "10.96.0.9"]]),
};

t.test("$(NAME) is replaced, $$ is a dollar, the unknown stays", async (t) => {
  const expand = (text: string) => expandVariables(text, (name) => ({ A: "1", EMPTY: "" })[name]);
  t.equal(expand("x$(A)y$(EMPTY)z"), "x1yz");
  t.equal(expand("$(NONE) $A $( $(A"), "$(NONE) $A $( $(A");
  t.equal(expand("$$(A) $$$(A) $$"), "$(A) $1 $");
});

t.test("values, fields, ConfigMaps and Secrets; later wins, earlier may be used", async (t) => {
  const container = containerOf("main", {
    resources: { limits: { cpu: "1500m", memory: "64Mi" } },
    envFrom: [{ configMapRef: { name: "settings" } }, { prefix: "S_", secretRef: { name: "keys" } }],
    env: [
      { name: "size", value: "10" },
      { name: "BOTH", value: "$(size)-$(LATER)-$(color)" },
      { name: "LATER", value: "x" },
      { name: "URL", value: "http://$(WEB_SERVICE_HOST)/" },
      { name: "IP", valueFrom: { fieldRef: { fieldPath: "status.podIP" } } },
      { name: "LABEL", valueFrom: { fieldRef: { fieldPath: "metadata.labels['app']" } } },
      { name: "CPU", valueFrom: { resourceFieldRef: { resource: "limits.cpu" } } },
      { name: "MIB", valueFrom: { resourceFieldRef: { resource: "limits.memory", divisor: "1Mi" } } },
      { name: "TOKEN", valueFrom: { secretKeyRef: { name: "keys", key: "token" } } },
      { name: "FILED", valueFrom: { fileKeyRef: { volumeName: "work", path: "a.env", key: "A" } } },
      {
        name: "UNFILED",
        valueFrom: { fileKeyRef: { volumeName: "work", path: "none.env", key: "A", optional: true } },
      },
      { name: "GONE", valueFrom: { configMapKeyRef: { name: "settings", key: "none", optional: true } } },
    ],
  });
  const pod = podOf({ containers: [container] });
  pod.metadata.labels = { app: "web" };
  t.same(Object.fromEntries(await containerEnv(pod, container, sources)), {
    color: "blue",
    size: "10",
    S_token: "s3cret",
    BOTH: "10-$(LATER)-$(color)",
    LATER: "x",
    URL: "http://10.96.0.9/",
    WEB_SERVICE_HOST: "10.96.0.9",
    IP: "10.244.0.5",
    LABEL: "web",
    CPU: "2",
    MIB: "64",
    TOKEN: "s3cret",
    FILED: "1",
  });
});

t.test("what is missing is named", async (t) => {
  const missing = (valueFrom: object) =>
    containerEnv(podOf(), containerOf("main", { env: [{ name: "X", valueFrom }] }), sources);
  await t.rejects(missing({ configMapKeyRef: { name: "nope", key: "a" } }), { message: 'configmap "nope" not found' });
  const inFile = (path: string, key: string) => missing({ fileKeyRef: { volumeName: "work", path, key } });
  await t.rejects(inFile("none.env", "A"), { message: 'file "none.env" of volume "work" not found' });
  await t.rejects(inFile("a.env", "B"), { message: `couldn't find key B in file "a.env" of volume "work"` });
  await t.rejects(inFile("bad.env", "A"), {
    message: `couldn't parse file "bad.env" of volume "work": line 1 is not of the form NAME='value'`,
  });
  await t.rejects(missing({ secretKeyRef: { name: "nope", key: "a" } }), { message: 'secret "nope" not found' });
  await t.rejects(missing({ configMapKeyRef: { name: "settings", key: "a" } }), {
    message: "couldn't find key a in ConfigMap default/settings",
  });
  await t.rejects(missing({ secretKeyRef: { name: "keys", key: "a" } }), {
    message: "couldn't find key a in Secret default/keys",
  });
  await t.rejects(
    containerEnv(podOf(), containerOf("main", { envFrom: [{ configMapRef: { name: "no" } }] }), sources),
    {
      message: 'configmap "no" not found',
    },
  );
});
