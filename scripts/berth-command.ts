/** How the programs of this tree start the `berth` command. */
import { fileURLToPath } from "node:url";
import { nodeFlags, type Program } from "#controlplane/node-flags.js";

export const BERTH = fileURLToPath(new URL("../berth.js", import.meta.url));

/** @param program how it is to be started: anything but an agent is started as a server is */
export const berthCommand = (program: Program = "server"): string[] => [process.execPath, ...nodeFlags[program], BERTH];
