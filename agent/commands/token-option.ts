/** The token a host joins with, from where the user has put it. */
import { type Command, Option } from "commander";
import { readIfPresent } from "../host/durable-file.js";

export interface TokenFlags {
  token?: string;
  tokenFile?: string;
}

export function addTokenOptions(command: Command): Command {
  return command
    .option("--token <token>", "join token from `berth token create`; needed the first time. Seen by all at the start")
    .addOption(
      new Option("--token-file <path>", "take the join token from this file (or from BERTH_TOKEN)").conflicts("token"),
    );
}

/** Every user of the host may read a program's arguments: from now on without the token. The title stands in their place. */
export function hideToken({ token }: TokenFlags): void {
  if (token) process.title = process.argv.map((arg) => arg.replace(token, "…")).join(" ");
}

/** Undefined when there is none, or its file has been removed, as it may be once the node has joined. */
export function joinToken({ token, tokenFile }: TokenFlags, fromEnvironment?: string): string | undefined {
  const fromFile = tokenFile && readIfPresent(tokenFile)?.trim();
  return token || fromFile || fromEnvironment || undefined;
}
