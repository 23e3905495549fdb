import packet from "dns-packet";
import t from "tap";
import { Answerer } from "#agent/dns/answerer.js";
import { type Answer, bare, type Question } from "#agent/dns/record.js";
import { servicePart } from "#agent/dns/zone.js";
import { ZoneTable } from "#agent/dns/zone-table.js";
import { service, slice } from "#test/fixtures/services.js";

const DOMAIN = "cluster.local";

function open() {
  let time = 0;
  const asked: Question[] = [];
  const known = new Map<string, Answer>();
  const elsewhere = {
    known: ({ name }: Question) => known.get(name),
    ask: async (question: Question) => {
      asked.push(question);
      return { ...bare("NOERROR"), answers: [{ name: question.name, type: "A", ttl: 60, data: "192.0.2.1" }] };
    },
  };
  const zone = { domain: DOMAIN, table: new ZoneTable(), ranges: [] };
  const errors: Error[] = [];
  const answerer = new Answerer({ zone, elsewhere, now: () => time, onError: (error) => errors.push(error) });
  const set = (...part: Parameters<typeof servicePart>) => {
    zone.table.set(servicePart(...part));
    answerer.forget();
  };
  return { answerer, errors, asked, known, set, pass: (ms: number) => (time += ms) };
}

const query = (name: string, type = "A", extra: object = {}) =>
  packet.encode({ id: 7, flags: packet.RECURSION_DESIRED, questions: [{ name, type: type as "A" }], ...extra });
const edns = (udpPayloadSize: number) => ({
  additionals: [{ name: ".", type: "OPT", udpPayloadSize, extendedRcode: 0, ednsVersion: 0, flags: 0, options: [] }],
});
const addresses = (bytes: Buffer) =>
  (packet.decode(bytes).answers ?? []).map((answer) => (answer as { data: string }).data);
const endpoints = (count: number) =>
  slice("db", Object.fromEntries(Array.from({ length: count }, (_, i) => [`10.244.1.${i + 1}`, "n"])));

t.test("until the zone is known, names of the cluster fail instead of not existing", async (t) => {
  const { answerer, asked } = open();
  const rcode = (bytes: Buffer) => bytes.readUInt16BE(2) & 0xf;
  t.equal(rcode(answerer.answer(query("web.default.svc.cluster.local"), "udp") as Buffer), 2);
  t.equal(rcode(await (answerer.answer(query("example.com"), "udp") as Promise<Buffer>)), 0);
  t.match(asked, [{ name: "example.com", type: "A" }]);
  answerer.zoneKnown();
  t.equal(rcode(answerer.answer(query("web.default.svc.cluster.local"), "udp") as Buffer), 3);
});

t.test("the same question again: own id, own spelling; addresses take turns; a change shows at once", async (t) => {
  const { answerer, set } = open();
  answerer.zoneKnown();
  set(service("db", "None"), [endpoints(3)], DOMAIN);
  const ask = (id: number, name = "db.default.svc.cluster.local") => {
    const bytes = query(name);
    bytes.writeUInt16BE(id, 0);
    return answerer.answer(bytes, "udp") as Buffer;
  };
  const replies = [1, 2, 3].map((id) => ask(id));
  t.same(
    replies.map((bytes) => bytes.readUInt16BE(0)),
    [1, 2, 3],
  );
  t.same(new Set(replies.map((bytes) => addresses(bytes)[0])).size, 3, "each address is first once");
  t.equal(packet.decode(ask(4, "DB.default.svc.cluster.local")).questions?.[0]?.name, "DB.default.svc.cluster.local");
  set(service("db", "None"), [endpoints(1)], DOMAIN);
  t.same(addresses(ask(5)), ["10.244.1.1"]);
});

