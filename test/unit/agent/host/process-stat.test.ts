import { spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import t from "tap";
import { processAge, processStat } from "#agent/host/process-stat.js";

t.test("a process, by the kernel's account", async (t) => {
  const child = spawn("cat", { stdio: ["pipe", "ignore", "ignore"] });
  await once(child, "spawn");
  const pid = child.pid!;
  const before = processAge(pid)!;
  await sleep(100);
  t.ok(processAge(pid)! >= before + 50, "its age grows");
  t.ok(processAge(process.pid)! > processAge(pid)!, "its parent is older");
  const start = processStat(pid)?.startTicks;
  t.match(start, /^\d+$/);
  t.equal(processStat(pid)?.startTicks, start);
  child.kill("SIGKILL");
  await once(child, "exit");
  t.equal(processStat(pid), undefined);
  t.equal(processAge(pid), undefined);
});
