/**
 * What a node's certificate may do: its own Node, Lease and Pods, what those Pods reference, and the cluster-wide reads
 * that networking needs. https://kubernetes.io/docs/reference/access-authn-authz/node/
 */
import { persistentVolumes, pods } from "#api/refs.js";
import { LOCAL_NODE } from "#api/storage.js";
import type { ClusterReader } from "../cluster-reader.js";
import type { AccessRequest } from "./access.js";
import { selectedName } from "./field-selector.js";
import { isReferenced, type ReferencedPlural } from "./pod-references.js";

export const NODE_LEASE_NAMESPACE = "kube-node-lease";

type Resource = NonNullable<AccessRequest["resource"]>;
type Rule = (resource: Resource, verb: string, node: string, reader: ClusterReader) => boolean;

const READS = new Set(["get", "list", "watch"]);
const WRITES = new Set(["update", "patch"]);
const readOnly: Rule = (resource, verb) => READS.has(verb) && !resource.subresource;

/** By "plural" or "plural.group". */
const RULES: Readonly<Record<string, Rule>> = {
  namespaces: readOnly,
  services: readOnly,
  endpoints: readOnly,
  "endpointslices.discovery.k8s.io": readOnly,
  "networkpolicies.networking.k8s.io": readOnly,
  "runtimeclasses.node.k8s.io": readOnly,
  "podpeers.policy.berth.dev": readOnly,
  "clustertrustbundles.certificates.k8s.io": readOnly,
  nodes: nodeRule,
  "leases.coordination.k8s.io": leaseRule,
  pods: podRule,
  events: (resource, verb) => !resource.subresource && (verb === "create" || WRITES.has(verb)),
  "events.events.k8s.io": (resource, verb) => !resource.subresource && (verb === "create" || WRITES.has(verb)),
  secrets: referenceRule("secrets"),
  configmaps: referenceRule("configmaps"),
  serviceaccounts: serviceAccountRule,
  persistentvolumeclaims: referenceRule("persistentvolumeclaims"),
  persistentvolumes: volumeRule,
};

export function nodeMay(node: string, access: AccessRequest, reader: ClusterReader): boolean {
  const { resource, verb } = access;
  if (!resource) return false;
  const rule = RULES[resource.group ? `${resource.plural}.${resource.group}` : resource.plural];
  return rule?.(resource, verb, node, reader) ?? false;
}

// On "create" the name is in the body; node-restriction.ts looks at it.
function nodeRule(resource: Resource, verb: string, node: string): boolean {
  if (resource.subresource) return resource.subresource === "status" && resource.name === node && WRITES.has(verb);
  return READS.has(verb) || verb === "create" || (resource.name === node && WRITES.has(verb));
}

function leaseRule(resource: Resource, verb: string, node: string): boolean {
  if (resource.namespace !== NODE_LEASE_NAMESPACE || resource.subresource) return false;
  if (verb === "create") return true;
  return resource.name === node && (verb === "get" || verb === "delete" || WRITES.has(verb));
}

function podRule(resource: Resource, verb: string, node: string, reader: ClusterReader): boolean {
  const { subresource, namespace, name } = resource;
  if (name === undefined) {
    // Its static Pods' mirrors; node-restriction.ts looks at the body.
    if (verb === "create") return !subresource;
    return !subresource && (verb === "list" || verb === "watch") && requires(resource, "spec.nodeName", node);
  }
  if (!namespace) return false;
  const allowed = subresource
    ? subresource === "status" && (verb === "get" || WRITES.has(verb))
    : verb === "get" || verb === "delete";
  if (!allowed) return false;
  // A Pod that is gone may be asked for: the answer is 404, which an agent must be able to tell from a refusal.
  const pod = reader.get(pods, name, namespace);
  return pod === undefined || pod.spec.nodeName === node;
}

/** Of a volume on its own disk that is being deleted a node tells that the data is gone. */
function volumeRule(resource: Resource, verb: string, node: string, reader: ClusterReader): boolean {
  if (resource.subresource) return false;
  if (READS.has(verb)) return true;
  const volume = resource.name ? reader.get(persistentVolumes, resource.name) : undefined;
  if (verb !== "patch" || !volume?.metadata.deletionTimestamp) return false;
  return volume.metadata.labels?.[LOCAL_NODE] === node;
}

function referenceRule(plural: ReferencedPlural): Rule {
  return (resource, verb, node, reader) => {
    const name = resource.name ?? selectedName(resource.fieldSelector);
    if (!READS.has(verb) || resource.subresource || !resource.namespace || !name) return false;
    return isReferenced(reader, node, plural, resource.namespace, name);
  };
}

function serviceAccountRule(resource: Resource, verb: string, node: string, reader: ClusterReader): boolean {
  if (resource.subresource === "token") {
    if (verb !== "create" || !resource.namespace || !resource.name) return false;
    return isReferenced(reader, node, "serviceaccounts", resource.namespace, resource.name);
  }
  return referenceRule("serviceaccounts")(resource, verb, node, reader);
}

/** True when the field selector lets nothing through but objects whose field has this value. */
function requires(resource: Resource, field: string, value: string): boolean {
  return (resource.fieldSelector ?? "")
    .split(",")
    .some((term) => term === `${field}=${value}` || term === `${field}==${value}`);
}
