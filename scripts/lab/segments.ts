/**
 * The networks of a lab. Usually one: all nodes on one switch. With more, each segment has a switch and a range of its own and a
 * router leads from one to the other. It knows the segments and nothing else: a pod's or service's address that comes by
 * unpacked goes nowhere, and neither it nor any node has a default route.
 */
import { run, runAny } from "#scripts/run.js";
import { ensureNetns, netnsPath, removeNetns } from "./namespaces.js";
import { type Lab, type LabNode, type LabState, routerAddress, segmentPrefix } from "./state.js";

const MAX_SEGMENTS = 50;

/**
 * Which nodes are on which segment.
 * @param text a count ("2": the nodes in as many groups of neighbours) or the groups themselves ("node-1,node-2/node-3")
 * @throws Error that says what is wrong with it
 */
export function parseSegments(text: string, nodes: readonly string[]): string[][] {
  const refused = (why: string) =>
    new Error(`--segments "${text}": ${why}; use a count, or groups of nodes as in node-1,node-2/node-3`);
  if (/^\d+$/.test(text)) {
    const count = Number(text);
    if (count < 1 || count > Math.min(nodes.length, MAX_SEGMENTS))
      throw refused(`${nodes.length} nodes make 1 to ${Math.min(nodes.length, MAX_SEGMENTS)} segments`);
    return Array.from({ length: count }, (_, i) => nodes.slice(start(i, count, nodes), start(i + 1, count, nodes)));
  }
  const groups = text.split("/").map((group) => group.split(",").map((name) => name.trim()));
  const named = groups.flat();
  for (const name of named) {
    if (!nodes.includes(name)) throw refused(`"${name}" is no node; there are ${nodes.join(", ")}`);
    if (named.indexOf(name) !== named.lastIndexOf(name)) throw refused(`${name} is named twice`);
  }
  const missing = nodes.filter((name) => !named.includes(name));
  if (missing.length > 0) throw refused(`${missing.join(", ")} ${missing.length > 1 ? "are" : "is"} on no segment`);
  return groups;
}

/** The first groups get one node more when the division leaves a rest. */
const start = (group: number, count: number, nodes: readonly string[]) => Math.ceil((group * nodes.length) / count);

/** Puts the nodes of a new lab on their segments, with addresses to match. The server stays on the first. */
export function placeOnSegments(state: LabState, groups: readonly (readonly string[])[]): void {
  for (const [segment, names] of groups.entries()) {
    for (const node of state.nodes.filter(({ name }) => names.includes(name))) {
      const host = node.address.slice(node.address.lastIndexOf("."));
      Object.assign(node, { segment, address: `${segmentPrefix(segment)}${host}` } satisfies Partial<LabNode>);
    }
  }
}

/** The router, when there is more than one segment. What exists stays. */
export async function ensureRouter(lab: Lab): Promise<void> {
  if (lab.segments.length < 2) return;
  const router = lab.routerNamespace;
  await ensureNetns(router);
  for (const segment of lab.segments) await ensureRouterLink(lab, segment);
  await run("nsenter", [`--net=${netnsPath(router)}`, "tee", "/proc/sys/net/ipv4/ip_forward"], { input: "1" });
}

async function ensureRouterLink(lab: Lab, segment: number): Promise<void> {
  const [router, link, port] = [lab.routerNamespace, `eth${segment}`, `r-${segment}`];
  if ((await runAny("ip", ["-n", router, "link", "show", link])).code === 0) return;
  const peer = ["type", "veth", "peer", "name", port, "netns", lab.switchNamespace];
  await run("ip", ["-n", router, "link", "add", link, ...peer]);
  await run("ip", ["-n", lab.switchNamespace, "link", "set", port, "master", `sw${segment}`, "up"]);
  await run("ip", ["-n", router, "addr", "add", `${routerAddress(segment)}/24`, "dev", link]);
  await run("ip", ["-n", router, "link", "set", link, "up"]);
}

export async function removeRouter(lab: Lab): Promise<void> {
  await removeNetns(lab.routerNamespace);
}
