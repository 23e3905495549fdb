/** The JSON of the CNI specification, as version 1.1.0 has it. `version.ts` writes the older forms. */

export interface NetConf {
  cniVersion?: string;
  /** The network's name: one name is one address pool. */
  name: string;
  /** The plugin to run. */
  type: string;
  ipam?: IpamConf;
  dns?: Dns;
  /** Values for the capabilities the plugin declared. */
  runtimeConfig?: RuntimeConfig;
  /** Legacy, free-form arguments; ours read `args.cni`. */
  args?: { cni?: { ips?: string[]; mac?: string } };
  prevResult?: Result;
  /** GC only. */
  "cni.dev/valid-attachments"?: Attachment[];
  [field: string]: unknown;
}

export interface IpamConf {
  type?: string;
  [field: string]: unknown;
}

export interface RuntimeConfig {
  portMappings?: PortMapping[];
  /** Requested addresses, with or without prefix length. */
  ips?: string[];
  mac?: string;
  ipRanges?: unknown;
  [capability: string]: unknown;
}

export interface PortMapping {
  hostPort: number;
  containerPort: number;
  /** "tcp" when absent. */
  protocol?: string;
  /** Every address of the host when absent. */
  hostIP?: string;
}

export interface Attachment {
  containerID: string;
  ifname: string;
}

export interface Result {
  cniVersion?: string;
  interfaces?: ResultInterface[];
  ips?: ResultIp[];
  routes?: Route[];
  dns?: Dns;
}

export interface ResultInterface {
  name: string;
  mac?: string;
  mtu?: number;
  /** Path of the network namespace; absent or "" on the host. */
  sandbox?: string;
}

export interface ResultIp {
  /** With prefix length. */
  address: string;
  gateway?: string;
  /** Index into `interfaces`. */
  interface?: number;
}

export interface Route {
  /** A CIDR. */
  dst: string;
  gw?: string;
  mtu?: number;
  advmss?: number;
  priority?: number;
  table?: number;
  scope?: number;
}

export interface Dns {
  nameservers?: string[];
  domain?: string;
  search?: string[];
  options?: string[];
}
