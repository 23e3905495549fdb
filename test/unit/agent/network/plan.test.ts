import t from "tap";
import { acceptRules, missingRules } from "#agent/network/docker-user.js";
import { findOverlap, gatewayOf } from "#agent/network/plan.js";

const ranges = { podCIDRs: ["10.244.0.0/16"], serviceCIDRs: ["10.96.0.0/16"] };

t.test("ranges that the host uses are refused by name", async (t) => {
  const overlap = (cidr: string, link: string) => findOverlap(ranges, [{ cidr, link }]);
  t.equal(overlap("172.17.0.0/16", "docker0"), undefined);
  t.equal(overlap("0.0.0.0/1", "tun0"), undefined, "half a default route");
  t.match(overlap("10.0.0.0/8", "tun0"), "pod range 10.244.0.0/16 overlaps with 10.0.0.0/8 of the host's link tun0");
  t.match(
    overlap("10.96.3.0/24", "br-0123456789ab"),
    /service range .* Docker's network 0123456789ab \(br-0123456789ab\)/,
  );
  t.match(findOverlap({ podCIDRs: ["10.0.0.0/8"], serviceCIDRs: ["10.96.0.0/16"] }, []), /overlaps with service range/);
  t.match(findOverlap({ podCIDRs: ["10.244.1.0/16"], serviceCIDRs: [] }, []), /host bits set: write 10\.244\.0\.0\/16/);
  t.same([gatewayOf("10.244.7.0/24"), gatewayOf("fd00:7::/64")], ["10.244.7.1/24", "fd00:7::1/64"]);
});

t.test("what DOCKER-USER lacks", async (t) => {
  const rules = acceptRules(["10.244.0.0/16", "fd00::/48"], "iptables");
  t.equal(rules.length, 2, "IPv4 only");
  const ours = ["-s", "-d"].map(
    (end) => `-A DOCKER-USER ${end} 10.244.0.0/16 -m comment --comment "berth pods" -j ACCEPT`,
  );
  const all = ["-P FORWARD DROP", "-N DOCKER-USER", "-A FORWARD -j DOCKER-USER", ...ours, "-A DOCKER-USER -j RETURN"];
  const missing = (lines: string[]) =>
    missingRules(lines.join("\n"), rules).map((words) => words.slice(0, 3).join(" "));
  t.same(missing(all), []);
  t.same(missing(["-P FORWARD ACCEPT"]), ["-N DOCKER-USER", "-I DOCKER-USER 1", "-I DOCKER-USER 1"]);
  t.same(missing(all.filter((line) => line !== ours[0])), ["-I DOCKER-USER 1"]);
  t.same(missing(all.filter((line) => !line.startsWith("-A FORWARD"))), ["-I FORWARD 1"]);
});
