/** Plain requests to a lab's API server, for what kubectl hides: methods, heads, redirects. */
import type { IncomingMessage, OutgoingHttpHeaders } from "node:http";
import { request } from "node:https";
import { readKubeconfig } from "#client/kubeconfig.js";
import type { Lab } from "#scripts/lab/state.js";

export interface ApiCall {
  body?: string | Buffer;
  headers?: OutgoingHttpHeaders;
  /** Without a client certificate. */
  anonymous?: boolean;
}

export interface ApiAnswer {
  status: number;
  headers: IncomingMessage["headers"];
  text: string;
}

/** The answer once its head has come. */
export function openRequest(lab: Lab, method: string, path: string, call: ApiCall = {}): Promise<IncomingMessage> {
  const { server, ca, certificate, key } = readKubeconfig(lab.kubeconfig);
  const identity = call.anonymous ? {} : { cert: certificate, key };
  const options = { method, ca, ...identity, agent: false as const, headers: call.headers };
  return new Promise((resolve, reject) => {
    // Not a URL object: it would tidy up the path.
    const { hostname, port } = new URL(server);
    const outgoing = request({ ...options, hostname, port, path });
    outgoing.on("response", resolve).on("error", reject).end(call.body);
  });
}

export async function apiRequest(lab: Lab, method: string, path: string, call?: ApiCall): Promise<ApiAnswer> {
  const answer = await openRequest(lab, method, path, call);
  const chunks: Buffer[] = [];
  for await (const chunk of answer) chunks.push(chunk as Buffer);
  return { status: answer.statusCode ?? 0, headers: answer.headers, text: Buffer.concat(chunks).toString() };
}
