import t from "tap";
import { clusterConfig, DEFAULT_RANGES } from "#controlplane/cluster-ranges.js";

t.test("the tunnel's numbers", async (t) => {
  const vxlan = (change: object) => clusterConfig({ ...DEFAULT_RANGES, ...change }).vxlan;
  t.same(vxlan({}), { id: 1194, port: 8472, always: false });
  t.same(vxlan({ vxlanId: "16777215", vxlanPort: "4789", vxlanAlways: true }), {
    id: 16_777_215,
    port: 4789,
    always: true,
  });
  t.throws(() => vxlan({ vxlanId: "16777216" }), "--vxlan-id 16777216: expected a number from 1 to 16777215");
  t.throws(() => vxlan({ vxlanId: "0" }), /--vxlan-id 0/);
  t.throws(() => vxlan({ vxlanPort: "1e3" }), "--vxlan-port 1e3: expected a number from 1 to 65535");
});
