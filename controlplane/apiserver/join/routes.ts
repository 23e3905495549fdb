/** `POST /berth/v1/join` and `GET /berth/v1/cluster`. The protocol is in `api/join.ts`. */
import type { JoinRequest, JoinResponse, NodeClusterConfig } from "#api/join.js";
import { badRequest, StatusError } from "#api/status-error.js";
import type { UserInfo } from "#resources/kind.js";
import { NODE_PREFIX, NODES, nodeNameOf } from "../authn/groups.js";
import type { ClusterReader } from "../cluster-reader.js";
import type { KeyPair } from "../pki/certificate.js";
import { jsonReply } from "../reply.js";
import type { Routes } from "../routes.js";
import { NodeIdentities } from "./identity-conflict.js";
import { parseJoinRequest } from "./join-request.js";

export interface JoinOptions {
  readonly reader: ClusterReader;
  readonly authority: KeyPair;
  readonly cluster: NodeClusterConfig;
  /** Milliseconds since the epoch. */
  now(): number;
}

export function addJoin(routes: Routes, options: JoinOptions): void {
  const identities = new NodeIdentities(options.reader);
  routes.add("get", "/berth/v1/cluster", () => jsonReply(options.cluster));
  routes.add("post", "/berth/v1/join", async ({ user, body }) => {
    const request = parseJoinRequest(body, options.cluster.serviceCIDRs);
    checkRenewal(user, request);
    identities.claim(request, options.now());
    return jsonReply(await sign(options, request));
  });
}

/** A node renews its own certificates and nobody else's. */
function checkRenewal(user: UserInfo, { nodeName }: JoinRequest): void {
  const node = nodeNameOf(user);
  if (node !== undefined && node !== nodeName) {
    throw new StatusError(403, "Forbidden", `node "${node}" cannot join as "${nodeName}"`);
  }
}

async function sign({ authority, cluster, now }: JoinOptions, request: JoinRequest): Promise<JoinResponse> {
  const { signCsr } = await import("../pki/issue.js");
  const subject = { commonName: `${NODE_PREFIX}${request.nodeName}`, organizations: [NODES] };
  const names = [request.nodeName, ...request.addresses];
  try {
    return {
      ca: authority.certificate,
      clientCertificate: await signCsr(authority, { subject, usage: "client" }, request.clientCSR, now()),
      servingCertificate: await signCsr(authority, { subject, usage: "server", names }, request.servingCSR, now()),
      cluster,
    };
  } catch (error) {
    throw badRequest(`a certificate request cannot be used: ${(error as Error).message}`);
  }
}
