import t from "tap";
import { typeSchema, typeSchemas } from "#api/schema.js";

/** Kubernetes 1.35's own patch tags, for the lists people edit every day. */
const mergeKeys: Record<string, string> = {
  "PodSpec.containers": "name",
  "PodSpec.initContainers": "name",
  "PodSpec.ephemeralContainers": "name",
  "PodSpec.volumes": "name",
  "PodSpec.imagePullSecrets": "name",
  "PodSpec.hostAliases": "ip",
  "PodSpec.topologySpreadConstraints": "topologyKey",
  "PodSpec.schedulingGates": "name",
  "PodSpec.resourceClaims": "name",
  "Container.env": "name",
  "Container.ports": "containerPort",
  "Container.volumeMounts": "mountPath",
  "Container.volumeDevices": "devicePath",
  "ServiceSpec.ports": "port",
  "ServiceAccount.secrets": "name",
  "ObjectMeta.ownerReferences": "uid",
  "PodStatus.conditions": "type",
  "PodStatus.podIPs": "ip",
  "PodStatus.hostIPs": "ip",
  "NodeStatus.conditions": "type",
  "NodeStatus.addresses": "type",
  "DeploymentStatus.conditions": "type",
  "ReplicaSetStatus.conditions": "type",
  "NamespaceStatus.conditions": "type",
  "ServiceStatus.conditions": "type",
};

t.test("every list says how it merges", async (t) => {
  for (const type of typeSchemas().values()) {
    for (const field of type.fields.values()) {
      if (field.shape !== "list") continue;
      const path = `${type.name}.${field.name}`;
      t.ok(field.listType, `${path} is a map, a set or atomic`);
      t.equal(field.mergeKey, mergeKeys[path] ?? field.mergeKey, path);
      if (field.mergeKey) {
        t.ok(field.struct?.fields.has(field.mergeKey), `${path}: ${field.mergeKey} is a field of its elements`);
        t.ok(field.strategy.includes("merge"), path);
      }
      t.equal(field.listType === "map", field.keys.length > 0, `${path} has keys exactly when it is a map`);
      for (const key of field.keys) t.ok(field.struct?.fields.has(key), `${path}: ${key}`);
    }
  }
  for (const [path, key] of Object.entries(mergeKeys)) {
    const [type, field] = path.split(".") as [string, string];
    t.equal(typeSchema(type).fields.get(field)?.mergeKey, key, path);
  }
});

t.test("types and formats", async (t) => {
  const field = (type: string, name: string) => typeSchema(type).fields.get(name);
  t.match(field("ResourceRequirements", "limits"), { scalar: "quantity", shape: "map", goType: "v1.ResourceList" });
  t.match(field("Secret", "data"), { scalar: "bytes", shape: "map" });
  t.match(field("LeaseSpec", "renewTime"), { scalar: "microTime" });
  t.match(field("ServicePort", "targetPort"), { scalar: "intOrString" });
  t.match(field("PodSpec", "containers"), { filled: true, goType: "[]v1.Container", keys: ["name"] });
  t.match(field("Container", "ports"), { keys: ["containerPort", "protocol"] });
  t.match(field("DeploymentSpec", "strategy"), { strategy: ["retainKeys"] });
  t.match(field("DeploymentSpec", "selector"), { atomic: true });
  t.throws(() => typeSchema("Nothing"), { message: /no schema for Nothing/ });
});