t.test("an alias for a name elsewhere is followed there", async (t) => {
  const { answerer, set, asked, known } = open();
  answerer.zoneKnown();
  set(service("ext", "", { type: "ExternalName", externalName: "www.example.com" }), [], DOMAIN);
  const ask = async (type?: string) =>
    packet.decode((await answerer.answer(query("ext.default.svc.cluster.local", type), "udp"))!);
  t.match((await ask("CNAME")).answers, [{ type: "CNAME", data: "www.example.com" }]);
  t.same(asked, []);
  t.match((await ask()).answers, [{ type: "CNAME" }, { type: "A", name: "www.example.com", data: "192.0.2.1" }]);
  known.set("www.example.com", bare("NXDOMAIN"));
  const denied = await ask();
  t.match([denied.answers?.length, (denied as { rcode?: string }).rcode], [1, "NXDOMAIN"]);
});

t.test("what others say and nobody can write is a failure of that one question", async (t) => {
  const { answerer, known, errors } = open();
  const data = { algorithm: 1, hash: 99, fingerprint: "00" };
  known.set("odd.example.com", {
    ...bare("NOERROR"),
    answers: [{ name: "odd.example.com", type: "SSHFP", ttl: 60, data }],
  });
  for (const transport of ["udp", "tcp"] as const)
    t.equal((answerer.answer(query("odd.example.com", "SSHFP"), transport) as Buffer).readUInt16BE(2) & 0xf, 2);
  t.equal(errors.length, 2);
});

t.test("what does not fit is cut where a record ends, and said", async (t) => {
  const { answerer, set } = open();
  answerer.zoneKnown();
  set(service("db", "None"), [endpoints(100)], DOMAIN);
  const name = "db.default.svc.cluster.local";
  for (const [title, extra, transport, limit, truncated] of [
    ["without EDNS", {}, "udp", 512, true],
    ["EDNS 300 means 512", edns(300), "udp", 512, true],
    ["EDNS 1000", edns(1000), "udp", 1000, true],
    ["EDNS 65000 is more than we send", edns(65_000), "udp", 1232, true],
    ["TCP", {}, "tcp", 65_535, false],
  ] as const) {
    const bytes = answerer.answer(query(name, "A", extra), transport) as Buffer;
    const reply = packet.decode(bytes);
    t.equal(reply.flag_tc, truncated, title);
    t.ok(bytes.length <= limit && (!truncated || bytes.length > limit - 16 - 11), `${title}: ${bytes.length} bytes`);
    t.equal((reply.additionals ?? []).length, "additionals" in extra ? 1 : 0, `${title}: EDNS answered with EDNS`);
    if (!truncated) t.equal(new Set(addresses(bytes)).size, 100);
  }
});

t.test("what is no query gets no answer, or is told so", async (t) => {
  const { answerer } = open();
  answerer.zoneKnown();
  const flags = (value: number, bytes = query("web.default.svc.cluster.local")) => {
    bytes.writeUInt16BE(value, 2);
    return bytes;
  };
  const counts = (questions: number, records = 0) => {
    const bytes = query("web.default.svc.cluster.local");
    bytes.writeUInt16BE(questions, 4);
    bytes.writeUInt16BE(records, 6);
    return bytes;
  };
  const pointer = Buffer.concat([query("x").subarray(0, 12), Buffer.from([0xc0, 0x0c, 0, 1, 0, 1])]);
  const dotted = Buffer.concat([query("x").subarray(0, 12), Buffer.from("\x03a.b\x00\x00\x01\x00\x01", "latin1")]);
  const cases: readonly [title: string, bytes: Buffer, rcode: number | undefined][] = [
    ["nothing", Buffer.alloc(0), undefined],
    ["half a header", Buffer.alloc(11), undefined],
    ["an answer", flags(0x8100), undefined],
    ["another operation", flags(0x2800), 4],
    ["no question", counts(0), 1],
    ["two questions", counts(2), 1],
    ["65535 answers", counts(1, 65_535), 1],
    ["cut off", query("web.default.svc.cluster.local").subarray(0, 20), 1],
    ["a name that points to itself", pointer, 1],
    ["a dot within a label", dotted, 1],
  ];
  for (const [title, bytes, rcode] of cases) {
    const reply = answerer.answer(bytes, "udp") as Buffer | undefined;
    t.equal(reply && reply.readUInt16BE(2) & 0x800f, rcode === undefined ? undefined : 0x8000 | rcode, title);
    if (reply) t.equal(reply.readUInt16BE(0), 7, `${title}: the asker's id`);
  }
});
