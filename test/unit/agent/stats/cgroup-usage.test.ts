import t from "tap";
import { sliceFolder } from "#agent/host/cgroup-layout.js";
import { cgroupUsage, processIn } from "#agent/stats/cgroup-usage.js";
import { CpuRates } from "#agent/stats/cpu-rates.js";
import { metricText } from "#agent/stats/metric-text.js";
import { parseNetDev } from "#agent/stats/network-usage.js";
import { hostUsage } from "#agent/stats/node-usage.js";

t.test("version 1: a hierarchy a controller", async (t) => {
  const pod = {
    "memory.usage_in_bytes": "1000\n",
    "memory.limit_in_bytes": "9223372036854771712\n",
    "memory.stat":
      "inactive_file 1\ntotal_rss 400\ntotal_pgfault 7\ntotal_pgmajfault 2\ntotal_swap 0\ntotal_inactive_file 300\n",
    "cgroup.procs": "0\n42\n43\n",
  };
  const mount = t.testdir({
    cpuacct: { kubepods: { pod1: { "cpuacct.usage": "1500000000\n" }, old: { "cpuacct.usage": "5\n" } } },
    memory: {
      kubepods: { pod1: pod, old: { "memory.usage_in_bytes": "9", "memory.limit_in_bytes": "64", "memory.stat": "" } },
    },
    pids: { kubepods: { pod1: { "pids.current": "3\n" } } },
  });
  const layout = { version: 1, mount } as const;
  t.same(await cgroupUsage(layout, "/kubepods/pod1"), {
    cpuSeconds: 1.5,
    workingSet: 700,
    memory: 1000,
    rss: 400,
    swap: 0,
    pageFaults: 7,
    majorPageFaults: 2,
    pids: 3,
  });
  t.match(await cgroupUsage(layout, "/kubepods/old"), { memoryLimit: 64, workingSet: 9 });
  t.equal(await cgroupUsage(layout, "/kubepods/pod2"), undefined);
  t.equal(await processIn(layout, "/kubepods/pod1"), 42);
  t.equal(await processIn(layout, "/kubepods/pod2"), undefined);
});

t.test("version 2: one folder for all", async (t) => {
  const mount = t.testdir({
    pod1: {
      "cpu.stat": "usage_usec 2500000\nuser_usec 1\n",
      "memory.current": "1000",
      "memory.max": "2048\n",
      "memory.swap.current": "16\n",
      "memory.stat": "anon 600\ninactive_file 300\npgfault 9\npgmajfault 1\n",
      "pids.current": "2\n",
      "cgroup.procs": "7\n",
    },
    pod2: { "cpu.stat": "usage_usec 0\n", "memory.current": "1", "memory.max": "max\n", "memory.stat": "anon 1\n" },
  });
  const layout = { version: 2, mount } as const;
  t.same(await cgroupUsage(layout, "/pod1"), {
    cpuSeconds: 2.5,
    workingSet: 700,
    memory: 1000,
    rss: 600,
    memoryLimit: 2048,
    swap: 16,
    pageFaults: 9,
    majorPageFaults: 1,
    pids: 2,
  });
  const bare = await cgroupUsage(layout, "/pod2");
  t.notOk(
    "memoryLimit" in (bare ?? {}) || "swap" in (bare ?? {}) || "pids" in (bare ?? {}),
    "what is not told is absent",
  );
  t.equal(await processIn({ version: 2, mount: `${mount}` }, "/pod1"), 7);
});

t.test("systemd's slices repeat their ancestors", async (t) => {
  const slices = "/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod1_2.slice";
  t.equal(sliceFolder("/kubepods/besteffort/pod1-2"), slices);
});

t.test("metrics: one header a family, labels escaped, the time behind the value", async (t) => {
  const samples = [{ labels: { pod: 'a"b\\c' }, value: 1, at: 1700000000123 }, { value: 2 }];
  const text = metricText([
    { name: "x", type: "gauge", help: "Some x.", samples },
    { name: "none", type: "counter", help: "-", samples: [] },
  ]);
  t.equal(text, '# HELP x Some x.\n# TYPE x gauge\nx{pod="a\\"b\\\\c"} 1 1700000000123\nx 2\n');
});

t.test("the host as a whole: all that is not free, less what the kernel may drop", async (t) => {
  const stat = "cpu  100 0 50 9999 0 0 10 0 0 0\ncpu0 1 2 3\n";
  const meminfo =
    "MemTotal: 1000 kB\nMemFree: 400 kB\nInactive: 9 kB\nInactive(file): 100 kB\nAnonPages: 50 kB\nSwapTotal: 8 kB\nSwapFree: 6 kB\n";
  t.match(hostUsage(stat, meminfo), {
    cpuSeconds: 1.6,
    memory: 600 * 1024,
    workingSet: 500 * 1024,
    rss: 50 * 1024,
    swap: 2048,
  });
});

t.test("a rate needs two readings with some time between them", async (t) => {
  const rates = new CpuRates();
  t.equal(rates.nanoCores("a", 10_000, 1), undefined);
  t.equal(rates.nanoCores("a", 10_500, 9), undefined, "too near to tell");
  t.equal(rates.nanoCores("a", 12_000, 2), 500_000_000);
  t.equal(rates.nanoCores("a", 12_100, 2), 500_000_000, "the last one that is known");
  t.equal(rates.nanoCores("a", 20_000, 0), undefined, "the counter began anew");
});

t.test("traffic of all but the loopback", async (t) => {
  const text = `Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo:     100       1    0    0    0     0          0         0      100       1    0    0    0     0       0          0
  eth0:    1234      10    2    0    0     0          0         0     5678      20    3    0    0     0       0          0
`;
  t.same(parseNetDev(text), [{ name: "eth0", rxBytes: 1234, rxErrors: 2, txBytes: 5678, txErrors: 3 }]);
});
