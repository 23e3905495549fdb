import t from "tap";
import { sliceFolder } from "#agent/host/cgroup-layout.js";
import { cgroupUsage } from "#agent/stats/cgroup-usage.js";
import { metricText } from "#agent/stats/metric-text.js";

t.test("usage is read from both layouts", async (t) => {
  const v1 = t.testdir({
    cpuacct: { kubepods: { pod1: { "cpuacct.usage": "1500000000\n" } } },
    memory: {
      kubepods: {
        pod1: { "memory.usage_in_bytes": "1000\n", "memory.stat": "inactive_file 1\ntotal_inactive_file 300\n" },
      },
    },
  });
  t.same(await cgroupUsage({ version: 1, mount: v1 }, "/kubepods/pod1"), { cpuSeconds: 1.5, workingSet: 700 });
  t.equal(await cgroupUsage({ version: 1, mount: v1 }, "/kubepods/pod2"), undefined);
});

t.test("version 2", async (t) => {
  const v2 = t.testdir({
    pod1: {
      "cpu.stat": "usage_usec 2500000\nuser_usec 1\n",
      "memory.current": "1000",
      "memory.stat": "inactive_file 300\n",
    },
  });
  t.same(await cgroupUsage({ version: 2, mount: v2 }, "/pod1"), { cpuSeconds: 2.5, workingSet: 700 });
});

t.test("systemd's slices repeat their ancestors", async (t) => {
  const slices = "/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod1_2.slice";
  t.equal(sliceFolder("/kubepods/besteffort/pod1-2"), slices);
});

t.test("metrics: one header a family, labels escaped", async (t) => {
  const samples = [{ labels: { pod: 'a"b\\c' }, value: 1 }, { value: 2 }];
  const text = metricText([
    { name: "x", type: "gauge", help: "Some x.", samples },
    { name: "none", type: "counter", help: "-", samples: [] },
  ]);
  t.equal(text, '# HELP x Some x.\n# TYPE x gauge\nx{pod="a\\"b\\\\c"} 1\nx 2\n');
});
