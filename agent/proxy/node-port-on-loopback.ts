/**
 * Node ports on 127.0.0.1. Packets to a loopback address cannot be translated to a Pod without letting 127/8 leave the node
 * (route_localnet), so a small forwarder takes such connections and makes them anew to the node's own address. TCP only.
 */
import { connect, createServer, type Server, type Socket } from "node:net";
import type { Service } from "#api/generated/types.js";
import { isServed } from "./frontends.js";

/** The node ports a service wants there. */
export function loopbackPorts(service: Service): Map<number, number> {
  const ports = isServed(service) ? (service.spec.ports ?? []) : [];
  const tcp = ports.filter(({ protocol = "TCP" }) => protocol === "TCP");
  return new Map(tcp.flatMap(({ nodePort }) => (nodePort ? [[nodePort, nodePort]] : [])));
}

/** @param address the node's */
export function createForwarder(address: string, port: () => number): Server {
  return createServer({ allowHalfOpen: true }, (client) => {
    const service = connect({ host: address, port: port(), allowHalfOpen: true });
    join(client, service);
    join(service, client);
  });
}

/** What comes from one goes to the other; a failure of one is a reset of the other, as without a forwarder between. */
function join(from: Socket, to: Socket): void {
  from.pipe(to);
  from.on("error", () => to.resetAndDestroy());
  from.on("close", () => to.destroy());
}
