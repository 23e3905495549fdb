/**
 * From the bytes of a query to the bytes of its answer, without sockets. The same query again is a look-up: what was
 * answered is kept as bytes, and only the id is put in.
 */
import { LRUCache } from "lru-cache";
import { MAX_TCP, type Query, readQuery, udpLimit, writeReply } from "./message.js";
import { type Answer, bare, type Question, type Record } from "./record.js";
import { type Resolution, resolve, type Zone } from "./resolve.js";

/** Who knows the names that are not the cluster's. */
export interface Elsewhere {
  /** What is known now; undefined when it has to be asked for. */
  known(question: Question): Answer | undefined;
  /** Never rejects: what cannot be found out is an answer too. */
  ask(question: Question): Promise<Answer>;
}

export interface AnswererOptions {
  zone: Zone;
  elsewhere: Elsewhere;
  /** Milliseconds. */
  now(): number;
  /** Told of an answer that cannot be written: the asker hears of a failure. */
  onError?(error: Error): void;
}

type Transport = "udp" | "tcp";

interface Ready {
  replies: readonly Buffer[];
  next: number;
  until: number;
}

const MAX_READY = 8192;
const MAX_READY_BYTES = 16 << 20;
/** Queries longer than this are rare, and each would take its place in memory. */
const MAX_KEY = 300;
/** What others said grows older by the second; so may what is kept of it. */
const READY_MS = 1000;
/** One answer in so many orders, so that clients which take the first address do not all take the same. */
const ORDERS = 8;

export class Answerer {
  readonly #ready = new LRUCache<string, Ready>({
    max: MAX_READY,
    maxSize: MAX_READY_BYTES,
    sizeCalculation: ({ replies }, key) => replies.reduce((sum, { length }) => sum + length, key.length),
  });
  #zoneKnown = false;

  constructor(private readonly options: AnswererOptions) {}

  /** Call it after the zone, or who else is asked, has changed: from now on answers follow. */
  forget(): void {
    this.#ready.clear();
  }

  /** The zone is complete. Until then names of the cluster are not denied, but failed. */
  zoneKnown(): void {
    this.#zoneKnown = true;
  }

  /** @returns the answer, at once where it is known; undefined for what gets none. Never throws or rejects */
  answer(message: Buffer, transport: Transport): Buffer | Promise<Buffer> | undefined {
    // By TCP comes little, and answers may be large.
    const key = transport === "udp" && message.length <= MAX_KEY ? message.toString("latin1", 2) : undefined;
    const ready = key === undefined ? undefined : this.#ready.get(key);
    if (ready && ready.until > this.options.now()) return withId(nextOf(ready), message);
    const query = readQuery(message);
    if (!query) return undefined;
    const answer = query.refused ? bare(query.refused) : this.#find(query.question);
    if (answer instanceof Promise)
      return answer.then((found) => withId(this.#write(query, [found], transport)[0]!, message));
    const replies = this.#write(query, key === undefined ? [answer] : orders(answer), transport);
    if (key !== undefined && answer.rcode !== "SERVFAIL")
      this.#ready.set(key, { replies, next: 0, until: this.options.now() + READY_MS });
    return withId(replies[0]!, message);
  }

  #find(question: Question): Answer | Promise<Answer> {
    const { zone, elsewhere } = this.options;
    const own = resolve(question, zone);
    if (!own) return elsewhere.known(question) ?? elsewhere.ask(question);
    if (!this.#zoneKnown && own.authoritative) return bare("SERVFAIL");
    if (!own.chase) return own;
    const known = elsewhere.known(own.chase);
    return known ? joined(own, known) : elsewhere.ask(own.chase).then((found) => joined(own, found));
  }

  #write(query: Query, answers: readonly Answer[], transport: Transport): Buffer[] {
    const limit = transport === "udp" ? udpLimit(query) : MAX_TCP;
    try {
      return answers.map((answer) => writeReply(query, answer, limit));
    } catch (error) {
      // What others say can be read and yet be nothing that may be said.
      this.options.onError?.(error as Error);
      return [writeReply(query, bare("SERVFAIL"), limit)];
    }
  }
}

/** An alias of ours, and what others say it stands for. */
function joined(own: Resolution, { rcode, answers, authorities }: Answer): Answer {
  return { ...own, rcode, answers: [...own.answers, ...answers], authorities };
}

/** The same answer with its addresses turned round; aliases stay in front of them. */
function orders(answer: Answer): Answer[] {
  const isAddress = ({ type }: Record) => type === "A" || type === "AAAA";
  const addresses = answer.answers.filter(isAddress);
  const count = Math.min(addresses.length, ORDERS);
  if (count < 2) return [answer];
  const others = answer.answers.filter((record) => !isAddress(record));
  return Array.from({ length: count }, (_, i) => {
    const start = Math.floor((i * addresses.length) / count);
    return { ...answer, answers: [...others, ...addresses.slice(start), ...addresses.slice(0, start)] };
  });
}

function nextOf(ready: Ready): Buffer {
  ready.next = (ready.next + 1) % ready.replies.length;
  return ready.replies[ready.next]!;
}

/** A copy: the one before may still be on its way out. */
function withId(reply: Buffer, message: Buffer): Buffer {
  const copy = Buffer.allocUnsafe(reply.length);
  reply.copy(copy);
  copy[0] = message[0]!;
  copy[1] = message[1]!;
  return copy;
}
