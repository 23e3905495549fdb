/** GET pods/log: finds the container, then passes the kubelet's answer on as it comes. */
import type { IncomingMessage } from "node:http";
import { methodNotAllowed } from "#api/status-error.js";
import type { ClusterReader } from "../cluster-reader.js";
import type { SubresourceRoute } from "../http/request-handler.js";
import { type AnyReply, textReply } from "../reply.js";
import type { RequestInfo, ResourceInfo } from "../request-info.js";
import type { KubeletConnections } from "./kubelet-connection.js";
import { chooseContainer, findPod, kubeletAddress } from "./kubelet-target.js";

/** Query parameters of PodLogOptions; the kubelet checks their values. */
const OPTIONS = ["follow", "previous", "sinceSeconds", "sinceTime", "timestamps", "tailLines", "limitBytes", "stream"];

export function podLogRoute(reader: ClusterReader, kubelets: KubeletConnections): SubresourceRoute {
  return async ({ info, resource }) => {
    if (info.verb !== "get") throw methodNotAllowed();
    const log = await openPodLog(reader, kubelets, info, resource);
    return log ? passOn(log) : textReply("");
  };
}

/** The kubelet's answer; undefined for a Pod that no node has yet: its log is empty, as upstream. @throws StatusError */
export async function openPodLog(
  reader: ClusterReader,
  kubelets: KubeletConnections,
  { query: asked }: RequestInfo,
  resource: ResourceInfo,
): Promise<IncomingMessage | undefined> {
  const pod = findPod(reader, resource);
  const container = chooseContainer(pod, asked.get("container"));
  const { nodeName } = pod.spec;
  if (!nodeName) return undefined;
  const query = new URLSearchParams();
  for (const name of OPTIONS) {
    const value = asked.get(name);
    if (value !== null) query.set(name, value);
  }
  const path = `/containerLogs/${pod.metadata.namespace}/${pod.metadata.name}/${container}?${query}`;
  return kubelets.get(kubeletAddress(reader, nodeName), path);
}

function passOn(response: IncomingMessage): AnyReply {
  const contentType = response.headers["content-type"] ?? "text/plain";
  return { status: response.statusCode ?? 502, contentType, body: response };
}
