/** The CNI_* variables of one call, checked as the specification asks. */
import { statSync } from "node:fs";
import { CniCode, CniError } from "./error.js";

export type Command = "ADD" | "DEL" | "CHECK" | "GC" | "STATUS";

export interface CniEnvironment {
  command: Command;
  /** "" for GC and STATUS. */
  containerId: string;
  /** Path of the network namespace; "" when it is gone (DEL) or of no matter. */
  netns: string;
  ifName: string;
  /** CNI_ARGS: "K=V;K=V". */
  args: Readonly<Record<string, string>>;
}

/** Which variables each command must have. */
const REQUIRED: Record<Command, readonly string[]> = {
  ADD: ["CNI_CONTAINERID", "CNI_NETNS", "CNI_IFNAME"],
  CHECK: ["CNI_CONTAINERID", "CNI_NETNS", "CNI_IFNAME"],
  DEL: ["CNI_CONTAINERID", "CNI_IFNAME"],
  GC: [],
  STATUS: [],
};

/** @throws CniError invalidEnvironment, unknownContainer, invalidNetns */
export function readEnvironment(env: Record<string, string | undefined>): CniEnvironment {
  const command = env["CNI_COMMAND"] ?? "";
  const required = Object.hasOwn(REQUIRED, command) ? REQUIRED[command as Command] : undefined;
  if (!required) throw new CniError(CniCode.invalidEnvironment, `unknown CNI_COMMAND: ${command}`);
  const missing = required.filter((name) => !env[name]);
  if (missing.length > 0)
    throw new CniError(CniCode.invalidEnvironment, `required env variables [${missing.join(",")}] missing`);
  const environment: CniEnvironment = {
    command: command as Command,
    containerId: env["CNI_CONTAINERID"] ?? "",
    netns: env["CNI_NETNS"] ?? "",
    ifName: env["CNI_IFNAME"] ?? "",
    args: readArgs(env["CNI_ARGS"] ?? ""),
  };
  if (required.length > 0) checkNames(environment);
  if (command === "ADD" && !env["CNI_NETNS_OVERRIDE"]) refuseOwnNamespace(environment.netns);
  return environment;
}

function checkNames({ containerId, ifName }: CniEnvironment): void {
  if (!/^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/.test(containerId))
    throw new CniError(CniCode.invalidEnvironment, "invalid characters in containerID", containerId);
  if (ifName.length > 15)
    throw new CniError(
      CniCode.invalidEnvironment,
      "interface name is too long",
      "interface name should be less than 16 characters",
    );
  if (ifName === "." || ifName === ".." || /[/:\s]/.test(ifName))
    throw new CniError(
      CniCode.invalidEnvironment,
      "interface name is . or .. or contains / or : or whitespace",
      ifName,
    );
}

function readArgs(text: string): Record<string, string> {
  const args: Record<string, string> = {};
  for (const pair of text.split(";").filter(Boolean)) {
    const equals = pair.indexOf("=");
    if (equals < 1) throw new CniError(CniCode.invalidEnvironment, `invalid CNI_ARGS pair "${pair}"`);
    args[pair.slice(0, equals)] = pair.slice(equals + 1);
  }
  return args;
}

/** A container that shares our namespace must not be attached: its links would be the host's. */
function refuseOwnNamespace(netns: string): void {
  let theirs: ReturnType<typeof statSync>;
  try {
    theirs = statSync(netns);
  } catch (error) {
    throw new CniError(CniCode.invalidNetns, `failed to open netns "${netns}"`, String(error));
  }
  const ours = statSync("/proc/self/ns/net");
  if (theirs.ino === ours.ino && theirs.dev === ours.dev)
    throw new CniError(CniCode.invalidNetns, "plugin's netns and netns from CNI_NETNS should not be the same");
}
