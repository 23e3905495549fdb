/** The names types have in OpenAPI: V1Pod → io.k8s.api.core.v1.Pod. The models have lost their packages; this finds them again. */
import { referencedModel } from "./models.mjs";

const META = "io.k8s.apimachinery.pkg.apis.meta.v1";

const metaTypes = new Set(
  `V1APIGroup V1APIGroupList V1APIResource V1APIResourceList V1APIVersions V1Condition V1DeleteOptions
V1FieldSelectorRequirement V1GroupVersionForDiscovery V1LabelSelector V1LabelSelectorRequirement V1ListMeta
V1ManagedFieldsEntry V1ObjectMeta V1OwnerReference V1Preconditions V1ServerAddressByClientCIDR V1Status V1StatusCause
V1StatusDetails V1WatchEvent`.split(/\s+/),
);

/** Types of one group that nothing of the group itself refers to. */
const strays = { V1TopologySelectorTerm: "v1", V1TopologySelectorLabelRequirement: "v1" };

const prefixes =
  /^(?:Admissionregistration|Apiextensions|Apiregistration|Authentication|Core|Discovery|Events|Flowcontrol|Rbac|Resource|Storage)?V\d+(?:(?:alpha|beta)\d+)?(?=[A-Z])/;

/** "apps/v1" → "io.k8s.api.apps.v1", "discovery.k8s.io/v1" → "io.k8s.api.discovery.v1". */
function packageOf(groupVersion) {
  if (groupVersion === "v1") return "io.k8s.api.core.v1";
  const [group, version] = groupVersion.split("/");
  if (group === "apiextensions.k8s.io") return `io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.${version}`;
  if (group === "apiregistration.k8s.io") return `io.k8s.kube-aggregator.pkg.apis.apiregistration.${version}`;
  if (group === "metrics.k8s.io") return `io.k8s.metrics.pkg.apis.metrics.${version}`;
  if (group.endsWith(".berth.dev")) return `dev.berth.${group.replace(".berth.dev", "")}.${version}`;
  return `io.k8s.api.${group.replace(/\.(authorization\.)?k8s\.io$/, "")}.${version}`;
}

/**
 * A type belongs to the first group that reaches it, core first: other groups refer to core types, core to no other's.
 * @returns {Map<string, string>} model name → full name
 */
export function packageNames(models, roots) {
  const names = new Map();
  const visit = (model, packageName) => {
    if (names.has(model)) return;
    const home = metaTypes.has(model) ? META : strays[model] ? packageOf(strays[model]) : packageName;
    names.set(model, `${home}.${model.replace(prefixes, "")}`);
    for (const field of models.get(model).fields) {
      const reference = referencedModel(field.type);
      if (reference) visit(reference, packageName);
    }
  };
  const coreFirst = Object.entries(roots).sort(([, a], [, b]) => Number(b === "v1") - Number(a === "v1"));
  for (const [model, groupVersion] of coreFirst) visit(model, packageOf(groupVersion));
  return names;
}
