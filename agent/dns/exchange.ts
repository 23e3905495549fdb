/** One question to one server: by UDP, and again by TCP when the answer did not fit. */
import { randomInt } from "node:crypto";
import { createSocket } from "node:dgram";
import { connect, isIPv6 } from "node:net";
import { codec, RECURSION_DESIRED } from "./codec.js";
import { MAX_UDP } from "./message.js";
import type { Question } from "./record.js";

export interface Server {
  address: string;
  port: number;
}

export type Reply = ReturnType<typeof codec.decode> & {
  /** As it came, in bytes. */
  size: number;
};

/**
 * Every question has a socket, and so a port, and an id of its own: who does not see it cannot guess the answer.
 * @throws Error when there is no valid answer in time
 */
export async function exchange(server: Server, question: Question, timeoutMs: number): Promise<Reply> {
  const id = randomInt(65_536);
  const edns = {
    name: ".",
    type: "OPT",
    udpPayloadSize: MAX_UDP,
    extendedRcode: 0,
    ednsVersion: 0,
    flags: 0,
    options: [],
  };
  const query = codec.encode({
    id,
    flags: RECURSION_DESIRED,
    questions: [{ ...question, name: question.name || "." }],
    additionals: [edns],
  });
  const accept = (bytes: Buffer) => readReply(bytes, id, question);
  const deadline = AbortSignal.timeout(timeoutMs);
  const reply = await byUdp(server, query, accept, deadline);
  return reply.flag_tc ? await byTcp(server, query, accept, deadline) : reply;
}

/** @returns undefined for what does not answer the question */
function readReply(bytes: Buffer, id: number, { name, type }: Question): Reply | undefined {
  try {
    if (bytes.length < 12 || bytes.readUInt16BE(0) !== id) return undefined;
    const reply = codec.decode(bytes);
    const [asked] = reply.questions;
    const askedName = asked?.name === "." ? "" : asked?.name.toLowerCase();
    return reply.type === "response" && askedName === name && asked?.type === type
      ? { ...reply, size: bytes.length }
      : undefined;
  } catch {
    // No message at all: it cannot be the answer, which may still come.
    return undefined;
  }
}

type Accept = (bytes: Buffer) => Reply | undefined;

function byUdp(server: Server, query: Buffer, accept: Accept, deadline: AbortSignal): Promise<Reply> {
  const socket = createSocket(isIPv6(server.address) ? "udp6" : "udp4");
  return settled(
    deadline,
    () => socket.close(),
    (resolve, reject) => {
      socket.on("error", reject);
      socket.on("message", (bytes) => {
        const reply = accept(bytes);
        if (reply) resolve(reply);
      });
      // Connected: nobody else's packets arrive, and a server that is not there is known at once.
      socket.on("connect", () => socket.send(query, (error) => error && reject(error)));
      socket.connect(server.port, server.address);
    },
  );
}

function byTcp(server: Server, query: Buffer, accept: Accept, deadline: AbortSignal): Promise<Reply> {
  const socket = connect({ host: server.address, port: server.port });
  return settled(
    deadline,
    () => socket.destroy(),
    (resolve, reject) => {
      let received = Buffer.alloc(0);
      const length = Buffer.alloc(2);
      length.writeUInt16BE(query.length);
      socket.on("error", reject);
      socket.on("end", () => reject(new Error("the connection ended before the answer")));
      socket.on("data", (chunk) => {
        received = Buffer.concat([received, chunk]);
        if (received.length < 2 || received.length < 2 + received.readUInt16BE(0)) return;
        const reply = accept(received.subarray(2, 2 + received.readUInt16BE(0)));
        if (reply) resolve(reply);
        else reject(new Error("the answer is to no question of ours"));
      });
      socket.write(Buffer.concat([length, query]));
    },
  );
}

async function settled<T>(
  deadline: AbortSignal,
  close: () => void,
  work: (resolve: (value: T) => void, reject: (error: Error) => void) => void,
): Promise<T> {
  try {
    return await new Promise<T>((resolve, reject) => {
      const late = () => reject(new Error("no answer in time"));
      if (deadline.aborted) late();
      else deadline.addEventListener("abort", late);
      work(resolve, reject);
    });
  } finally {
    close();
  }
}
