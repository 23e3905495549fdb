/** Cluster DNS on real sockets, asked by `dig`; the servers it asks itself are real ones too, in this namespace. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { pino } from "pino";
import t from "tap";
import { type Dns, startDns } from "#agent/dns/index.js";
import type { Namespace } from "#api/generated/types.js";
import { tryCommand } from "#cni/lib/command.js";
import { ipBatch } from "#cni/lib/ip-command.js";
import { ObjectClient } from "#test/fixtures/object-client.js";
import { service, slice } from "#test/fixtures/services.js";
import { enterOwnNetns, eventually } from "./own-netns.js";

await enterOwnNetns(import.meta.url);

const ADDRESS = "10.96.0.10";
await ipBatch([`addr add ${ADDRESS}/32 dev lo`]);
const api = new ObjectClient();
const resolvConf = join(t.testdir(), "resolv.conf");
const namespace = (name: string) =>
  ({ apiVersion: "v1", kind: "Namespace", metadata: { name } }) as unknown as Namespace;
const said: string[] = [];
const logger = pino({ level: process.env["BERTH_LOG"] ?? "silent" });
const start = () =>
  startDns({
    client: api.client,
    address: ADDRESS,
    clusterDomain: "cluster.local",
    ranges: ["10.244.0.0/16", "10.96.0.0/16"],
    resolvConf,
    upstreamPort: 5353,
    logger,
    say: (reason, message) => said.push(`${reason}: ${message}`),
  });

interface Dug {
  status: string;
  flags: string[];
  /** Sections as dig prints their records, white space made single. */
  answer: string[];
  authority: string[];
  additional: string[];
  tcp: boolean;
  bytes: number;
  millis: number;
}

/** One question by dig, asked once. */
async function dig(...args: string[]): Promise<Dug> {
  const options = ["+tries=1", "+time=5", "+nocookie", ...args];
  const { stdout, stderr } = await tryCommand("dig", [`@${ADDRESS}`, ...options]);
  const section = (name: string) => {
    const text = stdout.match(new RegExp(`;; ${name} SECTION:\n([^]*?)\n\n`))?.[1] ?? "";
    return text
      .split("\n")
      .filter(Boolean)
      .map((line) => line.replace(/\s+/g, " "));
  };
  const status = stdout.match(/status: (\w+)/)?.[1] ?? `${stdout}${stderr}`;
  return {
    status,
    flags: stdout.match(/;; flags: ([^;]*);/)?.[1]?.split(" ") ?? [],
    answer: section("ANSWER"),
    authority: section("AUTHORITY"),
    additional: section("ADDITIONAL"),
    tcp: / \(TCP\)/.test(stdout),
    bytes: Number(stdout.match(/MSG SIZE {2}rcvd: (\d+)/)?.[1]),
    millis: Number(stdout.match(/Query time: (\d+) msec/)?.[1]),
  };
}

writeFileSync(resolvConf, "");
api.apply(namespace("default"));
api.apply(namespace("empty"));
api.apply(service("web", "10.96.0.80", { ports: [{ name: "http", port: 80, protocol: "TCP" }] }));
const dns: Dns = start();
t.teardown(() => dns.stop());
await dns.listening;
await eventually(async () => (await dig("web.default.svc.cluster.local")).answer.length === 1);

const SOA = "cluster.local. 5 IN SOA ns.dns.cluster.local. hostmaster.cluster.local. 1 7200 1800 86400 5";

t.test("names of the cluster, by UDP and TCP", async (t) => {
  for (const transport of ["+notcp", "+tcp"]) {
    const found = await dig("web.default.svc.cluster.local", transport);
    t.match(found, {
      status: "NOERROR",
      answer: ["web.default.svc.cluster.local. 5 IN A 10.96.0.80"],
      tcp: transport === "+tcp",
    });
    t.ok(
      ["qr", "aa", "rd", "ra"].every((flag) => found.flags.includes(flag)),
      found.flags.join(),
    );
  }
  t.same((await dig("WEB.Default.svc.cluster.LOCAL")).answer, ["WEB.Default.svc.cluster.LOCAL. 5 IN A 10.96.0.80"]);
  t.same((await dig("_http._tcp.web.default.svc.cluster.local", "SRV")).answer, [
    "_http._tcp.web.default.svc.cluster.local. 5 IN SRV 0 100 80 web.default.svc.cluster.local.",
  ]);
  t.same((await dig("-x", "10.96.0.80")).answer, ["80.0.96.10.in-addr.arpa. 5 IN PTR web.default.svc.cluster.local."]);
  t.same((await dig("dns-version.cluster.local", "TXT")).answer, ['dns-version.cluster.local. 5 IN TXT "1.1.0"']);
});

t.test("no such name, no such data, not for you", async (t) => {
  t.match(await dig("nobody.default.svc.cluster.local"), { status: "NXDOMAIN", answer: [], authority: [SOA] });
  t.match(await dig("web.default.svc.cluster.local", "AAAA"), { status: "NOERROR", answer: [], authority: [SOA] });
  t.match(await dig("web.default.svc.cluster.local", "TYPE65"), { status: "NOERROR", answer: [], authority: [SOA] });
  t.match(await dig("empty.svc.cluster.local"), { status: "NOERROR", answer: [] }, "a namespace is a name");
  t.match(await dig("-x", "10.96.7.7"), { status: "NXDOMAIN" }, "an address of the cluster is nobody else's to name");
  t.match(await dig("web.default.svc.cluster.local", "ANY", "+notcp"), { status: "REFUSED" });
  t.match(await dig("version.bind", "CH", "TXT"), { status: "REFUSED" });
  t.match(await dig("+opcode=STATUS", "web.default.svc.cluster.local"), { status: "NOTIMP" });
  t.match(await dig("+edns=1", "+noednsnegotiation", "web.default.svc.cluster.local"), { status: "BADVERS" });
  const { stdout } = await tryCommand("dig", [`@${ADDRESS}`, "+tries=1", "cluster.local", "AXFR"]);
  t.match(stdout, /Transfer failed/);
});

t.test("answers follow a change within a second, however it comes", async (t) => {
  const headless = service("db", "None");
  api.apply(headless);
  t.match(await dig("db.default.svc.cluster.local"), { status: "NXDOMAIN" });
  const seen = async (...wanted: string[]) => {
    const began = performance.now();
    await eventually(async () => {
      const { answer } = await dig("db.default.svc.cluster.local");
      return (
        answer
          .map((line) => line.replace(/.* /, ""))
          .sort()
          .join() === wanted.join()
      );
    });
    t.ok(
      performance.now() - began < 1000,
      `${wanted.length} endpoints after ${(performance.now() - began).toFixed()} ms`,
    );
  };
  api.apply(slice("db", { "10.244.1.2": "n", "10.244.2.2": "m" }, { port: 5432, name: "sql" }));
  await seen("10.244.1.2", "10.244.2.2");
  api.apply(slice("db", { "10.244.2.2": "m" }, { port: 5432, name: "sql" }));
  await seen("10.244.2.2");
  api.remove(headless);
  await seen();
});
