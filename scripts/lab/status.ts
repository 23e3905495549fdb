/** `berth lab status`: what a lab consists of, for people and (as JSON) for programs. */
import { describeFault } from "./faults.js";
import { netnsPath } from "./namespaces.js";
import type { ProcessName } from "./process-record.js";
import { processesOf, processId } from "./processes.js";
import { type Lab, type LabFault, type LabNode, routerAddress, segmentOf } from "./state.js";

export interface NodeStatus {
  name: string;
  role: LabNode["role"];
  address: string;
  segment: number;
  networkNamespace: string;
  dockerSocket?: string;
  /** Ids of the running processes; a process that does not run is absent. */
  processes: Partial<Record<ProcessName, number>>;
}

export interface LabStatus {
  name: string;
  directory: string;
  /** Absent, as the API is, in a lab of machines with nothing on them. */
  kubeconfig?: string;
  api?: string;
  nodes: NodeStatus[];
  faults: readonly LabFault[];
  /** Between the segments, when there are several. */
  router?: { networkNamespace: string; addresses: string[] };
}

export async function labStatus(lab: Lab): Promise<LabStatus> {
  const nodes: NodeStatus[] = [];
  for (const node of lab.state.nodes) {
    const processes: NodeStatus["processes"] = {};
    for (const name of processesOf(node)) {
      const pid = await processId(lab, node, name);
      if (pid !== undefined) processes[name] = pid;
    }
    nodes.push({
      name: node.name,
      role: node.role,
      address: node.address,
      segment: segmentOf(node),
      networkNamespace: netnsPath(lab.namespace(node)),
      ...(node.role !== "server" && { dockerSocket: lab.dockerSocket(node) }),
      processes,
    });
  }
  const api = `https://127.0.0.1:${lab.state.apiPort}`;
  const router = { networkNamespace: netnsPath(lab.routerNamespace), addresses: lab.segments.map(routerAddress) };
  return {
    name: lab.state.name,
    directory: lab.directory,
    ...(!lab.blank && { kubeconfig: lab.kubeconfig, api }),
    nodes,
    faults: lab.faults,
    ...(lab.segments.length > 1 && { router }),
  };
}

export function renderStatus(status: LabStatus): string {
  const rows = status.nodes.map((n) => {
    const parts = processesOf(n).map((p) => `${p} ${n.processes[p] ?? "not running"}`);
    return `  ${n.name.padEnd(10)} ${n.address.padEnd(14)} ${parts.join(", ")}`;
  });
  const router = status.router ? [`  router     ${status.router.addresses.join(", ")}`] : [];
  const faults = status.faults.map((fault) => `  ${describeFault(fault)}`);
  return [
    `lab ${status.name}`,
    ...rows,
    ...router,
    ...faults,
    ...(status.api ? [`API        ${status.api}`, `kubeconfig ${status.kubeconfig}`] : []),
    "",
  ].join("\n");
}
