/** How a host becomes a node: `POST /berth/v1/join` on the API server, and the token that opens the door. */

/** What every node must know of the cluster: `GET /berth/v1/cluster`, and part of the join answer. */
export interface NodeClusterConfig {
  /** CIDR lists, one per address family. */
  podCIDRs: readonly string[];
  serviceCIDRs: readonly string[];
  /** [first, last], inclusive. */
  nodePortRange: readonly [number, number];
  clusterDomain: string;
  clusterDNS: string;
  /** leaseDurationSeconds of every node's Lease: how soon a silent node is missed. Default 40. */
  nodeLeaseSeconds?: number;
  /** The tunnel between nodes that share no network. Absent from an older server: the defaults. */
  vxlan?: VxlanNumbers;
}

/** The same on every node of a cluster. */
export interface VxlanNumbers {
  /** VXLAN network identifier, 1 to 16777215. Default 1194. */
  readonly id: number;
  /** UDP. Default 8472. */
  readonly port: number;
  /** Also between nodes that share a network. */
  readonly always: boolean;
}

/**
 * Sent with `Authorization: Bearer <id>.<secret>` of the token, or over a connection with the node's own client
 * certificate to renew both certificates.
 */
export interface JoinRequest {
  nodeName: string;
  /** /etc/machine-id or what stands for it: tells a node that comes back from another machine with the same name. */
  machineId: string;
  /** The node's own addresses, host names excluded; the serving certificate vouches for these and the name. */
  addresses: string[];
  /** PKCS #10 in PEM; only the public key is used. */
  clientCSR: string;
  servingCSR: string;
}

/** Everything in PEM. */
export interface JoinResponse {
  ca: string;
  /** CN system:node:<name>, O system:nodes. */
  clientCertificate: string;
  servingCertificate: string;
  cluster: NodeClusterConfig;
}

/** `berth.<sha256 of the CA certificate's DER, hex>.<id>.<secret>`. */
export interface JoinToken {
  caHash: string;
  id: string;
  secret: string;
}

const FORM = /^berth\.([0-9a-f]{64})\.([a-z0-9]{6})\.([a-z0-9]{16})$/;

export function formatJoinToken(token: JoinToken): string {
  return `berth.${token.caHash}.${token.id}.${token.secret}`;
}

/** @throws Error that says what a token looks like */
export function parseJoinToken(text: string): JoinToken {
  const [, caHash, id, secret] = FORM.exec(text.trim()) ?? [];
  if (!caHash || !id || !secret) {
    throw new Error(
      "this is not a join token: expected berth.<CA hash>.<id>.<secret>, as `berth token create` prints it",
    );
  }
  return { caHash, id, secret };
}
