/** Everything that can stand in the way, looked at before anything on the machine is changed. */
import { existsSync } from "node:fs";
import { createServer } from "node:net";
import { hostRanges } from "#agent/network/guards.js";
import { BRIDGE, findOverlap, isIpv6, type NetworkRanges, VXLAN_LINK } from "#agent/network/plan.js";
import type { NodeClusterConfig } from "#api/join.js";
import { clusterConfig } from "#controlplane/cluster-ranges.js";
import { step } from "#scripts/progress.js";
import { clusterSettings } from "./cluster.js";
import { optionsFile } from "./paths.js";
import type { Wish } from "./wish.js";

export type Settings = Pick<NodeClusterConfig, "podCIDRs" | "serviceCIDRs" | "nodePortRange" | "vxlan">;

/** @throws Error that says what is in the way and what to do */
export async function check(wish: Wish): Promise<void> {
  checkRole(wish);
  const { server, token } = wish;
  const settings = await (wish.role === "server"
    ? settingsOf(wish)
    : step(`${server} answers${token ? " and takes the token" : ""}`, () => settingsOf(wish)));
  await step(`ranges ${[...settings.podCIDRs, ...settings.serviceCIDRs].join(" and ")} are free`, () =>
    checkRanges(wish, settings),
  );
  const { serverFlags, kubeletPort } = wish;
  if (serverFlags && !existsSync(optionsFile("server"))) await checkPort(Number(serverFlags.port));
  if (kubeletPort > 0 && !existsSync(optionsFile("agent"))) await checkPort(kubeletPort);
}

/** Of the cluster the machine is to be part of. */
export async function settingsOf({ serverFlags, server, token }: Wish): Promise<Settings> {
  return serverFlags ? clusterConfig(serverFlags) : clusterSettings(server, token);
}

function checkRole({ role, options }: Wish): void {
  const [isServer, isNode] = [existsSync(optionsFile("server")), existsSync(optionsFile("agent"))];
  const refuse = (what: string) => {
    throw new Error(`this machine is ${what} already: ./scripts/install uninstall comes first`);
  };
  if (role === "agent" && isServer) refuse("the server of a cluster");
  if (role === "server" && isNode && !isServer) refuse("a node of another server");
  if (isNode && !options.agent) refuse("a node");
}

async function checkRanges({ role }: Wish, ranges: NetworkRanges): Promise<void> {
  const ipv6 = [...ranges.podCIDRs, ...ranges.serviceCIDRs].some(isIpv6);
  const overlap = findOverlap(ranges, await hostRanges(new Set([BRIDGE, VXLAN_LINK]), ipv6));
  if (!overlap) return;
  const way =
    role === "server"
      ? "choose other ranges with --cluster-cidr and --service-cidr"
      : "take that away from this machine, or set the cluster up with other ranges";
  throw new Error(`${overlap}: ${way}. Nothing was changed`);
}

async function checkPort(port: number): Promise<void> {
  const probe = createServer();
  await new Promise<void>((resolve, reject) => {
    const refuse = ({ message }: Error) =>
      reject(new Error(`port ${port} cannot be used (${message}): see who has it with ss -tlnp`));
    probe.once("error", refuse).listen(port, () => probe.close(() => resolve()));
  });
}
