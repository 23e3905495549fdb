import { readFile, writeFile } from "node:fs/promises";
import type { Pod } from "#api/generated/types.js";
import { runtimeClasses } from "#api/refs.js";
import { isNotFound } from "#api/status-error.js";
import { makeFolders } from "../host/make-folders.js";
import { resolvConfForPods } from "../host/resolv-conf.js";
import type { HostPort } from "../network/network.js";
import type { Sandbox } from "../runtime/runtime.js";
import { GRACE_LABEL, RUNTIME_HANDLER_LABEL } from "./container-config.js";
import { hostsFile } from "./hosts-file.js";
import { podCgroup } from "./pod-cgroup.js";
import type { PodEnvironment } from "./pod-environment.js";
import { kernelHostname } from "./pod-hostname.js";
import { qosClass } from "./qos.js";
import { resolvConf } from "./resolv-conf.js";

/** Makes the container that holds the Pod's namespaces. */
export async function createSandbox(env: PodEnvironment, pod: Pod, attempt: number): Promise<Sandbox> {
  const { metadata, spec } = pod;
  const { name, namespace = "", uid } = metadata;
  if (spec.hostUsers === false)
    throw new Error("hostUsers: false is not supported: Docker gives user namespaces to all of its containers or none");
  const grace = spec.terminationGracePeriodSeconds;
  const handler = await runtimeHandler(env, spec.runtimeClassName);
  const own = { [GRACE_LABEL]: grace === undefined ? undefined : String(grace), [RUNTIME_HANDLER_LABEL]: handler };
  const set = Object.entries(own).flatMap(([key, value]) => (value === undefined ? [] : [[key, value]]));
  return env.runtime.runSandbox({
    pod: { name, namespace, uid },
    attempt,
    hostname: kernelHostname(pod, env.dns.domain),
    labels: { ...metadata.labels, ...Object.fromEntries(set) },
    annotations: metadata.annotations ?? {},
    hostNetwork: spec.hostNetwork ?? false,
    hostPID: spec.hostPID ?? false,
    hostIPC: spec.hostIPC ?? false,
    shareProcessNamespace: spec.shareProcessNamespace ?? false,
    cgroupParent: podCgroup(env.cgroupRoot, qosClass(pod), uid),
    runtimeHandler: handler,
    sysctls: Object.fromEntries((spec.securityContext?.sysctls ?? []).map(({ name, value }) => [name, value])),
  });
}

/** Which of the engine's runtimes the Pod's RuntimeClass means. @throws Error when there is no such class (any more) */
async function runtimeHandler({ client }: PodEnvironment, className: string | undefined): Promise<string | undefined> {
  if (!className) return undefined;
  try {
    return (await client.get(runtimeClasses, className)).handler;
  } catch (error) {
    if (!isNotFound(error)) throw error;
    throw new Error(`failed to get sandbox runtime: RuntimeClass "${className}" not found`);
  }
}

/** Puts the sandbox on the network, or finds out where it is on it. Resolves with the Pod's addresses. */
export async function attachSandbox(env: PodEnvironment, pod: Pod, sandbox: Sandbox): Promise<readonly string[]> {
  if (pod.spec.hostNetwork) return env.nodeIPs;
  const { name, namespace = "", uid } = pod.metadata;
  const status = await env.network.attach({
    sandboxId: sandbox.id,
    namespace,
    name,
    // As network policies know it.
    uid: env.inApi(pod)?.metadata.uid ?? uid,
    netns: `/proc/${sandbox.pid}/ns/net`,
    hostPorts: hostPorts(pod),
  });
  return status.ips;
}

export function hostPorts(pod: Pod): HostPort[] {
  const containers = [...(pod.spec.initContainers ?? []), ...pod.spec.containers];
  return containers
    .flatMap(({ ports = [] }) => ports)
    .flatMap(({ hostPort, containerPort, protocol, hostIP }) =>
      hostPort ? [{ hostPort, containerPort, protocol: protocolName(protocol), hostIP: hostIP ?? "" }] : [],
    );
}

function protocolName(protocol = "TCP"): HostPort["protocol"] {
  return protocol.toLowerCase() as HostPort["protocol"];
}

/** The files every container of the Pod gets: written again with each sandbox, since the address may differ. */
export async function writePodFiles(env: PodEnvironment, pod: Pod, podIPs: readonly string[]): Promise<void> {
  const { uid } = pod.metadata;
  await makeFolders(env.directories.of(uid));
  const hostHosts = pod.spec.hostNetwork ? await readHostFile("/etc/hosts") : "";
  await writeFile(env.directories.hostsFile(uid), hostsFile(pod, podIPs, env.dns.domain, hostHosts));
  const { text, problems } = resolvConf(pod, env.dns, await readHostFile(resolvConfForPods()));
  for (const problem of problems) env.events.pod(pod, "Warning", "DNSConfigForming", problem);
  await writeFile(env.directories.resolvConf(uid), text);
}

/** A minimal host may not have the file. */
async function readHostFile(path: string): Promise<string> {
  return readFile(path, "utf8").catch(() => "");
}
