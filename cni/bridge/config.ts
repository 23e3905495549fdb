/** The bridge plugin's configuration, with upstream's names and defaults. */
import { CniCode, CniError } from "#cni/lib/error.js";
import type { NetConf } from "#cni/lib/types.js";

export interface BridgeConf {
  bridge: string;
  isGateway: boolean;
  /** Implies isGateway, and the container's default route leads to the bridge. */
  isDefaultGateway: boolean;
  /** Replaces another address the bridge has, instead of failing. */
  forceAddress: boolean;
  ipMasq: boolean;
  mtu?: number;
  hairpinMode: boolean;
  promiscMode: boolean;
  portIsolation: boolean;
  mac?: string;
}

/** Upstream options we do not have: refused by name, never ignored. */
const UNSUPPORTED = ["vlan", "vlanTrunk", "macspoofchk", "enabledad", "disableContainerInterface"];

/** @throws CniError invalidConfig, unsupportedField */
export function readBridgeConf(config: NetConf, args: Readonly<Record<string, string>>): BridgeConf {
  for (const field of UNSUPPORTED)
    if (config[field]) throw new CniError(CniCode.unsupportedField, `bridge: unsupported field "${field}"`);
  const masqBackend = config["ipMasqBackend"];
  if (masqBackend !== undefined && masqBackend !== "nftables")
    throw new CniError(CniCode.unsupportedField, `bridge: unsupported ipMasqBackend "${masqBackend}"`);
  const isDefaultGateway = flag(config, "isDefaultGateway");
  const conf: BridgeConf = {
    bridge: (config["bridge"] as string | undefined) ?? "cni0",
    isDefaultGateway,
    isGateway: flag(config, "isGateway") || isDefaultGateway,
    forceAddress: flag(config, "forceAddress"),
    ipMasq: flag(config, "ipMasq"),
    mtu: (config["mtu"] as number | undefined) || undefined,
    hairpinMode: flag(config, "hairpinMode"),
    promiscMode: flag(config, "promiscMode"),
    portIsolation: flag(config, "portIsolation"),
    mac: config.runtimeConfig?.mac ?? config.args?.cni?.mac ?? args["MAC"],
  };
  check(conf);
  return conf;
}

function flag(config: NetConf, name: string): boolean {
  const value = config[name] ?? false;
  if (typeof value === "boolean") return value;
  throw new CniError(CniCode.decodingFailure, `bridge: "${name}" must be true or false`);
}

function check(conf: BridgeConf): void {
  const invalid = (message: string) => new CniError(CniCode.invalidConfig, message);
  if (typeof conf.bridge !== "string" || !/^[^/:\s]{1,15}$/.test(conf.bridge))
    throw invalid(`invalid bridge name "${conf.bridge}"`);
  if (conf.mtu !== undefined && !(Number.isInteger(conf.mtu) && conf.mtu >= 68 && conf.mtu <= 65535))
    throw invalid(`invalid MTU ${conf.mtu}, must be [68, 65535]`);
  if (conf.hairpinMode && conf.promiscMode)
    throw invalid("cannot set hairpin mode and promiscuous mode at the same time.");
  if (conf.mac !== undefined && !/^([0-9a-f]{2}:){5}[0-9a-f]{2}$/i.test(conf.mac))
    throw invalid(`invalid MAC address "${conf.mac}"`);
}
