import t from "tap";
import { describe, readRange, readRangeSets, walk } from "#cni/host-local/ranges.js";
import { formatAddress, overlaps, parseAddress, parsePrefix } from "#cni/lib/addresses.js";
import type { IpamConf } from "#cni/lib/types.js";

const config = (ipam: IpamConf) => ({ name: "n", type: "t", ipam });

t.test("a range is completed from its subnet", async (t) => {
  const range = readRange({ subnet: "10.1.0.0/24" });
  t.same([range.start, range.end, range.gateway].map(formatAddress), ["10.1.0.1", "10.1.0.254", "10.1.0.1"]);
  const v6 = readRange({ subnet: "fd00::/120" });
  t.same([v6.start, v6.end].map(formatAddress), ["fd00::1", "fd00::ff"]);
});

t.test("wrong ranges are refused in upstream's words", async (t) => {
  t.throws(
    () => readRange({ subnet: "10.1.0.5/24" }),
    /Network has host bits set.* the network address is 10\.1\.0\.0/,
  );
  t.throws(() => readRange({ subnet: "10.1.0.0/31" }), /too small to allocate from/);
  t.throws(() => readRange({ subnet: "10.1.0.0/24", rangeStart: "10.2.0.1" }), /RangeStart 10\.2\.0\.1 not in network/);
  t.throws(() => readRangeSets(config({})), /no IP ranges specified/);
  t.throws(
    () => readRangeSets(config({ ranges: [[{ subnet: "nonsense" }]] })),
    /invalid range set 0: invalid CIDR address "nonsense"/,
  );
  t.throws(
    () => readRangeSets(config({ ranges: [[{ subnet: "10.0.0.0/8" }], [{ subnet: "10.1.0.0/16" }]] })),
    /overlaps/,
  );
  t.throws(() => readRangeSets(config({ ranges: [[{ subnet: "10.0.0.0/8" }, { subnet: "fd00::/64" }]] })), /mixed/);
});

t.test("a walk goes round once, skips gateways, and starts after the last address given", async (t) => {
  const [set] = readRangeSets(config({ ranges: [[{ subnet: "10.1.0.0/29" }, { subnet: "10.2.0.0/30" }]] }));
  const from = (last?: string) =>
    [...walk(set!, last ? parseAddress(last) : undefined)].map((s) => formatAddress(s.address));
  t.equal(describe(set!), "10.1.0.1-10.1.0.6,10.2.0.1-10.2.0.2");
  t.same(from(), ["10.1.0.2", "10.1.0.3", "10.1.0.4", "10.1.0.5", "10.1.0.6", "10.2.0.2"]);
  t.same(from("10.1.0.5"), ["10.1.0.6", "10.2.0.2", "10.1.0.2", "10.1.0.3", "10.1.0.4", "10.1.0.5"]);
  t.same(from("10.2.0.2"), ["10.1.0.2", "10.1.0.3", "10.1.0.4", "10.1.0.5", "10.1.0.6", "10.2.0.2"]);
  t.equal(from("192.0.2.1").length, 6, "a last address from another configuration is forgotten");
});

t.test("prefixes overlap when one holds the other", async (t) => {
  const overlap = (a: string, b: string) => overlaps(parsePrefix(a), parsePrefix(b));
  t.ok(overlap("10.0.0.0/8", "10.244.0.0/16"));
  t.ok(overlap("10.244.3.0/24", "10.244.0.0/16"));
  t.notOk(overlap("10.96.0.0/16", "10.244.0.0/16"));
  t.notOk(overlap("::/0", "10.244.0.0/16"));
  t.throws(() => parsePrefix("10.0.0.0/33"));
  t.throws(() => parseAddress("10.1"));
});
