/** What the server says about names. Plain data: it crosses from the agent's main thread to the server's. */

/** Names are lower case, without the dot at their end. */
export interface Record {
  name: string;
  /** As dns-packet writes it: "A", "SRV", "UNKNOWN_65". */
  type: string;
  /** Seconds. */
  ttl: number;
  /** In dns-packet's form for the type. */
  data: unknown;
}

export interface Srv {
  priority: number;
  weight: number;
  port: number;
  target: string;
}

/** What one object of the API contributes to the cluster's zone. A part replaces the earlier one with the same id. */
export interface ZonePart {
  id: string;
  records: readonly Record[];
  /** Names that exist without a record: asked for one, the answer is "no such data", not "no such name". */
  names?: readonly string[];
}

export type Rcode = "NOERROR" | "FORMERR" | "SERVFAIL" | "NXDOMAIN" | "NOTIMP" | "REFUSED" | "BADVERS";

export interface Answer {
  rcode: Rcode;
  /** It is ours to say; otherwise it was heard from another server. */
  authoritative: boolean;
  answers: readonly Record[];
  authorities: readonly Record[];
  additionals: readonly Record[];
}

export interface Question {
  /** Lower case, without the dot at its end; "" is the root. */
  name: string;
  type: string;
}

/** An answer without records. */
export function bare(rcode: Rcode, authoritative = false): Answer {
  return { rcode, authoritative, answers: [], authorities: [], additionals: [] };
}
