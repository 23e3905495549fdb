/** The parts of dns-packet used here, typed: its published types leave most of them out, and know fewer record types. */
import packet from "dns-packet";
import type { Record } from "./record.js";

/** A record as it came: the names in it in any case. OPT records have more. */
interface DecodedRecord extends Record {
  udpPayloadSize?: number;
  ednsVersion?: number;
}

interface DecodedMessage {
  id: number;
  type: "query" | "response";
  flag_tc: boolean;
  rcode: string;
  questions: { name: string; type: string; class: string }[];
  answers: DecodedRecord[];
  authorities: DecodedRecord[];
  additionals: DecodedRecord[];
}

interface Codec {
  /** @throws Error of any kind for what is no message */
  decode(bytes: Buffer): DecodedMessage;
  encode(message: object): Buffer;
  name: { encode(name: string): Buffer };
  answer: { encode(record: object): Buffer };
}

export const codec = packet as unknown as Codec;
/** Of a query: the asker wants us to ask others. */
export const { RECURSION_DESIRED } = packet;
