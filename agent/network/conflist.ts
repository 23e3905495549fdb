/** Network configuration lists: read from a folder as other runtimes do, checked, and made ready for one plugin. */
import { readdirSync, readFileSync } from "node:fs";
import { extname, join } from "node:path";
import { CniCode, CniError } from "#cni/lib/error.js";
import type { IpamConf, NetConf, Result, RuntimeConfig } from "#cni/lib/types.js";
import { atLeast, requireVersion, resultFor, SUPPORTED_VERSIONS } from "#cni/lib/version.js";

export interface ConfList {
  cniVersion: string;
  name: string;
  plugins: readonly PluginConf[];
  disableCheck: boolean;
  disableGC: boolean;
}

/** One plugin's part of a list: without the name and version, which the list gives. */
export interface PluginConf {
  type: string;
  ipam?: IpamConf;
  capabilities?: Record<string, boolean>;
  [field: string]: unknown;
}

/**
 * The list to use: of the files *.conflist, *.conf and *.json the first by name that is valid.
 * @returns undefined when there is none
 * @throws CniError for the first invalid one when no file is valid
 */
export function loadConfList(directory: string): ConfList | undefined {
  let first: unknown;
  for (const name of confFiles(directory)) {
    try {
      return parseConfList(readFileSync(join(directory, name), "utf8"));
    } catch (error) {
      const cause = CniError.from(error);
      first ??= new CniError(cause.code, `${join(directory, name)}: ${cause.message}`, cause.details);
    }
  }
  if (first) throw first;
  return undefined;
}

function confFiles(directory: string): string[] {
  try {
    return readdirSync(directory)
      .filter((name) => [".conflist", ".conf", ".json"].includes(extname(name)))
      .sort();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}

/** A list, or one plugin's configuration as a list of one. @throws CniError decodingFailure, invalidConfig, incompatibleVersion */
export function parseConfList(text: string): ConfList {
  const raw = decode(text);
  const invalid = (message: string) => new CniError(CniCode.invalidConfig, message);
  if (typeof raw["name"] !== "string" || !/^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/.test(raw["name"]))
    throw invalid(raw["name"] ? `invalid network name ${JSON.stringify(raw["name"])}` : "missing network name");
  const single = typeof raw["type"] === "string";
  const plugins = (single ? [raw] : raw["plugins"]) as PluginConf[] | undefined;
  if (!Array.isArray(plugins) || plugins.length === 0) throw invalid("no plugins in list");
  plugins.forEach((plugin, i) => {
    if (typeof plugin?.type !== "string" || plugin.type === "") throw invalid(`plugin ${i} has no type`);
  });
  return {
    cniVersion: chooseVersion(raw),
    name: raw["name"],
    plugins,
    disableCheck: isTrue(raw["disableCheck"]),
    disableGC: isTrue(raw["disableGC"]),
  };
}

function decode(text: string): Record<string, unknown> {
  try {
    const raw: unknown = JSON.parse(text);
    if (typeof raw === "object" && raw !== null && !Array.isArray(raw)) return raw as Record<string, unknown>;
  } catch (error) {
    throw new CniError(CniCode.decodingFailure, `error parsing configuration list: ${(error as Error).message}`);
  }
  throw new CniError(CniCode.decodingFailure, "error parsing configuration list: not a JSON object");
}

const isTrue = (value: unknown) => value === true || value === "true";

/** Since 1.1.0 a list may offer several versions: the newest we speak is used. */
function chooseVersion(raw: Record<string, unknown>): string {
  const offered = [raw["cniVersion"], ...((raw["cniVersions"] as unknown[] | undefined) ?? [])];
  const spoken = offered.filter((v): v is string => typeof v === "string" && SUPPORTED_VERSIONS.includes(v));
  const best = spoken.sort((a, b) => (atLeast(a, b) ? -1 : 1))[0];
  if (best === undefined) requireVersion(String(raw["cniVersion"] ?? "0.2.0"));
  return best ?? "";
}

/** What one plugin gets on stdin: its part, the list's name and version, the capabilities it asked for, the result so far. */
export function configFor(
  list: ConfList,
  plugin: PluginConf,
  capabilities: RuntimeConfig,
  prevResult: Result | undefined,
): NetConf {
  const { capabilities: wanted, ...rest } = plugin;
  const granted = Object.entries(capabilities).filter(([name]) => wanted?.[name]);
  return {
    ...rest,
    name: list.name,
    cniVersion: list.cniVersion,
    ...(granted.length > 0 ? { runtimeConfig: Object.fromEntries(granted) } : {}),
    ...(prevResult ? { prevResult: resultFor(list.cniVersion, prevResult) } : {}),
  };
}

/** Whether some plugin of the list can do what the capability asks for. */
export function hasCapability(list: ConfList, name: string): boolean {
  return list.plugins.some((plugin) => plugin.capabilities?.[name]);
}
