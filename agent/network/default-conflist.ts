/** The list a node uses when its owner has written none: Berth's own bridge, host-local, portmap and loopback. */
import { BRIDGE, gatewayOf, isIpv6 } from "./plan.js";

export const DEFAULT_NETWORK = "berth";

/**
 * @param podCIDRs of this node, one per address family
 * @param mtu of the way beyond the bridge; undefined when it takes what the pod's link takes. It goes to the route and not to the
 *   link: a bridge drops without a word what its ports do not all take, and there may be pods from before it was known.
 * @param dataDir where host-local keeps reservations
 */
export function defaultConfList(podCIDRs: readonly string[], mtu: number | undefined, dataDir: string): object {
  return {
    cniVersion: "1.1.0",
    name: DEFAULT_NETWORK,
    plugins: [
      {
        type: "bridge",
        bridge: BRIDGE,
        isGateway: true,
        hairpinMode: true,
        ipam: {
          type: "host-local",
          dataDir,
          ranges: podCIDRs.map((subnet) => [{ subnet, gateway: gatewayOf(subnet).replace(/\/.*/, "") }]),
          routes: podCIDRs.map((cidr) => ({ dst: isIpv6(cidr) ? "::/0" : "0.0.0.0/0", ...(mtu && { mtu }) })),
        },
      },
      { type: "portmap", capabilities: { portMappings: true } },
      { type: "loopback" },
    ],
  };
}
