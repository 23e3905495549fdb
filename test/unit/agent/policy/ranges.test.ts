import t from "tap";
import { addressRanges, isEverything, portRanges } from "#agent/policy/ranges.js";

t.test("blocks and their exceptions become ranges in order, none of which overlaps", async (t) => {
  const cases: [string, { cidr: string; except?: string[] }[], string[]][] = [
    ["one", [{ cidr: "10.0.0.0/8" }], ["10.0.0.0-10.255.255.255"]],
    ["one address", [{ cidr: "10.0.0.1/32" }], ["10.0.0.1"]],
    ["host bits mean nothing", [{ cidr: "10.9.9.9/8" }], ["10.0.0.0-10.255.255.255"]],
    [
      "a hole in the middle",
      [{ cidr: "10.0.0.0/8", except: ["10.1.0.0/16"] }],
      ["10.0.0.0-10.0.255.255", "10.2.0.0-10.255.255.255"],
    ],
    ["holes at both ends", [{ cidr: "10.0.0.0/30", except: ["10.0.0.0/32", "10.0.0.3/32"] }], ["10.0.0.1-10.0.0.2"]],
    [
      "holes one in the other",
      [{ cidr: "10.0.0.0/8", except: ["10.1.2.0/24", "10.0.0.0/9"] }],
      ["10.128.0.0-10.255.255.255"],
    ],
    ["nothing left", [{ cidr: "10.0.0.0/31", except: ["10.0.0.0/32", "10.0.0.1/32"] }], []],
    ["blocks that overlap", [{ cidr: "10.0.0.0/8" }, { cidr: "10.1.0.0/16" }], ["10.0.0.0-10.255.255.255"]],
    ["neighbours", [{ cidr: "10.0.1.0/24" }, { cidr: "10.0.0.0/24" }], ["10.0.0.0-10.0.1.255"]],
    [
      "one block's hole is filled by another block",
      [{ cidr: "10.0.0.0/24", except: ["10.0.0.0/25"] }, { cidr: "10.0.0.4/32" }],
      ["10.0.0.4", "10.0.0.128-10.0.0.255"],
    ],
    ["the other family", [{ cidr: "2001:db8::/32" }], []],
  ];
  for (const [name, blocks, expected] of cases) t.same(addressRanges(blocks, 4), expected, name);
  t.same(addressRanges([{ cidr: "2001:db8::/127", except: ["2001:db8::/128"] }], 6), ["2001:db8::1"]);
});

t.test("all addresses", async (t) => {
  t.ok(isEverything(addressRanges([{ cidr: "0.0.0.0/0" }], 4), 4));
  t.ok(isEverything(addressRanges([{ cidr: "0.0.0.0/1" }, { cidr: "128.0.0.0/1" }], 4), 4));
  t.ok(isEverything(addressRanges([{ cidr: "::/0" }], 6), 6));
  t.notOk(isEverything(addressRanges([{ cidr: "0.0.0.0/0", except: ["1.2.3.4/32"] }], 4), 4));
  t.notOk(isEverything([], 4));
});

t.test("ports", async (t) => {
  const tcp = (first: number, last = first) => ({ protocol: "tcp" as const, first, last });
  const udp = { protocol: "udp" as const, first: 53, last: 53 };
  t.same(portRanges([tcp(443), udp, tcp(80), tcp(81, 90), tcp(85, 86)], "tcp"), ["80-90", "443"]);
  t.same(portRanges([tcp(80), udp], "udp"), ["53"]);
  t.same(portRanges([tcp(0, 65535), tcp(80)], "tcp"), ["0-65535"]);
  t.same(portRanges([tcp(80)], "sctp"), []);
});
