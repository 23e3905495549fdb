/** What the user wants on this machine, in the options of `berth server` and `berth agent` themselves. */
import { Command } from "commander";
import { addAgentCommand } from "#agent/commands/agent.js";
import { joinToken, type TokenFlags } from "#agent/commands/token-option.js";
import { addServerCommand, type ServerFlags } from "#controlplane/commands/server.js";
import { defaultAddress } from "#controlplane/host-addresses.js";
import type { Part } from "./paths.js";

export interface Wish {
  role: Part;
  /** Options of each service; a server may have no agent. */
  options: { server?: string[]; agent?: string[] };
  /** URL of the API server. */
  server: string;
  /** With which an agent joins. */
  token?: string;
  /** Of the server, for a server. */
  serverFlags?: ServerFlags;
  kubeletPort: number;
  /** Whether to open the ports in this machine's firewall. */
  openPorts: boolean;
}

interface AgentFlags extends TokenFlags {
  server: string;
  kubeletPort: number;
}

/** Options as they were given before, when the service is on this machine already. */
export type Known = (part: Part) => string[] | undefined;

/**
 * @param args as given to `scripts/install server|agent`; none at all: as before, where there is a before
 * @param environmentToken BERTH_TOKEN: the token of an agent whose options say none
 * @throws CommanderError, after it has been told, when an option is unknown or missing; Error that says what is wrong
 */
export async function parseWish(
  role: Part,
  args: readonly string[],
  known: Known,
  environmentToken?: string,
): Promise<Wish> {
  const openPorts = args.includes("--open-ports");
  const given = args.filter((arg) => arg !== "--open-ports");
  return {
    ...(role === "server" ? await serverWish(given, known) : agentWish(given, known, environmentToken)),
    openPorts,
  };
}

type Choice = Omit<Wish, "openPorts">;

async function serverWish(args: readonly string[], known: Known): Promise<Choice> {
  const split = args.includes("--") ? args.indexOf("--") : args.length;
  const again = args.length === 0 && known("server");
  const given = again || args.slice(0, split);
  const flags = parse<ServerFlags>(addServerCommand, given);
  const address =
    flags.advertiseAddress ?? (flags.bindAddress === "0.0.0.0" ? await defaultAddress() : flags.bindAddress);
  if (address.startsWith("127."))
    throw new Error("this machine has no address for others: name one with --advertise-address");
  const server = `https://${address.includes(":") ? `[${address}]` : address}:${flags.port}`;
  // A service of its own, so that systemd looks after it and keeps its log.
  const options = [...(given.includes("--no-agent") ? [] : ["--no-agent"]), ...given];
  if (flags.advertiseAddress === undefined) options.push("--advertise-address", address);
  const wantsAgent = again ? known("agent") !== undefined : flags.agent;
  const agent = again ? known("agent") : ["--server", server, ...args.slice(split + 1)];
  const { kubeletPort = 0 } = wantsAgent ? parse<AgentFlags>(addAgentCommand, agent!) : {};
  return {
    role: "server",
    options: { server: options, ...(wantsAgent && { agent }) },
    server,
    serverFlags: flags,
    kubeletPort,
  };
}

function agentWish(args: readonly string[], known: Known, environmentToken: string | undefined): Choice {
  const again = args.length === 0 && known("agent");
  const given = again || args;
  const flags = parse<AgentFlags>(addAgentCommand, given);
  const { server, tokenFile, kubeletPort } = flags;
  const token = joinToken(flags, environmentToken);
  if (tokenFile && !token) throw new Error(`--token-file ${tokenFile}: there is no token in it`);
  return { role: "agent", options: { agent: withoutToken(given) }, server, token, kubeletPort };
}

/** Several of these on one machine are what labs are for. */
const FIXED = ["--data-dir", "--run-dir", "--cgroup-root", "--docker-socket"];

function refuseFixed(args: readonly string[]): void {
  const option = args.find((arg) => FIXED.includes(arg.split("=")[0]!));
  if (option)
    throw new Error(`${option}: an installed Berth has the machine to itself, everything is at its usual place`);
}

/** It is good for the first start only, and nothing for a file everybody may read. */
function withoutToken(args: readonly string[]): string[] {
  const named = (arg = "") => arg === "--token" || arg === "--token-file";
  return args.filter((arg, i) => !named(arg) && !named(args[i - 1]) && !/^--token(-file)?=/.test(arg));
}

/** The flags as the command itself would understand them. @throws Error when one is not for an installed Berth */
function parse<Flags>(add: (program: Command) => unknown, args: readonly string[]): Flags {
  refuseFixed(args);
  const program = new Command("./scripts/install").showHelpAfterError("(see ./scripts/install --help)").exitOverride();
  add(program);
  const command = program.commands[0]!;
  let flags: Flags | undefined;
  command.exitOverride().action(() => {
    flags = command.opts() as Flags;
  });
  program.parse([command.name(), ...args], { from: "user" });
  return flags!;
}
