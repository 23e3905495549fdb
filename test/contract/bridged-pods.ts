/** The bridge of a node with its guards, and pods on it, each in a network namespace of its own. */
import { guardRoutes, guardRuleset } from "#agent/network/guards.js";
import { ensureBridge } from "#cni/bridge/host-bridge.js";
import { ipBatch } from "#cni/lib/ip-command.js";
import { nft } from "#cni/lib/nft.js";
import { type HeldNetns, holdNetns, setSysctl } from "./own-netns.js";

export const ranges = { podCIDRs: ["10.244.0.0/16"], serviceCIDRs: ["10.96.0.0/16"] };

/** Guards as the agent raises them; again after somebody has flushed them. */
export const raiseGuards = () => nft(guardRuleset(ranges));

/** Call it inside a namespace of the test's own. */
export async function raiseBridge(): Promise<void> {
  await ensureBridge({ name: "berth0", addresses: ["10.244.1.1/24"] });
  for (const [name, value] of [
    ["net/ipv4/ip_forward", "1"],
    ["net/bridge/bridge-nf-call-iptables", "1"],
    ["net/ipv4/conf/all/send_redirects", "0"],
    ["net/ipv4/conf/berth0/send_redirects", "0"],
  ] as const)
    setSysctl(name, value);
  await raiseGuards();
  await ipBatch(guardRoutes(ranges).map(({ command }) => command));
}

/** @param held gets the pod's namespace, to be ended by the caller */
export async function bridgedPod(held: HeldNetns[], ip: string): Promise<HeldNetns> {
  const ns = await holdNetns();
  held.push(ns);
  const link = `veth${held.length}`;
  await ipBatch([`link add ${link} type veth peer name eth0 netns ${ns.path}`, `link set ${link} master berth0 up`]);
  await ipBatch([`link set ${link} type bridge_slave hairpin on`]);
  await ipBatch(
    [`addr add ${ip}/24 dev eth0`, "link set eth0 up", "link set lo up", "route add default via 10.244.1.1"],
    ns.path,
  );
  return ns;
}
