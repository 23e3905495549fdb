/**
 * Asks a DNS server as fast as it answers, with so many questions on their way at a time, and prints what it saw as JSON.
 * A program of its own, so that it can run inside a node's network: dns-load.js ADDRESS SECONDS WINDOW NAME...
 */
import { createSocket } from "node:dgram";
import packet from "dns-packet";

export interface Load {
  perSecond: number;
  /** Milliseconds. */
  p50: number;
  p99: number;
  /** Not answered within a second, and asked again. */
  lost: number;
}

const LOST_MS = 1_000;

const [address = "", seconds = "", window = "", ...names] = process.argv.slice(2);
const questions = names.map((name) =>
  packet.encode({ id: 0, flags: packet.RECURSION_DESIRED, questions: [{ name, type: "A" }] }),
);
const socket = createSocket({ type: "udp4", lookup: (host, _options, callback) => callback(null, host, 4) });
const sentAt = new Float64Array(65_536);
const took: number[] = [];
let id = 0;
let lost = 0;
let done = false;

function ask(): void {
  id = (id + 1) & 0xffff;
  const query = Buffer.from(questions[id % questions.length]!);
  query.writeUInt16BE(id, 0);
  sentAt[id] = performance.now();
  socket.send(query, 53, address);
}

socket.on("message", (reply) => {
  const answered = reply.readUInt16BE(0);
  if (sentAt[answered] === 0) return;
  if (reply.readUInt16BE(6) === 0) throw new Error("an answer without records");
  took.push(performance.now() - sentAt[answered]!);
  sentAt[answered] = 0;
  if (!done) ask();
});

const began = performance.now();
for (let i = 0; i < Number(window); i++) ask();
const again = setInterval(() => {
  const now = performance.now();
  sentAt.forEach((at, question) => {
    if (at === 0 || now - at < LOST_MS) return;
    sentAt[question] = 0;
    lost++;
    ask();
  });
}, LOST_MS / 2);
setTimeout(() => {
  done = true;
  clearInterval(again);
  const perSecond = took.length / ((performance.now() - began) / 1000);
  took.sort((a, b) => a - b);
  const at = (share: number) => took[Math.floor(took.length * share)] ?? Number.NaN;
  const load: Load = { perSecond, p50: at(0.5), p99: at(0.99), lost };
  process.stdout.write(`${JSON.stringify(load)}\n`);
  socket.close();
}, Number(seconds) * 1000);
