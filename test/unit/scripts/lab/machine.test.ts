import { existsSync } from "node:fs";
import t from "tap";
import { parseInits } from "#scripts/lab/machine.js";
import { growLab, planBlankLab } from "#scripts/lab/state.js";

t.test("machines take their inits in turn, and so do those that come later", async (t) => {
  const lab = planBlankLab("/labs", "a", 3, ["systemd", "sysv"]);
  t.same(
    lab.workers.map(({ name, init }) => `${name} ${init}`),
    ["node-1 systemd", "node-2 sysv", "node-3 systemd"],
  );
  t.ok(lab.blank);
  t.throws(() => lab.server, /no server of its own/);
  const grown = growLab(lab, 4);
  t.same(grown.workers.slice(0, 3), lab.workers, "what is there stays as it is");
  t.match(grown.node("node-4"), { role: "vm", init: "systemd", address: "10.89.0.14" });
});

t.test("what a machine's init can be", async (t) => {
  t.same(parseInits("sysv"), ["sysv"]);
  t.throws(() => parseInits("upstart"), /use systemd or sysv/);
  t.same(parseInits(""), [existsSync("/lib/systemd/systemd") ? "systemd" : "sysv"]);
});
