import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { clearPodCgroup, podCgroup, removePodCgroup, stopSlice } from "#agent/pods/pod-cgroup.js";

const path = podCgroup("/", "Burstable", "12-3");
const slice = "kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod12_3.slice";

t.test("a cgroup goes in every hierarchy, with what is below it", async (t) => {
  const mount = t.testdir();
  for (const hierarchy of ["", "memory", "cpu"])
    mkdirSync(join(mount, hierarchy, path, "container"), { recursive: true });
  await removePodCgroup(path, mount);
  for (const hierarchy of ["", "memory", "cpu"]) t.notOk(existsSync(join(mount, hierarchy, path)), hierarchy);
  await removePodCgroup(path, mount);
});

const pids = "/sys/fs/cgroup/pids";
const skip = (!existsSync(pids) || process.getuid?.() !== 0) && "needs root and cgroup version 1";
t.test("what the engine has forgotten in a cgroup is ended, and the cgroup goes", { skip }, async (t) => {
  const forgotten = podCgroup(`/berth-unit-${process.pid}`, "BestEffort", "12-3");
  const folder = join(pids, forgotten, "container");
  mkdirSync(folder, { recursive: true });
  t.teardown(() => removePodCgroup(`/berth-unit-${process.pid}`));
  const child = spawn("sleep", ["60"]);
  const ended = once(child, "exit");
  writeFileSync(join(folder, "cgroup.procs"), String(child.pid));
  t.same(await clearPodCgroup(forgotten), [child.pid]);
  t.same(await ended, [null, "SIGKILL"]);
  t.notOk(existsSync(join(pids, forgotten)));
  t.same(await clearPodCgroup(forgotten), [], "nothing more to do");
});

t.test("a slice is stopped by its name, where systemd has one", async (t) => {
  for (const hierarchy of ["", "systemd"]) {
    const mount = t.testdir();
    const ran: string[] = [];
    const run = async (program: string, args: readonly string[]) => {
      ran.push([program, ...args].join(" "));
      return "";
    };
    await stopSlice(path, run, mount);
    t.same(ran, [], "none: nothing to do");
    mkdirSync(join(mount, hierarchy, slice), { recursive: true });
    await stopSlice(path, run, mount);
    t.same(ran, ["systemctl stop kubepods-burstable-pod12_3.slice"]);
  }
});
