/** What others must be able to reach on a machine, and how its firewall is told. */
import { runAny } from "#scripts/run.js";
import type { Part } from "./paths.js";

export interface OpenPort {
  /** One port, or "first-last". */
  port: string;
  protocol: "tcp" | "udp";
  why: string;
}

export interface PortChoice {
  role: Part;
  apiPort: number;
  /** 0: there is no node on this machine. */
  kubeletPort: number;
  vxlanPort: number;
  nodePortRange: readonly [number, number];
}

export function portsOf({ role, apiPort, kubeletPort, vxlanPort, nodePortRange }: PortChoice): OpenPort[] {
  const ports: OpenPort[] = [];
  if (role === "server")
    ports.push({ port: `${apiPort}`, protocol: "tcp", why: "API server: from nodes and for kubectl" });
  if (kubeletPort === 0) return ports;
  const services = { port: nodePortRange.join("-"), why: "NodePort Services: from wherever they are used" };
  return [
    ...ports,
    { port: `${kubeletPort}`, protocol: "tcp", why: "logs and exec: from the server" },
    { port: `${vxlanPort}`, protocol: "udp", why: "pods of nodes on another network: between nodes" },
    { ...services, protocol: "tcp" },
    { ...services, protocol: "udp" },
  ];
}

export interface Firewall {
  name: "ufw" | "firewalld";
  /** Commands that let Berth's traffic in, and those that take it back. */
  open: string[][];
  close: string[][];
}

/** Links of pods: what comes from them is for this node's DNS, or for other pods. */
const POD_LINKS = ["berth0", "berth-vxlan"];

export function ufw(ports: readonly OpenPort[]): Firewall {
  const rules = [
    ...ports.map(({ port, protocol }) => ["allow", `${port.replace("-", ":")}/${protocol}`]),
    ...POD_LINKS.map((link) => ["allow", "in", "on", link]),
  ];
  const routes = POD_LINKS.flatMap((link) => ["in", "out"].map((way) => ["allow", way, "on", link]));
  return {
    name: "ufw",
    open: [...rules.map((rule) => ["ufw", ...rule]), ...routes.map((rule) => ["ufw", "route", ...rule])],
    close: [
      ...rules.map((rule) => ["ufw", "delete", ...rule]),
      ...routes.map((rule) => ["ufw", "route", "delete", ...rule]),
    ],
  };
}

export function firewalld(ports: readonly OpenPort[], podCIDRs: readonly string[]): Firewall {
  const commands = (verb: "add" | "remove") => [
    ...ports.map(({ port, protocol }) => ["firewall-cmd", "--permanent", `--${verb}-port=${port}/${protocol}`]),
    ...POD_LINKS.map((link) => ["firewall-cmd", "--permanent", "--zone=trusted", `--${verb}-interface=${link}`]),
    ...podCIDRs.map((cidr) => ["firewall-cmd", "--permanent", "--zone=trusted", `--${verb}-source=${cidr}`]),
    ["firewall-cmd", "--reload"],
  ];
  return { name: "firewalld", open: commands("add"), close: commands("remove") };
}

/** The firewall that is active here, if it is one of the two. */
export async function findFirewall(
  ports: readonly OpenPort[],
  podCIDRs: readonly string[],
): Promise<Firewall | undefined> {
  const says = async (command: string, args: string[]) =>
    (await runAny(command, args).catch(() => ({ stdout: "" }))).stdout;
  if (/^Status: active/m.test(await says("ufw", ["status"]))) return ufw(ports);
  if (/^running/m.test(await says("firewall-cmd", ["--state"]))) return firewalld(ports, podCIDRs);
  return undefined;
}
