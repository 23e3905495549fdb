#!/usr/bin/env -S node --max-semi-space-size=8
/** The command line. Each command is a file; only the one that is asked for is loaded. */
import { Command } from "commander";
import { VERSION } from "#api/version.js";

type Register = (program: Command) => unknown;

const COMMANDS: Readonly<Record<string, () => Promise<Register>>> = {
  server: async () => (await import("#controlplane/commands/server.js")).addServerCommand,
  agent: async () => (await import("#agent/commands/agent.js")).addAgentCommand,
  lab: async () => (await import("#scripts/lab/command.js")).addLabCommand,
  token: async () => (await import("#controlplane/commands/token.js")).addTokenCommand,
  reset: async () => (await import("#agent/commands/reset.js")).addResetCommand,
  kubectl: async () => (await import("#controlplane/commands/kubectl.js")).addKubectlCommand,
};

const EXAMPLES = `
Examples:
  berth server                                   a cluster on this host
  berth agent --server https://HOST:6443 --token-file FILE
                                                 another host joins it
  berth lab up --nodes 2                         a cluster of several nodes on this machine
  berth kubectl get nodes                        kubectl as its administrator`;

const program = new Command("berth")
  .description("a Kubernetes-compatible cluster for hosts that already run Docker")
  .version(VERSION)
  .enablePositionalOptions()
  .showHelpAfterError("(see --help)")
  .addHelpText("after", EXAMPLES);

const wanted = process.argv[2] ?? "";
for (const [name, load] of Object.entries(COMMANDS)) {
  if (name === wanted || !(wanted in COMMANDS)) (await load())(program);
}
try {
  await program.parseAsync();
} catch (error) {
  process.stderr.write(`berth ${wanted}: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
