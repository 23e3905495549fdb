import t from "tap";
import { processesOf } from "#scripts/lab/processes.js";
import { growLab, planLab } from "#scripts/lab/state.js";

const lab = planLab("/nowhere", "demo", 2, 7443, "quick");

t.test("a lab grows, and keeps what it has", async (t) => {
  const grown = growLab(lab, 3);
  t.same(grown.state, {
    name: "demo",
    apiPort: 7443,
    timers: "quick",
    nodes: [...lab.state.nodes, { name: "node-3", address: "10.89.0.13", role: "node" }],
  });
  t.same(growLab(lab, 2).state, lab.state);
  t.throws(() => growLab(lab, 1), { message: /^lab demo has 2 nodes already, and nodes are only added/ });
});

t.test("sizes and names that cannot be", async (t) => {
  for (const nodes of [0, 51, 1.5, Number.NaN])
    t.throws(() => planLab("/nowhere", "demo", nodes, 0, "quick"), { message: "--nodes: use a number from 1 to 50" });
  t.throws(() => planLab("/nowhere", "No", 1, 0, "quick"), { message: /^lab name "No"/ });
});

t.test("each node has its own processes", async (t) => {
  t.same(processesOf(lab.server), ["server"]);
  t.same(processesOf(lab.node("node-2")), ["agent", "dockerd"]);
});
