/**
 * What already listens on the host. A mapping would take its connections away without a word from either side, so it is
 * refused as bind(2) would refuse a second listener. proc(5), /proc/net/tcp.
 */
import { readFile } from "node:fs/promises";
import { CniCode, CniError } from "#cni/lib/error.js";
import type { PortmapConf } from "./mappings.js";

export interface Listener {
  /** "tcp" or "udp". */
  protocol: string;
  port: number;
  /** "" when it listens on every address. */
  address: string;
  family: 4 | 6;
}

/** State of a listening TCP socket, and of a UDP socket that is not connected. */
const OPEN: Record<string, string> = { tcp: "0A", udp: "07" };

/** @param text /proc/net/tcp, tcp6, udp or udp6 */
export function parseListeners(text: string, protocol: string, family: 4 | 6): Listener[] {
  return text
    .split("\n")
    .slice(1)
    .flatMap((line) => {
      const [, local = "", , state] = line.trim().split(/\s+/);
      const [address = "", port = ""] = local.split(":");
      if (state !== OPEN[protocol]) return [];
      return [
        { protocol, family, port: Number.parseInt(port, 16), address: /^0+$/.test(address) ? "" : ipText(address) },
      ];
    });
}

/** The kernel prints each 32-bit word of an address in the order of the machine's bytes. */
function ipText(hex: string): string {
  const words = hex.match(/.{8}/g) ?? [];
  const bytes = words.flatMap((word) => [...Buffer.from(word, "hex").reverse()]);
  if (bytes.length === 4) return bytes.join(".");
  const groups = Array.from({ length: 8 }, (_, i) =>
    (((bytes[2 * i] ?? 0) << 8) | (bytes[2 * i + 1] ?? 0)).toString(16),
  );
  return new URL(`http://[${groups.join(":")}]`).hostname.slice(1, -1);
}

/** @throws CniError naming the first port that a process of the host holds */
export function refuseTaken({ mappings }: PortmapConf, listeners: readonly Listener[]): void {
  for (const { hostIP, hostPort, protocol } of mappings) {
    const anywhere = ["", "0.0.0.0", "::"].includes(hostIP);
    const overlaps = ({ address, family }: Listener) =>
      address === "" || address === hostIP || (anywhere && (family === 4 || hostIP === "::"));
    const taken = listeners.some((l) => l.protocol === protocol && l.port === hostPort && overlaps(l));
    if (!taken) continue;
    const where = anywhere ? "" : `${hostIP}:`;
    throw new CniError(CniCode.failed, `host port ${where}${hostPort}/${protocol} is in use by a process of the host`);
  }
}

/** What listens in our own network namespace. */
export async function hostListeners(): Promise<Listener[]> {
  const files = (["tcp", "udp"] as const).flatMap((protocol) => [
    { protocol, family: 4 as const, path: `/proc/self/net/${protocol}` },
    { protocol, family: 6 as const, path: `/proc/self/net/${protocol}6` },
  ]);
  const lists = await Promise.all(
    files.map(async ({ protocol, family, path }) => parseListeners(await readTable(path), protocol, family)),
  );
  return lists.flat();
}

/** A kernel without IPv6 has no table of it. */
async function readTable(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return "";
    throw error;
  }
}
