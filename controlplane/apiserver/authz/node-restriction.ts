/**
 * The part of a node's limits that is in the body: it creates only its own Node and its own Lease, Pods only as mirrors of
 * its static ones, and asks only for tokens that end with one of its own Pods.
 */

import type { PodSpec, TokenRequestSpec } from "#api/generated/types.js";
import { MIRROR } from "#api/pod-state.js";
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
  metadata?: { name?: unknown; annotations?: Record<string, unknown> };
  spec?: Partial<TokenRequestSpec> & Partial<PodSpec>;
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
  if (resource.plural === "pods" && resource.group === "" && !resource.subresource) restrictPod(node, parse(body));
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

/** A mirror shows what runs already: it refers to nothing that a node could read by way of it. */
function restrictPod(node: string, { metadata, spec }: Body): void {
  const refuse = (why: string) => forbiddenError(pods, String(metadata?.name ?? ""), `node "${node}" ${why}`);
  if (metadata?.annotations?.[MIRROR] === undefined) throw refuse("can only create mirror pods");
  if (spec?.nodeName !== node) throw refuse("can only create pods with spec.nodeName set to itself");
  if (spec.serviceAccountName) throw refuse("can not create pods that reference a service account");
  const text = JSON.stringify(spec);
  if (/"(secret|secretKeyRef|secretRef|configMap|configMapKeyRef|configMapRef|imagePullSecrets|projected)":/.test(text))
    throw refuse("can not create pods that reference secrets or configmaps");
  if (/"(persistentVolumeClaim|ephemeral)":/.test(text))
    throw refuse("can not create pods that reference persistentvolumeclaims");
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
