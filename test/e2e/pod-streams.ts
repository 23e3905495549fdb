/** A Pod's log and commands in it over WebSockets, as upstream's tests and web consoles use them: no process a call. */
import { once } from "node:events";
import WebSocket from "ws";
import { readKubeconfig } from "#client/kubeconfig.js";
import type { Lab } from "#scripts/lab/state.js";

const STDOUT = 1;

/** Opens a WebSocket on a subresource ("name/log?container=main") and gathers what comes until it closes. */
export async function received(lab: Lab, namespace: string, path: string, protocol: string): Promise<Buffer[]> {
  const { server, ca, certificate, key } = readKubeconfig(lab.kubeconfig);
  const url = `${server.replace("https", "wss")}/api/v1/namespaces/${namespace}/pods/${path}`;
  const socket = new WebSocket(url, [protocol], { ca, cert: certificate, key });
  const messages: Buffer[] = [];
  socket.on("message", (data: Buffer) => messages.push(data));
  await once(socket, "close");
  return messages;
}

/** What a command printed to its standard output. */
export async function execOverSocket(
  lab: Lab,
  namespace: string,
  name: string,
  command: readonly string[],
  container = "main",
  protocol = "v4.channel.k8s.io",
): Promise<string> {
  const query = new URLSearchParams({ stdout: "1", stderr: "1", container });
  for (const word of command) query.append("command", word);
  const frames = await received(lab, namespace, `${name}/exec?${query}`, protocol);
  return Buffer.concat(frames.filter((frame) => frame[0] === STDOUT).map((frame) => frame.subarray(1))).toString();
}

export async function logOverSocket(lab: Lab, namespace: string, name: string, container = "main"): Promise<string> {
  return Buffer.concat(
    await received(lab, namespace, `${name}/log?container=${container}`, "binary.k8s.io"),
  ).toString();
}
