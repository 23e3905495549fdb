/**
 * Asks a DNS server, and prints what it saw as JSON: as fast as it answers, with 32 questions on their way at a time, or at
 * a steady rate whatever the answers do. A program of its own, so that it can run inside a node's network and be hurried:
 * what is measured is the server, not this. dns-load.js ADDRESS PORT SECONDS RATE|max NAME...
 */
import { createSocket } from "node:dgram";
import { existsSync, writeFileSync } from "node:fs";
import { setPriority } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
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
const WINDOW = 32;

setPriority(-20);
if (existsSync("/proc/self/autogroup")) writeFileSync("/proc/self/autogroup", "-20");
const [address = "", port = "", seconds = "", rate = "", ...names] = process.argv.slice(2);
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
  socket.send(query, Number(port), address);
}

/** A timer is never exact: each turn sends what is due by then. */
async function askSteadily(perMilli: number): Promise<void> {
  const start = performance.now();
  for (let sent = 0; !done; await sleep(1)) {
    for (const due = (performance.now() - start) * perMilli; sent < due; sent++) ask();
  }
}

socket.on("message", (reply) => {
  const answered = reply.readUInt16BE(0);
  if (sentAt[answered] === 0) return;
  if (reply.readUInt16BE(6) === 0) throw new Error("an answer without records");
  took.push(performance.now() - sentAt[answered]!);
  sentAt[answered] = 0;
  if (!done && rate === "max") ask();
});

const began = performance.now();
if (rate === "max") for (let i = 0; i < WINDOW; i++) ask();
else void askSteadily(Number(rate) / 1000);
const again = setInterval(() => {
  const now = performance.now();
  sentAt.forEach((at, question) => {
    if (at === 0 || now - at < LOST_MS) return;
    sentAt[question] = 0;
    lost++;
    if (rate === "max") ask();
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
