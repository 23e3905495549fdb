/** A name server as others run them, in a process of its own on a loopback address: for what the cluster's DNS asks elsewhere. */
import { type ChildProcess, fork } from "node:child_process";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { createServer } from "node:net";
import { fileURLToPath } from "node:url";
import packet from "dns-packet";

const PORT = 5353;

/** "answers"; never says a word; refuses; or asks another server the same. */
type Manner = "answers" | "silent" | "refuses" | { forwardsTo: string };

export class OtherServer {
  /** "udp A www.example.com" for each question. */
  readonly asked: string[] = [];
  private constructor(private readonly process: ChildProcess) {
    process.on("message", (text: string) => this.asked.push(text));
  }

  static async start(address: string, manner: Manner = "answers"): Promise<OtherServer> {
    const child = fork(fileURLToPath(import.meta.url), [address, JSON.stringify(manner)]);
    await once(child, "message");
    return new OtherServer(child);
  }

  async stop(): Promise<void> {
    this.process.kill("SIGKILL");
    await once(this.process, "exit");
  }
}

type Message = Parameters<typeof packet.encode>[0] & { rcode?: string };

const SOA = {
  name: "example.com",
  type: "SOA" as const,
  ttl: 60,
  data: { mname: "ns.example.com", rname: "root.example.com", serial: 1, refresh: 1, retry: 1, expire: 1, minimum: 60 },
};
const many = Array.from({ length: 300 }, (_, i) => `192.0.2.${i % 250}`);

/** What www, big, none and fast are; everything else does not exist. */
function answersTo(name: string, type: string): Message | undefined {
  const host = name.replace(".example.com", "");
  const a = (data: string, ttl = 60) => ({ name, type: "A" as const, ttl, data });
  if (host === "none" || (type !== "A" && host !== "txt")) return { authorities: [SOA] };
  if (host === "www") return { answers: [a("192.0.2.80")] };
  if (host === "fast") return { answers: [a("192.0.2.81", 1)] };
  if (host === "big") return { answers: many.map((ip) => a(ip)) };
  if (host === "txt") return { answers: [{ name, type: "TXT", ttl: 60, data: ["a b", "c"] }] };
  return undefined;
}

function reply(query: Buffer, refuses: boolean, limit: number): Buffer {
  const { id, questions = [] } = packet.decode(query);
  const { name, type } = questions[0]!;
  const found = refuses ? undefined : answersTo(name.toLowerCase(), type);
  const rcode = refuses ? 5 : found ? 0 : 3;
  const flags = packet.RECURSION_DESIRED | packet.RECURSION_AVAILABLE | rcode;
  const all = { id, type: "response" as const, flags, questions, ...(found ?? { authorities: [SOA] }) };
  const bytes = packet.encode(all);
  if (bytes.length <= limit) return bytes;
  return packet.encode({ ...all, answers: [], flags: flags | packet.TRUNCATED_RESPONSE });
}

function serve(address: string, manner: Manner): void {
  const socket = createSocket("udp4");
  const note = (transport: string, query: Buffer) => {
    const [question] = packet.decode(query).questions ?? [];
    process.send?.(`${transport} ${question?.type} ${question?.name}`);
  };
  socket.on("message", (query, { port, address: from }) => {
    note("udp", query);
    if (manner === "silent") return;
    if (typeof manner === "object") {
      const on = createSocket("udp4");
      on.on("message", (answer) => socket.send(answer, port, from, () => on.close()));
      on.send(query, 53, manner.forwardsTo);
      return;
    }
    // What is not the answer comes first: garbage, and another's.
    socket.send(Buffer.from("no message"), port, from);
    const others = reply(query, false, 1232);
    others.writeUInt16BE(others.readUInt16BE(0) ^ 1, 0);
    socket.send(others, port, from);
    socket.send(reply(query, manner === "refuses", 1232), port, from);
  });
  const server = createServer((connection) => {
    connection.on("data", (chunk) => {
      const query = chunk.subarray(2);
      note("tcp", query);
      const bytes = reply(query, false, 65_535);
      const length = Buffer.alloc(2);
      length.writeUInt16BE(bytes.length);
      // In two pieces: a stream has no messages.
      connection.write(Buffer.concat([length, bytes.subarray(0, 100)]));
      setTimeout(() => connection.write(bytes.subarray(100)), 20);
    });
    connection.on("error", () => connection.destroy());
  });
  process.on("disconnect", () => process.exit());
  socket.bind(PORT, address, () => server.listen(PORT, address, () => process.send?.("ready")));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) serve(process.argv[2]!, JSON.parse(process.argv[3]!));
