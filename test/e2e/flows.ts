/** A client that never stops sending, and what a node's kernel remembers of whom it leads where. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { enterArgs } from "#scripts/lab/namespaces.js";
import type { Lab, LabNode } from "#scripts/lab/state.js";
import type { LabSession } from "./lab-session.js";

/** Always the same socket: one flow to the kernel, which as long as it goes on is never looked up again. */
const SCRIPT = `const [ip, port] = process.argv.slice(1);
require("dgram").createSocket("udp4").on("error", () => 0).on("message", () => console.log("answer"))
  .bind(5555, function () { setInterval(() => this.send("x", port, ip, () => 0), 50); });`;

export class SteadyDatagrams {
  #answered = 0;

  private constructor(private readonly child: ChildProcess) {
    child.stdout!.on("data", () => {
      this.#answered = Date.now();
    });
  }

  static start(lab: Lab, node: LabNode, ip: string, port: number): SteadyDatagrams {
    const args = [...enterArgs(lab, node), process.execPath, "-e", SCRIPT, ip, String(port)];
    // Without NODE_OPTIONS: tap's loader has no business in there.
    const env = { ...process.env, NODE_OPTIONS: "" };
    return new SteadyDatagrams(spawn("nsenter", args, { stdio: ["ignore", "pipe", "inherit"], env }));
  }

  /** It goes with its node. */
  get ended(): boolean {
    return this.child.exitCode !== null || this.child.signalCode !== null;
  }

  answeredSince(at: number): boolean {
    return this.#answered > at;
  }

  async stop(): Promise<void> {
    if (this.ended) return;
    const ended = once(this.child, "exit");
    this.child.kill("SIGKILL");
    await ended;
  }
}

export interface Flow {
  protocol: "tcp" | "udp";
  /** Whom the client wrote to. */
  asked: string;
  /** Who is to answer. */
  answering: string;
}

/** What a node has tracked. Of TCP only connections that both sides still hold: the others end by themselves. */
export async function flowsOn(session: LabSession, node: LabNode): Promise<Flow[]> {
  const found: Flow[] = [];
  for (const protocol of ["udp", "tcp"] as const) {
    for (const line of (await session.on(node, ["conntrack", "-L", "-p", protocol])).split("\n")) {
      const asked = line.match(/\bdst=(\S+)/)?.[1];
      const answering = [...line.matchAll(/\bsrc=(\S+)/g)][1]?.[1];
      if (asked && answering && (protocol === "udp" || line.includes(" ESTABLISHED ")))
        found.push({ protocol, asked, answering });
    }
  }
  return found;
}
