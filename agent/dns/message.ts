/** DNS messages as bytes: what was asked, and the answer within what the asker can take. RFC 1035, RFC 6891. */
import { codec } from "./codec.js";
import type { Answer, Question, Rcode, Record } from "./record.js";

const HEADER = 12;
/** What everybody can take by UDP, and the most we send: beyond it a datagram may be cut into fragments. */
const MIN_UDP = 512;
export const MAX_UDP = 1232;
export const MAX_TCP = 65_535;

const FLAG = {
  answer: 0x8000,
  authoritative: 0x400,
  truncated: 0x200,
  recurse: 0x100,
  canRecurse: 0x80,
  unchecked: 0x10,
};
const OPCODE = 0x7800;
const RCODES = { NOERROR: 0, FORMERR: 1, SERVFAIL: 2, NXDOMAIN: 3, NOTIMP: 4, REFUSED: 5, BADVERS: 16 } as const;
/** The name of the question, wherever it appears again: RFC 1035 section 4.1.4. */
const SAME_NAME = Buffer.from([0xc0, HEADER]);

export interface Query {
  question: Question;
  /** Of the header, as they came. */
  flags: number;
  /** The question's bytes: they go back as they came, in the asker's upper and lower case. */
  echo: Buffer;
  /** The most the asker takes by UDP; undefined when it speaks no EDNS. */
  ednsSize?: number;
  /** Why it is refused without a look at the name. */
  refused?: Rcode;
}

/** @returns undefined for what is no query: too short, or an answer (two servers must never answer each other) */
export function readQuery(message: Buffer): Query | undefined {
  if (message.length < HEADER) return undefined;
  const flags = message.readUInt16BE(2);
  if (flags & FLAG.answer) return undefined;
  const refuse = (refused: Rcode): Query => ({
    question: { name: "", type: "" },
    flags,
    echo: Buffer.alloc(0),
    refused,
  });
  if (flags & OPCODE) return refuse("NOTIMP");
  // The counts first: the codec makes room for as many records as they claim.
  const [questions = 0, answers = 0, authorities = 0, additionals = 0] = [4, 6, 8, 10].map((at) =>
    message.readUInt16BE(at),
  );
  if (questions !== 1 || answers > 0 || authorities > 0 || additionals > 2) return refuse("FORMERR");
  return decodeQuery(message, flags) ?? refuse("FORMERR");
}

function decodeQuery(message: Buffer, flags: number): Query | undefined {
  try {
    const { questions, additionals } = codec.decode(message);
    const asked = questions[0]!;
    const name = asked.name === "." ? "" : asked.name;
    const bytes = codec.name.encode(name);
    const echo = Buffer.from(message.subarray(HEADER, HEADER + bytes.length + 4));
    // A dot within a label, a pointer, bytes that are no text: the name as we read it is not the one that was asked.
    if (!echo.subarray(0, bytes.length).equals(bytes)) return undefined;
    const edns = additionals.find((record) => record.type === "OPT");
    const query: Query = { question: { name: name.toLowerCase(), type: asked.type }, flags, echo };
    if (edns) query.ednsSize = edns.udpPayloadSize;
    if (edns && edns.ednsVersion !== 0) query.refused = "BADVERS";
    else if (asked.class !== "IN") query.refused = "REFUSED";
    return query;
  } catch {
    // Whatever it is, it is no message: the codec says so by an error of any kind.
    return undefined;
  }
}

/** The most bytes the answer may have by UDP. */
export function udpLimit({ ednsSize }: Query): number {
  return ednsSize === undefined ? MIN_UDP : Math.min(Math.max(ednsSize, MIN_UDP), MAX_UDP);
}

/**
 * The answer with id 0. What does not fit is left out: a record of the answer with the flag that tells the asker to come
 * back by TCP, additional ones without a word.
 */
export function writeReply(query: Query, answer: Answer, limit: number): Buffer {
  const { ednsSize, echo, question } = query;
  const edns = ednsSize === undefined ? [] : [optRecord(answer.rcode)];
  let room = limit - HEADER - echo.length - lengthOf(edns);
  let truncated = false;
  const fit = (records: readonly Record[], needed: boolean): Buffer[] => {
    const taken: Buffer[] = [];
    for (const record of truncated ? [] : records) {
      const bytes = encodeRecord(record, question.name);
      if (bytes.length > room) {
        truncated = needed;
        break;
      }
      room -= bytes.length;
      taken.push(bytes);
    }
    return taken;
  };
  const sections = [fit(answer.answers, true), fit(answer.authorities, true), fit(answer.additionals, false)];
  sections[2]!.push(...edns);
  const header = Buffer.alloc(HEADER);
  header.writeUInt16BE(replyFlags(query, answer, truncated), 2);
  header.writeUInt16BE(echo.length > 0 ? 1 : 0, 4);
  sections.forEach((section, i) => {
    header.writeUInt16BE(section.length, 6 + 2 * i);
  });
  return Buffer.concat([header, echo, ...sections.flat()]);
}

function replyFlags({ flags }: Query, { rcode, authoritative }: Answer, truncated: boolean): number {
  const kept = flags & (OPCODE | FLAG.recurse | FLAG.unchecked);
  const own = (authoritative ? FLAG.authoritative : 0) | (truncated ? FLAG.truncated : 0) | FLAG.canRecurse;
  return FLAG.answer | kept | own | (RCODES[rcode] & 0xf);
}

function encodeRecord(record: Record, asked: string): Buffer {
  if (record.name !== asked) return encode(record);
  return Buffer.concat([SAME_NAME, encode({ ...record, name: "." }).subarray(1)]);
}

function optRecord(rcode: Rcode): Buffer {
  const extendedRcode = RCODES[rcode] >> 4;
  return encode({
    name: ".",
    type: "OPT",
    udpPayloadSize: MAX_UDP,
    extendedRcode,
    ednsVersion: 0,
    flags: 0,
    options: [],
  });
}

const encode = (record: object) => codec.answer.encode(record);
const lengthOf = (buffers: readonly Buffer[]) => buffers.reduce((sum, { length }) => sum + length, 0);
