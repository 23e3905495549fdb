/** nodes/proxy: the node's kubelet, as the API server speaks with it; with another port, what listens there on the node. */
import { badRequest } from "#api/status-error.js";
import { kubeletAddress } from "../kubelet/kubelet-target.js";
import { parseNameWithPort } from "./name-with-port.js";
import { type FindTarget, hostPort, proxyable, type TargetSources, tunnelled } from "./target.js";

export function nodeTargets(sources: TargetSources): FindTarget {
  return ({ name: asked = "" }) => {
    const parsed = parseNameWithPort(asked);
    if (!parsed) throw badRequest(`invalid node request ${JSON.stringify(asked)}`);
    const { scheme, name, port } = parsed;
    const kubelet = kubeletAddress(sources.reader, name);
    const host = hostPort(kubelet.host, port || kubelet.port);
    if (port === "" || port === String(kubelet.port)) return { host, dial: () => sources.kubelets.dial(kubelet) };
    proxyable(kubelet.host);
    return tunnelled(sources, name, host, scheme === "https");
  };
}
