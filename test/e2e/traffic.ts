/** Steady traffic to a Service, from a node of the lab, and what became of it. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { enterArgs } from "#scripts/lab/namespaces.js";
import type { Lab, LabNode } from "#scripts/lab/state.js";
import type { ProbeResult } from "#test/fixtures/http-probe.js";

const probe = fileURLToPath(new URL("../fixtures/http-probe.js", import.meta.url));
const INTERVAL = 50;
const TIMEOUT = 1000;

export class Traffic {
  readonly #results: ProbeResult[] = [];

  private constructor(private readonly child: ChildProcess) {
    createInterface({ input: child.stdout! }).on("line", (line) => this.#results.push(JSON.parse(line)));
  }

  static start(lab: Lab, node: LabNode, url: string): Traffic {
    const args = [...enterArgs(lab, node), process.execPath, probe, url, String(INTERVAL), String(TIMEOUT)];
    // Without NODE_OPTIONS: tap's loader has no business in there.
    const env = { ...process.env, NODE_OPTIONS: "" };
    return new Traffic(spawn("nsenter", args, { stdio: ["ignore", "pipe", "inherit"], env }));
  }

  /** How the tries that began since then went, once the last of them has ended; without those the machine was too busy for. */
  async since(at: number): Promise<{ tries: number; failed: number; failedUntil: number }> {
    const now = Date.now();
    while (Date.now() < now + 2 * TIMEOUT) await new Promise((resolve) => setTimeout(resolve, INTERVAL));
    const tries = this.#results.filter((result) => result.at >= at && result.at <= now && !result.busy);
    const failed = tries.filter(({ ok }) => !ok);
    return { tries: tries.length, failed: failed.length, failedUntil: failed.length > 0 ? failed.at(-1)!.at - at : 0 };
  }

  /** True when of all tries that began in so many milliseconds, and have had the time to end, none failed. */
  quietFor(ms: number): boolean {
    const recent = this.#results.filter(({ at }) => at >= Date.now() - ms - TIMEOUT);
    return recent.length > ms / INTERVAL / 2 && recent.every(({ ok }) => ok);
  }

  async stop(): Promise<void> {
    // It ends with its node, too.
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const ended = once(this.child, "exit");
    this.child.kill("SIGKILL");
    await ended;
  }
}
