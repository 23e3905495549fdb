/**
 * What a plugin is, and how one is called: by the specification's contract (JSON on stdin, CNI_* in the environment, JSON
 * or an error back), in a process of its own or, given the same two values, in the caller's.
 */
import { type CniEnvironment, readEnvironment } from "./environment.js";
import { CniCode, CniError } from "./error.js";
import type { NetConf, Result } from "./types.js";
import { atLeast, CURRENT_VERSION, readResult, requireVersion, resultFor, SUPPORTED_VERSIONS } from "./version.js";

export interface Plugin {
  /** The `type` that configurations name. */
  readonly type: string;
  /** Not idempotent: an attachment that exists is an error, and stays as it was. What fails leaves nothing behind. */
  add(call: PluginCall): Promise<Result>;
  /** Succeeds when there is nothing to remove, even without a network namespace. */
  del(call: PluginCall): Promise<void>;
  /** @throws CniError when the attachment is not as `call.config.prevResult` says */
  check(call: PluginCall): Promise<void>;
  /** Removes what belongs to none of the valid attachments. */
  gc?(call: PluginCall, valid: readonly Attached[]): Promise<void>;
  /** @throws CniError when an ADD would fail now */
  status?(call: PluginCall): Promise<void>;
}

export interface Attached {
  containerId: string;
  ifName: string;
}

export interface PluginCall extends CniEnvironment {
  config: NetConf;
  /** The version to answer in. */
  cniVersion: string;
  /** Calls another plugin (IPAM) with this call's environment, and this call's command unless told otherwise. */
  delegate(type: string, config: NetConf, command?: string): Promise<Result | undefined>;
}

/** Finds a plugin by type and runs it. The environment is complete: nothing is inherited. */
export type Delegate = (type: string, env: Record<string, string>, stdin: string) => Promise<object | undefined>;

/**
 * One call of a plugin.
 * @param env the CNI_* variables
 * @param stdin the configuration
 * @returns what an executable would print: a result, version information, or nothing
 * @throws CniError what an executable would print as error
 */
export async function invokePlugin(
  plugin: Plugin,
  env: Record<string, string | undefined>,
  stdin: string,
  delegate: Delegate,
): Promise<object | undefined> {
  if (env["CNI_COMMAND"] === "VERSION") {
    return { cniVersion: CURRENT_VERSION, supportedVersions: SUPPORTED_VERSIONS };
  }
  const environment = readEnvironment(env);
  const config = readConfig(stdin);
  const cniVersion = config.cniVersion ?? "0.2.0";
  requireVersion(cniVersion);
  const call: PluginCall = {
    ...environment,
    config,
    cniVersion,
    delegate: async (type, sub, command = environment.command) => {
      const all = { ...env, CNI_COMMAND: command };
      const given = Object.entries(all).filter((entry): entry is [string, string] => entry[1] !== undefined);
      const answer = await delegate(type, Object.fromEntries(given), JSON.stringify(sub));
      return answer && readResult(answer as Result);
    },
  };
  return await dispatch(plugin, call);
}

async function dispatch(plugin: Plugin, call: PluginCall): Promise<object | undefined> {
  const { command, cniVersion, config } = call;
  if (command === "ADD") return resultFor(cniVersion, await plugin.add(call));
  if (command === "DEL") return void (await plugin.del(call));
  if (command === "CHECK") {
    commandSince("0.4.0", call);
    if (!config.prevResult) throw new CniError(CniCode.invalidConfig, "CHECK needs a prevResult");
    return void (await plugin.check(call));
  }
  commandSince("1.1.0", call);
  if (command === "STATUS") return void (await plugin.status?.(call));
  const valid = config["cni.dev/valid-attachments"];
  if (!Array.isArray(valid)) throw new CniError(CniCode.invalidConfig, "GC needs cni.dev/valid-attachments");
  return void (await plugin.gc?.(
    call,
    valid.map((a) => ({ containerId: a.containerID, ifName: a.ifname })),
  ));
}

function commandSince(version: string, { command, cniVersion }: PluginCall): void {
  if (atLeast(cniVersion, version)) return;
  throw new CniError(CniCode.incompatibleVersion, `config version does not allow ${command}`, `it is "${cniVersion}"`);
}

function readConfig(stdin: string): NetConf {
  let config: NetConf;
  try {
    config = JSON.parse(stdin) as NetConf;
  } catch (error) {
    throw new CniError(CniCode.decodingFailure, "error unmarshall network config", String(error));
  }
  if (typeof config !== "object" || config === null || Array.isArray(config))
    throw new CniError(CniCode.decodingFailure, "the network config is not a JSON object");
  if (!config.name) throw new CniError(CniCode.invalidConfig, "missing network name");
  if (!/^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/.test(config.name))
    throw new CniError(CniCode.invalidConfig, "invalid characters found in network name", config.name);
  return config.prevResult ? { ...config, prevResult: readResult(config.prevResult) } : config;
}

/** The previous plugin's result, for plugins that only make sense after another. */
export function requirePrevResult({ config }: PluginCall): Result {
  if (config.prevResult) return config.prevResult;
  throw new CniError(CniCode.invalidConfig, `must be called as chained plugin: ${config.type} needs a prevResult`);
}
