/**
 * The part of a node's limits that is in the body: it creates only its own Node and its own Lease, and asks only for
 * tokens that end with one of its own Pods.
 */
import type { TokenRequestSpec } from "#api/generated/types.js";
import { pods } from "#api/refs.js";
import { forbiddenError, type StatusError } from "#api/status-error.js";
import type { UserInfo } from "#resources/kind.js";
import { nodeNameOf } from "../authn/groups.js";
import type { ClusterReader } from "../cluster-reader.js";
import type { RequestInfo, ResourceInfo } from "../request-info.js";

const OWN_NAME: Readonly<Record<string, { plural: string; group: string; kind: string }>> = {
  nodes: { plural: "nodes", group: "", kind: "Node" },
  leases: { plural: "leases", group: "coordination.k8s.io", kind: "Lease" },
};

interface Body {
  metadata?: { name?: unknown };
  spec?: Partial<TokenRequestSpec>;
}

/** @throws StatusError 403. Looks at nothing but creates by nodes */
export function restrictNode(user: UserInfo, info: RequestInfo, body: Buffer | undefined, reader: ClusterReader): void {
  const { resource } = info;
  if (info.verb !== "create" || !resource) return;
  const node = nodeNameOf(user);
  if (node === undefined) return;
  if (resource.plural === "serviceaccounts" && resource.subresource === "token") {
    restrictToken(node, resource, parse(body), reader);
  }
  const subject = resource.subresource ? undefined : OWN_NAME[resource.plural];
  if (!subject) return;
  const name = parse(body).metadata?.name;
  if (name === node) return;
  throw forbiddenError(
    subject,
    String(name ?? ""),
    `node "${node}" is not allowed to create a ${subject.kind} of another name`,
  );
}

function restrictToken(node: string, { namespace, name = "" }: ResourceInfo, body: Body, reader: ClusterReader): void {
  const ref = body.spec?.boundObjectRef;
  if (ref?.kind !== "Pod" || !ref.name) throw refused(name, `node "${node}" requested a token not bound to a pod`);
  const pod = reader.get(pods, ref.name, namespace);
  if (pod?.spec.nodeName !== node || pod.metadata.uid !== ref.uid || pod.spec.serviceAccountName !== name) {
    throw refused(name, `node "${node}" requested a token bound to a pod scheduled on a different node`);
  }
}

function refused(name: string, why: string): StatusError {
  return forbiddenError({ group: "", plural: "serviceaccounts", kind: "ServiceAccount" }, name, why);
}

/** A body that cannot be read names nothing, and is refused here whatever the decoder would have made of it. */
function parse(body: Buffer | undefined): Body {
  try {
    return (JSON.parse(body?.toString("utf8") ?? "") as Body) ?? {};
  } catch {
    return {};
  }
}
