import t from "tap";
import { describeFault, faultRuleset } from "#scripts/lab/faults.js";
import { type LabFault, planLab } from "#scripts/lab/state.js";

const lab = planLab("/none", "x", 3, 0, "quick");
const rules = (...faults: LabFault[]) =>
  faultRuleset(lab, faults)
    .split("\n")
    .flatMap((line) => line.match(/^ {4}(?!type)(.*)/)?.[1] ?? []);

t.test("a cut between two nodes, on their ports and across a router, both ways", async (t) => {
  t.same(rules({ kind: "partition", a: "node-1", b: "server" }), [
    'iifname "p-node-1" oifname "p-server" drop',
    'iifname "p-node-1" oifname != "p-server" ip daddr 10.89.0.2 drop',
    'iifname "p-server" oifname "p-node-1" drop',
    'iifname "p-server" oifname != "p-node-1" ip daddr 10.89.0.11 drop',
  ]);
});

t.test("a cut from all, and a loss", async (t) => {
  t.same(rules({ kind: "partition", a: "node-2" }, { kind: "loss", a: "node-3", percent: 12.5 }), [
    'iifname "p-node-2" drop',
    'oifname "p-node-2" drop',
    'iifname "p-node-3" numgen random mod 1000 < 125 drop',
    'oifname "p-node-3" numgen random mod 1000 < 125 drop',
  ]);
});

t.test("no fault, no table; an unknown node is named", async (t) => {
  t.equal(faultRuleset(lab, []), "table bridge berth-lab-faults {}\ndelete table bridge berth-lab-faults\n");
  t.throws(() => rules({ kind: "partition", a: "node-9" }), /no node node-9 in lab x; it has server, node-1/);
});

t.test("for a person", async (t) => {
  t.equal(describeFault({ kind: "partition", a: "node-1", b: "node-2" }), "node-1 — node-2: cut");
  t.equal(describeFault({ kind: "loss", a: "node-1", percent: 20 }), "node-1 — all others: loses 20 %");
});
