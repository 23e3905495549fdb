/**
 * Where a proxied request goes: a Pod's port, or a kubelet. The server may not be on the pod network (and a NetworkPolicy may
 * keep it from a Pod), so it dials no Pod itself: it asks the agent of the Pod's node for a tunnel, through the endpoint that
 * serves logs and exec, as a cluster with Konnectivity does. The node always reaches its own Pods.
 */
import type { Duplex } from "node:stream";
import { connect as connectTls } from "node:tls";
import ipaddr from "ipaddr.js";
import type { Pod } from "#api/generated/types.js";
import { badRequest, StatusError } from "#api/status-error.js";
import type { ClusterReader } from "../cluster-reader.js";
import type { KubeletConnections } from "../kubelet/kubelet-connection.js";
import { kubeletAddress } from "../kubelet/kubelet-target.js";
import type { ResourceInfo } from "../request-info.js";

export interface ProxyTarget {
  /** Address and port, as links to itself may name it. */
  readonly host: string;
  /** A new connection on which plain HTTP is spoken. @throws StatusError */
  dial(): Promise<Duplex>;
}

/** Finds what the name in a proxy's address means. @throws StatusError */
export type FindTarget = (resource: ResourceInfo) => ProxyTarget;

export interface TargetSources {
  readonly reader: ClusterReader;
  readonly kubelets: KubeletConnections;
}

/** A port of a Pod. @param scheme "https": TLS without a look at the certificate, as nobody vouches for a Pod's */
export function podTarget({ reader, kubelets }: TargetSources, pod: Pod, scheme: string, port: string): ProxyTarget {
  const ip = proxyable(pod.status?.podIP);
  const { nodeName } = pod.spec;
  if (!nodeName) throw badRequest(`pod ${pod.metadata.name} does not have a host assigned`);
  const secure = scheme === "https";
  return tunnelled({ reader, kubelets }, nodeName, hostPort(ip, port || (secure ? "443" : "80")), secure);
}

/** An address and port that the agent of that node reaches. */
export function tunnelled(
  { reader, kubelets }: TargetSources,
  nodeName: string,
  host: string,
  secure: boolean,
): ProxyTarget {
  return {
    host,
    async dial() {
      const tunnel = await kubelets.tunnel(kubeletAddress(reader, nodeName), host);
      return secure ? startTls(tunnel) : tunnel;
    },
  };
}

export function hostPort(ip: string, port: string | number): string {
  return ip.includes(":") ? `[${ip}]:${port}` : `${ip}:${port}`;
}

/**
 * An address that a user may be led to: whoever writes a status must not make the proxy a way to what a host keeps to itself.
 * @throws StatusError 400 in upstream's words
 */
export function proxyable(ip: string | undefined): string {
  const range = ip && ipaddr.isValid(ip) ? ipaddr.process(ip).range() : "unspecified";
  if (["unspecified", "loopback", "linkLocal", "multicast", "broadcast"].includes(range))
    throw badRequest("address not allowed");
  return ip!;
}

function startTls(socket: Duplex): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    const secure = connectTls({ socket, rejectUnauthorized: false, ALPNProtocols: ["http/1.1"] });
    const fail = (error: Error) => reject(new StatusError(503, "ServiceUnavailable", error.message));
    secure.once("error", fail);
    secure.once("secureConnect", () => {
      secure.off("error", fail);
      resolve(secure);
    });
  });
}
