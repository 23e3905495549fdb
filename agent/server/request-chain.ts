/**
 * Who may use the kubelet endpoint: the API server, and nobody else. Plain functions, because `upgrade` requests (exec)
 * pass no Express middleware; both paths call {@link admit}.
 */
import type { IncomingMessage } from "node:http";
import type { PeerCertificate, TLSSocket } from "node:tls";
import { StatusError, unauthorized } from "#api/status-error.js";

export const API_SERVER_NAME = "system:kube-apiserver";
export const API_SERVER_ORGANIZATION = "berth:apiserver";

export interface Caller {
  name: string;
  groups: readonly string[];
}

/** Lets only the API server pass. @throws StatusError 401 without a usable credential, 403 with someone else's */
export function admit(request: IncomingMessage): Caller {
  const caller = identify(request);
  if (!caller) throw unauthorized();
  authorize(caller, request.method ?? "GET", request.url ?? "/");
  return caller;
}

/**
 * The caller by client certificate (verified against the cluster CA in the TLS handshake). Bearer tokens are not accepted
 * here at all, so whoever brings one is known to be someone else than the API server.
 */
function identify(request: IncomingMessage): Caller | undefined {
  const socket = request.socket as TLSSocket;
  const { subject, valid_to } = socket.getPeerCertificate() as Partial<PeerCertificate>;
  // `authorized` alone proves nothing: it also holds for a resumed session that never had a certificate.
  if (socket.authorized && subject && Date.parse(valid_to ?? "") > Date.now()) {
    const { CN = [], O = [] } = subject as { CN?: string | string[]; O?: string | string[] };
    return { name: [CN].flat().join(","), groups: [O].flat() };
  }
  if (/^bearer\s+\S/i.test(request.headers.authorization ?? "")) return { name: "system:anonymous", groups: [] };
  return undefined;
}

const verbs: Record<string, string> = { GET: "get", HEAD: "get", POST: "create", PUT: "update", PATCH: "patch" };

function authorize(caller: Caller, method: string, url: string): void {
  if (caller.name === API_SERVER_NAME && caller.groups.includes(API_SERVER_ORGANIZATION)) return;
  const verb = verbs[method] ?? method.toLowerCase();
  const what = `user=${caller.name}, verb=${verb}, resource=nodes, subresource=${subresource(url)}`;
  throw new StatusError(403, "Forbidden", `Forbidden (${what})`);
}

/** The subresource of `nodes` that Kubernetes authorizes a kubelet path as. */
function subresource(url: string): string {
  const first = url.split(/[/?]/)[1];
  if (first === "metrics") return "metrics";
  if (first === "healthz" || first === "stats") return first;
  return first === "pods" ? "pods" : "proxy";
}
