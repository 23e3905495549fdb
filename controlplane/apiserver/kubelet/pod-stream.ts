/**
 * Streams into a Pod (exec, attach, portforward): the upgrade request is handed to the kubelet and from then on every byte goes
 * through untouched, so the protocol inside is between kubectl and the kubelet.
 */
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import type { Pod } from "#api/generated/types.js";
import { badRequest } from "#api/status-error.js";
import { joinStreams } from "#client/join-streams.js";
import type { ClusterReader } from "../cluster-reader.js";
import { withoutToken } from "../proxy/headers.js";
import type { RequestInfo, ResourceInfo } from "../request-info.js";
import type { KubeletConnections } from "./kubelet-connection.js";
import { chooseContainer, findPod, kubeletAddress } from "./kubelet-target.js";

/** Headers that are part of the protocol change. Credentials stay here. */
const FORWARDED = ["connection", "upgrade", "user-agent", "x-stream-protocol-version"];
/** PodExecOptions' names → the kubelet's. */
const FLAGS = [
  ["stdin", "input"],
  ["stdout", "output"],
  ["stderr", "error"],
  ["tty", "tty"],
] as const;

export interface StreamRequest {
  readonly request: IncomingMessage;
  readonly socket: Duplex;
  /** What the client sent right behind its request. */
  readonly head: Buffer;
  readonly info: RequestInfo;
  readonly resource: ResourceInfo;
}

export type StreamRoute = (stream: StreamRequest) => Promise<void>;

/** @throws StatusError (through the promise) as long as nothing has been written to the client */
export function podStreamRoute(
  verb: "exec" | "attach" | "portForward",
  reader: ClusterReader,
  kubelets: KubeletConnections,
): StreamRoute {
  return async ({ request, socket, head, info, resource }) => {
    const pod = findPod(reader, resource);
    const pathOf = verb === "portForward" ? portForwardPath : commandPath;
    const path = `/${verb}/${pod.metadata.namespace}/${pod.metadata.name}${pathOf(pod, info.query)}`;
    const { nodeName } = pod.spec;
    if (!nodeName) throw badRequest(`pod ${pod.metadata.name} does not have a host assigned`);
    const address = kubeletAddress(reader, nodeName);
    const kubelet = await kubelets.dial(address);
    if (socket.destroyed) {
      kubelet.destroy();
      return;
    }
    kubelet.write(requestHead(request, path, `${address.host}:${address.port}`));
    if (head.length > 0) kubelet.write(head);
    joinStreams(socket, kubelet);
  };
}

function commandPath(pod: Pod, asked: URLSearchParams): string {
  const container = chooseContainer(pod, asked.get("container"));
  const query = new URLSearchParams();
  for (const command of asked.getAll("command")) query.append("command", command);
  for (const [from, to] of FLAGS) if (isTrue(asked.get(from))) query.set(to, "1");
  return `/${container}?${query}`;
}

/** The ports matter only to clients of the channel protocol; in SPDY each stream says its own. */
function portForwardPath(_pod: Pod, asked: URLSearchParams): string {
  const query = new URLSearchParams();
  for (const ports of asked.getAll("ports")) query.append("port", ports);
  return `?${query}`;
}

const isTrue = (value: string | null) => value === "true" || value === "1";

function requestHead(request: IncomingMessage, path: string, host: string): string {
  const lines = [`GET ${path} HTTP/1.1`, `Host: ${host}`];
  const { rawHeaders } = request;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i]!.toLowerCase();
    if (!FORWARDED.includes(name) && !name.startsWith("sec-websocket-")) continue;
    const value = name === "sec-websocket-protocol" ? withoutToken(rawHeaders[i + 1]!) : rawHeaders[i + 1];
    lines.push(`${rawHeaders[i]}: ${value}`);
  }
  return `${lines.join("\r\n")}\r\n\r\n`;
}
