import { createSocket } from "node:dgram";
import { once } from "node:events";
import { networkInterfaces } from "node:os";

/** The host's own addresses, loopback and link-local ones left out. */
export function hostAddresses(): string[] {
  return Object.values(networkInterfaces())
    .flatMap((list) => list ?? [])
    .filter(({ internal, address }) => !internal && !address.startsWith("fe80:"))
    .map(({ address }) => address);
}

/**
 * The address this host is known by: the source address of its default route, else its first address, else loopback.
 * Connecting a datagram socket asks the routing table and sends nothing.
 */
export async function defaultAddress(): Promise<string> {
  const socket = createSocket("udp4");
  try {
    const connected = once(socket, "connect");
    socket.connect(9, "192.0.2.1");
    await connected;
    return socket.address().address;
  } catch {
    // No default route: an isolated host is known by what it has.
    return hostAddresses()[0] ?? "127.0.0.1";
  } finally {
    socket.close();
  }
}
