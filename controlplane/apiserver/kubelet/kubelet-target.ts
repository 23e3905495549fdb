/** Where a Pod's kubelet listens, and which of its containers a request means. */
import type { Node, Pod } from "#api/generated/types.js";
import { nodes, pods } from "#api/refs.js";
import { badRequest, notFoundError, StatusError } from "#api/status-error.js";
import type { ClusterReader } from "../cluster-reader.js";
import type { ResourceInfo } from "../request-info.js";

export interface KubeletAddress {
  readonly nodeName: string;
  readonly host: string;
  readonly port: number;
}

const DEFAULT_PORT = 10250;

/** @throws StatusError 404 */
export function findPod(reader: ClusterReader, { name = "", namespace }: ResourceInfo): Pod {
  const pod = reader.get(pods, name, namespace);
  if (!pod) throw notFoundError({ group: "", plural: "pods", kind: "Pod" }, name);
  return pod;
}

/** @throws StatusError when the node is gone or has not said where its kubelet listens */
export function kubeletAddress(reader: ClusterReader, nodeName: string): KubeletAddress {
  const node: Node | undefined = reader.get(nodes, nodeName);
  if (!node) throw notFoundError({ group: "", plural: "nodes", kind: "Node" }, nodeName);
  const host = node.status?.addresses?.find(({ type }) => type === "InternalIP")?.address;
  if (!host) throw new StatusError(503, "ServiceUnavailable", `no address of node "${nodeName}" is known yet`);
  return { nodeName, host, port: node.status?.daemonEndpoints?.kubeletEndpoint?.Port || DEFAULT_PORT };
}

/**
 * The container asked for; the only one when none is named.
 * @throws StatusError 400 in upstream's words
 */
export function chooseContainer(pod: Pod, wanted: string | null): string {
  const { containers, initContainers = [], ephemeralContainers = [] } = pod.spec;
  const podName = pod.metadata.name;
  if (wanted) {
    const known = [...containers, ...initContainers, ...ephemeralContainers].some(({ name }) => name === wanted);
    if (!known) throw badRequest(`container ${wanted} is not valid for pod ${podName}`);
    return wanted;
  }
  if (containers.length === 1) return containers[0]!.name;
  const names = (list: readonly { name: string }[]) => list.map(({ name }) => name).join(" ");
  let message = `a container name must be specified for pod ${podName}, choose one of: [${names(containers)}]`;
  if (initContainers.length > 0) message += ` or one of the init containers: [${names(initContainers)}]`;
  throw badRequest(message);
}
