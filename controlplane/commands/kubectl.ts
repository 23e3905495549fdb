/** `berth kubectl`: the real kubectl, pointed at this server. */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Command } from "commander";
import { DEFAULT_DATA_DIR } from "./token.js";

const EXAMPLES = `
Examples:
  berth kubectl get nodes
  berth kubectl -- get pods -A -o wide
  berth kubectl --data-dir /tmp/berth -- apply -f app.yaml`;

export function addKubectlCommand(program: Command): void {
  program
    .command("kubectl")
    .description("run kubectl (the one on PATH, else a pinned one) as this cluster's administrator")
    .argument("[args...]", "arguments for kubectl")
    .option("--data-dir <folder>", "data directory of the server", DEFAULT_DATA_DIR)
    .passThroughOptions()
    .allowUnknownOption()
    .addHelpText("after", EXAMPLES)
    .action(async (args: string[], { dataDir }: { dataDir: string }) => {
      const kubeconfig = join(dataDir, "server/admin.kubeconfig");
      if (!existsSync(kubeconfig)) {
        throw new Error(`${kubeconfig} is not there: start the server with \`berth server\`, or name its --data-dir`);
      }
      const { findKubectl } = await import("#scripts/lab/kubectl.js");
      process.exitCode = await run(await findKubectl(), args[0] === "--" ? args.slice(1) : args, kubeconfig);
    });
}

function run(kubectl: string, args: readonly string[], kubeconfig: string): Promise<number> {
  const child = spawn(kubectl, args, { stdio: "inherit", env: { ...process.env, KUBECONFIG: kubeconfig } });
  // The terminal signals the whole group: kubectl decides what an interrupt means.
  process.on("SIGINT", () => undefined);
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("exit", (code, signal) => resolve(signal ? 128 : (code ?? 1)));
  });
}
