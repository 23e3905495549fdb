import { linkAddresses } from "#cni/lib/host-links.js";
import { ipBatch } from "#cni/lib/ip-command.js";
import { BRIDGE, isIpv6 } from "./plan.js";

/**
 * Gives the bridge addresses of the service range that this node answers itself. Every node has the same ones, so nothing may
 * leave a node with such an address as its source: scope host, and for IPv6 an age of no use, keep the kernel from choosing it.
 */
export async function haveServiceIPs(ips: readonly string[]): Promise<void> {
  const present = linkAddresses(BRIDGE).addresses;
  const wanted = ips.map((ip) =>
    isIpv6(ip)
      ? { address: `${ip}/128`, flags: "nodad preferred_lft 0" }
      : { address: `${ip}/32`, flags: "scope host" },
  );
  const missing = wanted.filter(({ address }) => !present.includes(address));
  await ipBatch(missing.map(({ address, flags }) => `addr replace ${address} dev ${BRIDGE} ${flags}`));
}
