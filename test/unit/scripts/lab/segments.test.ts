import t from "tap";
import { parseSegments, placeOnSegments } from "#scripts/lab/segments.js";
import { planLab } from "#scripts/lab/state.js";

const nodes = ["node-1", "node-2", "node-3", "node-4", "node-5"];

t.test("a count spreads neighbours evenly", async (t) => {
  const sizes = (count: string) => parseSegments(count, nodes).map((group) => group.length);
  t.same(parseSegments("2", nodes.slice(0, 3)), [["node-1", "node-2"], ["node-3"]]);
  t.same(sizes("1"), [5]);
  t.same(sizes("3"), [2, 2, 1]);
  t.same(sizes("5"), [1, 1, 1, 1, 1]);
});

t.test("groups name every node once", async (t) => {
  t.same(parseSegments("node-1, node-3/node-2", nodes.slice(0, 3)), [["node-1", "node-3"], ["node-2"]]);
  t.throws(() => parseSegments("6", nodes), /5 nodes make 1 to 5 segments/);
  t.throws(() => parseSegments("0", nodes), /5 nodes make 1 to 5 segments/);
  t.throws(() => parseSegments("node-1/node-9", nodes), /"node-9" is no node; there are node-1, /);
  t.throws(() => parseSegments("node-1/", nodes), /"" is no node/);
  t.throws(() => parseSegments("node-1/node-1,node-2", nodes), /node-1 is named twice/);
  t.throws(() => parseSegments("node-1,node-2/node-3", nodes), /node-4, node-5 are on no segment/);
});

t.test("addresses follow the segment; the server stays on the first", async (t) => {
  const { state } = planLab("/nowhere", "x", 3, 0, "quick");
  placeOnSegments(state, [["node-2"], ["node-1", "node-3"]]);
  t.same(
    state.nodes.map(({ name, address, segment }) => [name, address, segment]),
    [
      ["server", "10.89.0.2", undefined],
      ["node-1", "10.89.1.11", 1],
      ["node-2", "10.89.0.12", 0],
      ["node-3", "10.89.1.13", 1],
    ],
  );
});
