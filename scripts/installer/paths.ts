/** Where an installed Berth is on a machine. `scripts/install uninstall` removes exactly this. */
import { fileURLToPath } from "node:url";

/** The repository this program was built in. */
export const REPOSITORY = fileURLToPath(new URL("../../..", import.meta.url));
/** The program: a copy, so that the clone it came from may go. */
export const TREE = "/usr/local/lib/berth";
export const COMMAND = "/usr/local/bin/berth";
export const KUBECTL = "/usr/local/bin/kubectl";
export const DATA = "/var/lib/berth";
export const KUBECONFIG = `${DATA}/server/admin.kubeconfig`;
/** Where the agent keeps who it is. */
export const AGENT_DATA = `${DATA}/agent`;
/** The join token for the agent's first start. */
export const JOIN_ENVIRONMENT = `${DATA}/join.env`;
/** Commands that close again what `--open-ports` opened, one a line. */
export const OPENED_PORTS = `${DATA}/opened-ports`;

export type Part = "server" | "agent";

export const optionsFile = (part: Part) => `/etc/default/berth-${part}`;
export const sourceFile = (name: string) =>
  fileURLToPath(new URL(`../../../scripts/installer/files/${name}`, import.meta.url));
