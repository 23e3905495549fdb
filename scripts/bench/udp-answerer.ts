/**
 * The least that answers a DNS question: one socket, one answer for everything, no zones, no cache, no other work in the process;
 * with the priority that the agent gives its DNS thread. What it takes under load is what the machine takes.
 * udp-answerer.js ADDRESS PORT; prints a line when it listens.
 */
import { createSocket } from "node:dgram";
import { hurry } from "#agent/dns/hurry.js";

const [address = "", port = ""] = process.argv.slice(2);
/** The name asked for (by pointer), type A, class IN, 30 s, 10.96.0.1. */
const RECORD = Buffer.from("c00c000100010000001e00040a600001", "hex");
const RECEIVE_BUFFER = 4 * 1024 * 1024;

hurry();
const socket = createSocket("udp4", (question, from) => {
  const answer = Buffer.concat([question, RECORD]);
  answer.writeUInt16BE(0x8580, 2);
  answer.writeUInt16BE(1, 6);
  socket.send(answer, from.port, from.address);
});
socket.bind(Number(port), address, () => {
  socket.setRecvBufferSize(RECEIVE_BUFFER);
  process.stdout.write("listening\n");
});
