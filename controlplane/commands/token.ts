/** `berth token`: what a new host needs to join. */
import { join } from "node:path";
import type { Command } from "commander";

export const DEFAULT_DATA_DIR = "/var/lib/berth";

const EXAMPLES = `
Examples:
  berth token create                     a token that lets hosts join for the next 24 hours
  berth token create --ttl 10m           for ten minutes
  berth agent --server https://HOST:6443 --token "$(ssh HOST berth token create)"`;

interface TokenOptions {
  readonly ttl: string;
  readonly dataDir: string;
  readonly kubeconfig?: string;
}

export function addTokenCommand(program: Command): void {
  const token = program.command("token").description("tokens with which hosts join the cluster");
  token
    .command("create")
    .description("make a join token and print it")
    .option("--ttl <time>", "how long it can be used: 30m, 24h, 7d; 0 for ever", "24h")
    .option("--data-dir <folder>", "data directory of the server", DEFAULT_DATA_DIR)
    .option("--kubeconfig <file>", "kubeconfig of an administrator (default: the server's own)")
    .addHelpText("after", EXAMPLES)
    .action(async (options: TokenOptions) => {
      const { createToken } = await import("./token-create.js");
      const kubeconfig = options.kubeconfig ?? join(options.dataDir, "server/admin.kubeconfig");
      process.stdout.write(`${await createToken(kubeconfig, parseTtl(options.ttl), Date.now())}\n`);
    });
}

const UNITS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 };

/** Seconds; undefined for "0", which never ends. @throws Error */
export function parseTtl(text: string): number | undefined {
  if (text === "0") return undefined;
  const [, count, unit] = /^(\d+)([smhd])$/.exec(text) ?? [];
  if (!count || !unit || Number(count) === 0) throw new Error(`--ttl ${text}: expected a time like 30m, 24h or 7d`);
  return Number(count) * UNITS[unit]!;
}
