import type { Command } from "commander";

const EXAMPLES = `
Stop \`berth server\` and \`berth agent\` first. The Docker engine and its own containers, networks and rules stay.

Examples:
  berth reset                    says what it would remove
  berth reset --yes              removes it
`;

interface Flags {
  yes?: boolean;
  dataDir: string;
  runDir: string;
  dockerSocket: string;
  cgroupRoot: string;
}

export function addResetCommand(program: Command): Command {
  return program
    .command("reset")
    .description("take every trace of Berth off this host")
    .option("--yes", "do it, without asking")
    .option("--data-dir <folder>", "where state is kept", "/var/lib/berth")
    .option("--run-dir <folder>", "where sockets and journals are kept", "/run/berth")
    .option("--docker-socket <path>", "the Docker engine's socket", "/var/run/docker.sock")
    .option("--cgroup-root <path>", "cgroup below which the node's Pods live", "/")
    .addHelpText("after", EXAMPLES)
    .action(runReset);
}

async function runReset({ yes, ...flags }: Flags): Promise<void> {
  const { resolve } = await import("node:path");
  const dataDir = resolve(flags.dataDir);
  if (!yes) {
    process.stdout.write(
      `This removes all Pod containers, Berth's links, routes and nft tables, and everything below ${dataDir}/server and
${dataDir}/agent, the cluster's data included. Run \`berth reset --yes\` to do it.\n`,
    );
    process.exitCode = 1;
    return;
  }
  const { reset } = await import("../reset.js");
  await reset({ ...flags, dataDir, say: (text) => process.stdout.write(`✔ ${text}\n`) });
}
