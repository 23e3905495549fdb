/** pods/proxy: a port of one Pod; without a port the first its containers declare. */
import { badRequest } from "#api/status-error.js";
import { findPod } from "../kubelet/kubelet-target.js";
import { parseNameWithPort } from "./name-with-port.js";
import { type FindTarget, podTarget, type TargetSources } from "./target.js";

export function podTargets(sources: TargetSources): FindTarget {
  return (resource) => {
    const parsed = parseNameWithPort(resource.name ?? "");
    if (!parsed) throw badRequest(`invalid pod request ${JSON.stringify(resource.name)}`);
    const pod = findPod(sources.reader, { ...resource, name: parsed.name });
    const declared = pod.spec.containers.find(({ ports = [] }) => ports.length > 0)?.ports?.[0]?.containerPort;
    return podTarget(sources, pod, parsed.scheme, parsed.port || String(declared ?? ""));
  };
}
