/** The Pod that runs nginx on one node. */
import { createHash } from "node:crypto";
import type { IngressClass, Pod, PodSpec } from "#api/generated/types.js";
import type { Draft } from "#api/object.js";
import { ingressClasses } from "#api/refs.js";
import { DISK_PRESSURE, MEMORY_PRESSURE, NOT_READY, PID_PRESSURE, UNREACHABLE, UNSCHEDULABLE } from "#api/taints.js";
import { controllerReference } from "../ownership/owner-reference.js";
import { HEALTH_PATH, HEALTH_PORT, HTTP_PORT, HTTPS_PORT, type ProxyPorts } from "./nginx-conf.js";
import { IN_USE, MOUNTED, PROXY_SCRIPT } from "./proxy-script.js";

export interface ProxyOptions {
  readonly image: string;
  /** Of the nodes. */
  readonly ports: ProxyPorts;
}

export const DEFAULT_PROXY: ProxyOptions = { image: "nginx:latest", ports: { http: 80, https: 443 } };

export const PROXY_NAMESPACE = "kube-system";
/** Of the Secret with configuration and certificates. */
export const CONFIGURATION_SECRET = "ingress-nginx-configuration";
export const PROXY_LABELS = { "app.kubernetes.io/name": "ingress-nginx", "app.kubernetes.io/managed-by": "berth" };
/** Which version of the Secret the Pod was told of; a change of it makes the node bring the volume up to date at once. */
export const CONFIGURATION_ANNOTATION = "ingress.berth.dev/configuration";
/** Which template the Pod was made from. */
export const TEMPLATE_ANNOTATION = "ingress.berth.dev/template";

const MAX_NAME = 253;

/** One name per node: making the same Pod twice is refused by the API. */
export function proxyName(node: string): string {
  const name = `ingress-nginx-${node}`;
  if (name.length <= MAX_NAME) return name;
  return `ingress-nginx-${createHash("sha256").update(node).digest("hex").slice(0, 32)}`;
}

export function isProxy({ metadata }: Pod): boolean {
  return (
    metadata.namespace === PROXY_NAMESPACE &&
    Object.entries(PROXY_LABELS).every(([key, value]) => metadata.labels?.[key] === value)
  );
}

export function proxyPod(owner: IngressClass, node: string, configuration: string, options: ProxyOptions): Draft<Pod> {
  const spec = proxySpec(node, options);
  const template = createHash("sha256").update(JSON.stringify(spec)).digest("hex").slice(0, 16);
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      name: proxyName(node),
      namespace: PROXY_NAMESPACE,
      labels: PROXY_LABELS,
      annotations: { [CONFIGURATION_ANNOTATION]: configuration, [TEMPLATE_ANNOTATION]: template },
      ownerReferences: [controllerReference(ingressClasses, owner)],
    },
    spec,
  };
}

/**
 * Host ports rather than the host's network: the proxy is a Pod with an address of its own, which policies can name, and
 * the scheduler sees that the ports are taken. The client's address is kept on the way. It is bound to its node by affinity,
 * so that one that finds no room says so in an Event.
 */
function proxySpec(node: string, { image, ports }: ProxyOptions): PodSpec {
  const onNode = { matchFields: [{ key: "metadata.name", operator: "In", values: [node] }] };
  return {
    containers: [
      {
        name: "nginx",
        image,
        imagePullPolicy: "IfNotPresent",
        command: ["/bin/sh", "-c", PROXY_SCRIPT],
        ports: [
          { name: "http", containerPort: HTTP_PORT, hostPort: ports.http, protocol: "TCP" },
          { name: "https", containerPort: HTTPS_PORT, hostPort: ports.https, protocol: "TCP" },
        ],
        readinessProbe: { httpGet: { path: HEALTH_PATH, port: HEALTH_PORT }, periodSeconds: 2, failureThreshold: 3 },
        resources: { requests: { cpu: "50m", memory: "32Mi" } },
        securityContext: { allowPrivilegeEscalation: false },
        volumeMounts: [
          { name: "configuration", mountPath: MOUNTED, readOnly: true },
          { name: "in-use", mountPath: IN_USE },
        ],
      },
    ],
    volumes: [
      { name: "configuration", secret: { secretName: CONFIGURATION_SECRET, defaultMode: 0o400 } },
      { name: "in-use", emptyDir: { medium: "Memory" } },
    ],
    affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [onNode] } } },
    tolerations: [
      { key: NOT_READY, operator: "Exists", effect: "NoExecute" },
      { key: UNREACHABLE, operator: "Exists", effect: "NoExecute" },
      ...[DISK_PRESSURE, MEMORY_PRESSURE, PID_PRESSURE, UNSCHEDULABLE].map((key) => ({
        key,
        operator: "Exists",
        effect: "NoSchedule",
      })),
    ],
    priorityClassName: "system-node-critical",
    automountServiceAccountToken: false,
    terminationGracePeriodSeconds: 30,
  };
}
