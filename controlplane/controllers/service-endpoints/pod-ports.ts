import type { Pod, ServicePort } from "#api/generated/types.js";

/** One port of a Service as a certain Pod serves it. */
export interface ServedPort {
  name: string;
  port: number;
  protocol: string;
  appProtocol?: string;
}

/** The port a Service's targetPort means on this Pod: a number, or the name of a container port. Undefined: it has none. */
export function targetPortOf(pod: Pod, { targetPort, port, protocol = "TCP" }: ServicePort): number | undefined {
  if (typeof targetPort === "number") return targetPort || port;
  if (targetPort === undefined || targetPort === "") return port;
  const sidecars = (pod.spec.initContainers ?? []).filter((container) => container.restartPolicy === "Always");
  for (const container of [...pod.spec.containers, ...sidecars]) {
    for (const candidate of container.ports ?? []) {
      if (candidate.name === targetPort && (candidate.protocol ?? "TCP") === protocol) return candidate.containerPort;
    }
  }
  return undefined;
}

/** All ports of the Service that this Pod serves, in the Service's order. */
export function servedPorts(pod: Pod, ports: readonly ServicePort[]): ServedPort[] {
  const served: ServedPort[] = [];
  for (const servicePort of ports) {
    const port = targetPortOf(pod, servicePort);
    if (port === undefined) continue;
    const { name = "", protocol = "TCP", appProtocol } = servicePort;
    served.push(appProtocol ? { name, port, protocol, appProtocol } : { name, port, protocol });
  }
  return served;
}
