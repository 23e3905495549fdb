/** Runs one plugin once: ours inside this process, any other as the program the specification describes. */
import { bridge } from "#cni/bridge/main.js";
import { hostLocal } from "#cni/host-local/main.js";
import { CniCode, CniError } from "#cni/lib/error.js";
import { execPlugin, findPlugin } from "#cni/lib/executable.js";
import { type Delegate, invokePlugin, type Plugin } from "#cni/lib/plugin.js";
import { loopback } from "#cni/loopback/main.js";
import { portmap } from "#cni/portmap/main.js";
import { DEFAULT_NETWORK } from "./default-conflist.js";

const OURS: readonly Plugin[] = [bridge, hostLocal, loopback, portmap];

export interface PluginRunner {
  /**
   * @param network name of the list the plugin is of
   * @param env the CNI_* variables but CNI_PATH
   * @returns the plugin's answer, if any
   * @throws CniError
   */
  run(network: string, type: string, env: Record<string, string>, stdin: string): Promise<object | undefined>;
}

export interface PluginRunnerOptions {
  /** Where programs are looked for, in order. */
  binDirs: readonly string[];
  /** What programs get as PATH. */
  path: string;
  /** Whether ours come first for a network. By default for our own: the owner's list gets the programs it was written for. */
  prefersOurs?(network: string): boolean;
}

export function createPluginRunner(options: PluginRunnerOptions): PluginRunner {
  const { binDirs, path, prefersOurs = (network) => network === DEFAULT_NETWORK } = options;
  return {
    run: async (network, type, env, stdin) => {
      const full = { ...env, CNI_PATH: binDirs.join(":") };
      // IPAM plugins are found in the same way.
      const find: Delegate = async (name, subEnv, config) => {
        const plugin = OURS.find((candidate) => candidate.type === name);
        const program = plugin && prefersOurs(network) ? undefined : findPlugin(name, binDirs);
        if (program) return await execPlugin(program, { PATH: path, ...subEnv }, config);
        if (plugin) return await invokePlugin(plugin, subEnv, config, find);
        throw new CniError(CniCode.failed, `failed to find plugin "${name}" in path [${binDirs.join(" ")}]`);
      };
      return await find(type, full, stdin);
    },
  };
}
