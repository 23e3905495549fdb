import { once } from "node:events";
import { Worker } from "node:worker_threads";
import type { JoinRequest, JoinResponse } from "#api/join.js";
import { StatusError } from "#api/status-error.js";
import { RestClient } from "#client/rest.js";
import type { CertificateRequest, CertificateWish } from "./certificate-request.js";
import { connectionError, refusal } from "./join-error.js";
import type { KeyPair, NodeIdentity } from "./node-identity.js";

export interface JoinDoor {
  /** URL of the API server. */
  server: string;
  /** PEM of the CA the server must have. */
  ca: string;
  /** Either `<id>.<secret>` of a token, or the certificate the node has so far. */
  credential: { token: string } | { client: KeyPair };
}

export interface NodeClaim {
  nodeName: string;
  machineId: string;
  addresses: readonly string[];
}

/** Makes new keys and has them certified. @throws JoinError, ServerUnavailable */
export async function requestIdentity(door: JoinDoor, claim: NodeClaim): Promise<NodeIdentity> {
  const { nodeName, machineId } = claim;
  const addresses = [...claim.addresses];
  const subject = { commonName: `system:node:${nodeName}`, organization: "system:nodes" };
  const [client, serving] = await requestCertificates([{ subject }, { subject, names: [nodeName, ...addresses] }]);
  const answer = await post(door, { nodeName, machineId, addresses, clientCSR: client.csr, servingCSR: serving.csr });
  return {
    nodeName,
    addresses,
    ca: answer.ca,
    client: { certificate: answer.clientCertificate, key: client.key },
    serving: { certificate: answer.servingCertificate, key: serving.key },
    cluster: answer.cluster,
  };
}

/** In a thread that ends with it, and gives back the memory of a large library. */
async function requestCertificates<const T extends readonly CertificateWish[]>(wishes: T) {
  const thread = new Worker(new URL("./certificate-thread.js", import.meta.url), { workerData: wishes });
  const [requests] = (await once(thread, "message")) as [{ [I in keyof T]: CertificateRequest }];
  return requests;
}

async function post({ server, ca, credential }: JoinDoor, body: JoinRequest): Promise<JoinResponse> {
  const client = new RestClient({
    server,
    ca,
    ...("token" in credential ? credential : credential.client),
    userAgent: "berth-agent",
  });
  try {
    return await client.request<JoinResponse>("POST", "/berth/v1/join", body);
  } catch (error) {
    if (error instanceof StatusError) throw refusal(error.code, error.message);
    throw connectionError(server, ((error as Error).cause ?? error) as Error);
  }
}
