/** Command lines are for everybody on a host to read: no program of a cluster shows there what a node joins with. */
import { readFileSync } from "node:fs";
import t from "tap";
import { processesIn } from "#scripts/lab/namespaces.js";
import { openLab } from "./lab-session.js";

const { lab } = await openLab(t);
const TOKEN = /berth\.[0-9a-f]{64}\./;

/** Arguments of a process; none for one that has ended meanwhile. */
function commandLine(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ");
  } catch (error) {
    if (["ENOENT", "ESRCH"].includes((error as NodeJS.ErrnoException).code ?? "")) return "";
    throw error;
  }
}

t.test("no join token in /proc/*/cmdline", async (t) => {
  for (const node of [lab.server, ...lab.workers]) {
    const pids = await processesIn(lab.namespace(node));
    const lines = pids.map(commandLine);
    t.ok(
      lines.some((line) => / (agent|server) /.test(line)),
      `${node.name} runs something of Berth`,
    );
    t.same(
      lines.filter((line) => TOKEN.test(line)),
      [],
      node.name,
    );
  }
});
