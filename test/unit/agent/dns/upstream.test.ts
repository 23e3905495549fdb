import t from "tap";
import type { Reply, Server } from "#agent/dns/exchange.js";
import type { Question } from "#agent/dns/record.js";
import { Upstream } from "#agent/dns/upstream.js";

const A: Server = { address: "192.0.2.1", port: 53 };
const B: Server = { address: "192.0.2.2", port: 53 };
const question: Question = { name: "example.com", type: "A" };
const record = (ttl: number) => ({ name: "Example.com", type: "A", ttl, data: "192.0.2.80" });
const soa = (ttl: number, minimum: number) => ({ name: "com", type: "SOA", ttl, data: { minimum } });

/** @param answers what a server says, or why it does not */
function open(answers: Map<Server, Partial<Reply> | Error>) {
  let time = 1_000_000;
  const asked: string[] = [];
  const loops: Server[] = [];
  const probes: Question[] = [];
  const upstream = new Upstream({
    now: () => time,
    onLoop: (server) => loops.push(server),
    exchange: async (server, { name, type }) => {
      if (type === "TXT") probes.push({ name, type });
      else asked.push(server.address);
      const answer = answers.get(server) ?? new Error("no answer in time");
      if (answer instanceof Error) throw answer;
      return { rcode: "NOERROR", answers: [], authorities: [], size: 100, ...answer } as Reply;
    },
  });
  return { upstream, asked, loops, probes, pass: (ms: number) => (time += ms) };
}

t.test("no servers: there is no such name, at once", async (t) => {
  t.match(open(new Map()).upstream.known(question), { rcode: "NXDOMAIN", authoritative: false });
});

t.test("an answer is kept as long as its shortest record, and grows older meanwhile", async (t) => {
  const { upstream, pass } = open(new Map([[A, { answers: [record(300), record(10)] }]]));
  upstream.setServers([A]);
  t.equal(upstream.known(question), undefined);
  t.match(await upstream.ask(question), {
    rcode: "NOERROR",
    answers: [{ name: "example.com", ttl: 300 }, { ttl: 10 }],
  });
  pass(4000);
  t.match(upstream.known(question), { answers: [{ ttl: 296 }, { ttl: 6 }] });
  t.equal(upstream.known({ ...question, type: "AAAA" }), undefined, "another type is another question");
  pass(6001);
  t.equal(upstream.known(question), undefined);
});

for (const [title, reply, seconds] of [
  ["no such name: by the SOA's minimum", { rcode: "NXDOMAIN", authorities: [soa(900, 7)] }, 7],
  ["no such data: by the SOA's own ttl when that is less", { authorities: [soa(3, 7)] }, 3],
  ["never for more than five minutes", { rcode: "NXDOMAIN", authorities: [soa(9000, 9000)] }, 300],
  ["without a SOA not at all", { rcode: "NXDOMAIN" }, 0],
  ["an answer that must not be kept", { answers: [record(0)] }, 0],
  ["an answer for ages: an hour", { answers: [record(90_000)] }, 3600],
] as const) {
  t.test(`kept: ${title}`, async (t) => {
    const { upstream, pass } = open(new Map([[A, reply as unknown as Partial<Reply>]]));
    upstream.setServers([A]);
    await upstream.ask(question);
    if (seconds > 0) {
      pass(seconds * 1000 - 1);
      t.ok(upstream.known(question), "still");
    }
    pass(2);
    t.notOk(upstream.known(question), "no longer");
  });
}

t.test("a server that fails is followed by the next one, and comes last for a while", async (t) => {
  const answers = new Map<Server, Partial<Reply> | Error>([[B, { answers: [record(1)] }]]);
  const { upstream, asked, pass } = open(answers);
  upstream.setServers([A, B]);
  await upstream.ask(question);
  t.same(asked.splice(0), [A.address, B.address]);
  await upstream.ask(question);
  t.same(asked.splice(0), [B.address]);
  answers.set(A, { answers: [record(1)] }).set(B, { rcode: "REFUSED" } as Partial<Reply>);
  await upstream.ask(question);
  t.same(asked.splice(0), [B.address, A.address], "a refusal is a failure too");
  pass(20_000);
  await upstream.ask(question);
  t.same(asked.splice(0), [A.address], "as in the file again");
  answers.set(A, { rcode: "SERVFAIL" } as Partial<Reply>).set(B, { answers: [record(0)] });
  await upstream.ask(question);
  await upstream.ask(question);
  t.same(asked, [A.address, B.address, A.address, B.address], "one name's failure is not the server's");
});

t.test("all fail: said so, and not asked again within the second; a lone server is asked twice", async (t) => {
  const { upstream, asked, pass } = open(new Map());
  upstream.setServers([A]);
  t.match(await upstream.ask(question), { rcode: "SERVFAIL" });
  t.same(asked, [A.address, A.address]);
  t.match(upstream.known(question), { rcode: "SERVFAIL" });
  pass(1001);
  t.equal(upstream.known(question), undefined);
});

t.test("many who ask the same are one question; too many questions fail at once", async (t) => {
  const { upstream, asked } = open(new Map([[A, { answers: [record(1)] }]]));
  upstream.setServers([A]);
  await Promise.all([1, 2, 3].map(() => upstream.ask(question)));
  t.equal(asked.length, 1);
  const flood = Array.from({ length: 600 }, (_, i) => upstream.ask({ name: `n${i}.example`, type: "A" }));
  const failed = (await Promise.all(flood)).filter(({ rcode }) => rcode === "SERVFAIL");
  t.equal(failed.length, 600 - 512);
});

t.test("a server that comes back to us with our own question is left out", async (t) => {
  const { upstream, asked, loops, probes } = open(
    new Map([
      [A, { answers: [record(0)] }],
      [B, { answers: [record(0)] }],
    ]),
  );
  upstream.setServers([A, B]);
  t.same(probes, [], "an idle node asks nothing");
  await upstream.ask(question);
  t.equal(probes.length, 2);
  t.match(await upstream.ask(probes[0]!), { rcode: "REFUSED" });
  t.same(loops, [A]);
  asked.length = 0;
  await upstream.ask(question);
  t.same(asked, [B.address]);
  await upstream.ask(probes[0]!);
  t.equal(loops.length, 1, "told once");
});
