import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { podCgroup, removePodCgroup, stopSlice } from "#agent/pods/pod-cgroup.js";

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
