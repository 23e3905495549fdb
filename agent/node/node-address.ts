/** Which of this host's addresses the node is known by. */
import { createSocket } from "node:dgram";
import { lookup } from "node:dns/promises";
import { isIP, isIPv6 } from "node:net";
import { networkInterfaces } from "node:os";

export interface AddressChoice {
  /** Named by the operator. */
  nodeIP?: string;
  interface?: string;
  /** URL of the API server. */
  server: string;
}

/** Interfaces that exist for containers, not for hosts. */
const CONTAINER_INTERFACE = /^(lo|docker\d+|br-|veth|cni|berth|flannel|cali|tunl|vxlan)/;

/**
 * The operator's choice, else the source address of the route to the server; where that is a loopback address (the server
 * runs here), the first address of a real interface.
 * @throws Error that says which flag names an address
 */
export async function chooseNodeAddress(choice: AddressChoice): Promise<string> {
  if (choice.nodeIP) return checked(choice.nodeIP);
  if (choice.interface) return addressOf(choice.interface);
  const source = await routeSource(new URL(choice.server)).catch((error) => {
    throw new Error(`no route to ${choice.server} (${error.message}): name the node's address with --node-ip`);
  });
  return isLoopback(source) ? firstRealAddress() : source;
}

function checked(address: string): string {
  if (!isIP(address)) throw new Error(`--node-ip ${address} is not an IP address`);
  const own = Object.values(networkInterfaces()).flat();
  if (own.some((entry) => entry?.address === address)) return address;
  throw new Error(
    `--node-ip ${address} is not an address of this host; it has ${own.map((e) => e?.address).join(", ")}`,
  );
}

function addressOf(name: string): string {
  const entries = networkInterfaces()[name]?.filter(({ address }) => !address.startsWith("fe80:"));
  const first = entries?.find(({ family }) => family === "IPv4") ?? entries?.[0];
  if (first) return first.address;
  throw new Error(`--interface ${name} has no address; known are ${Object.keys(networkInterfaces()).join(", ")}`);
}

/** Asks the kernel by connecting a datagram socket, which sends nothing. */
async function routeSource({ hostname, port }: URL): Promise<string> {
  const { address } = await lookup(hostname.replace(/^\[|\]$/g, ""));
  const socket = createSocket(isIPv6(address) ? "udp6" : "udp4");
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once("error", reject);
      socket.connect(Number(port || 443), address, resolve);
    });
    return socket.address().address;
  } finally {
    socket.close();
  }
}

const isLoopback = (address: string) => address === "::1" || address.startsWith("127.");

function firstRealAddress(): string {
  for (const [name, entries = []] of Object.entries(networkInterfaces())) {
    if (CONTAINER_INTERFACE.test(name)) continue;
    const found = entries.find(({ family, address }) => family === "IPv4" && !isLoopback(address));
    if (found) return found.address;
  }
  throw new Error("this host has no address besides loopback: name one with --node-ip or --interface");
}
