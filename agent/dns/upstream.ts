/** The servers the node itself asks, for names that are not the cluster's: asked in turn, remembered while that may be. */
import { randomInt } from "node:crypto";
import { LRUCache } from "lru-cache";
import type { Elsewhere } from "./answerer.js";
import { exchange, type Reply, type Server } from "./exchange.js";
import { type Answer, bare, type Question, type Record } from "./record.js";

export interface UpstreamOptions {
  /** Milliseconds. */
  now(): number;
  /** Default: one question to one server over the network. */
  exchange?(server: Server, question: Question, timeoutMs: number): Promise<Reply>;
  /** Told of a server that asks us what we ask it; it is not asked again. */
  onLoop?(server: Server): void;
}

const TRY_MS = 1_000;
/** A lone server is asked again: the packet may have been lost. */
const TRIES_OF_ONE = 2;
/** A server that failed comes last for so long. */
const AVOID_MS = 10_000;
const MAX_CACHED = 4_096;
/** As the answers came; in memory they are several times as large. */
const MAX_CACHED_BYTES = 4 << 20;
/** Seconds. What is kept longer outlives its owner's change of mind; a failure is kept just to spare the next in line. */
const MAX_TTL = 3_600;
const MAX_NEGATIVE_TTL = 300;
const FAILURE_TTL = 1;
/** Questions on their way at one time; more would be a flood, or a ring of servers. */
const MAX_ASKING = 512;

interface Cached {
  answer: Answer;
  at: number;
}

export class Upstream implements Elsewhere {
  #servers: readonly Server[] = [];
  readonly #failedAt = new Map<Server, number>();
  /** Names that only we have asked for, once, to see whether a server comes back to us with them. */
  #probes: ReadonlyMap<string, Server> | undefined;
  readonly #cache: LRUCache<string, Cached>;
  /** Everybody who asks the same waits for one answer. So a ring of servers stands still instead of spinning. */
  readonly #asking = new Map<string, Promise<Answer>>();
  readonly #exchange;

  constructor(private readonly options: UpstreamOptions) {
    this.#exchange = options.exchange ?? exchange;
    this.#cache = new LRUCache({
      max: MAX_CACHED,
      maxSize: MAX_CACHED_BYTES,
      ttlResolution: 0,
      perf: { now: options.now },
    });
  }

  /** What the servers before have said is forgotten. */
  setServers(servers: readonly Server[]): void {
    this.#servers = servers;
    this.#probes = undefined;
    this.#failedAt.clear();
    this.#cache.clear();
  }

  known(question: Question): Answer | undefined {
    // There is nobody who could know more names than we do.
    if (this.#servers.length === 0) return bare("NXDOMAIN");
    const cached = this.#cache.get(keyOf(question));
    return cached && aged(cached, this.options.now());
  }

  ask(question: Question): Promise<Answer> {
    const ring = this.#probes?.get(question.name);
    if (ring) return Promise.resolve(this.#leaveOut(ring));
    if (!this.#probes) this.#probe();
    const key = keyOf(question);
    const waiting = this.#asking.get(key);
    if (waiting) return waiting;
    if (this.#asking.size >= MAX_ASKING) return Promise.resolve(bare("SERVFAIL"));
    const asking = this.#askServers(question).then(({ answer, size }) => {
      this.#asking.delete(key);
      const ttl = lifetime(answer) * 1000;
      if (ttl > 0) this.#cache.set(key, { answer, at: this.options.now() }, { ttl, size });
      return answer;
    });
    this.#asking.set(key, asking);
    return asking;
  }

  /** A question that nobody can answer, to each server. With the first that is asked anyway: an idle node asks nothing. */
  #probe(): void {
    const name = () => `${randomInt(2 ** 47)}.${randomInt(2 ** 47)}`;
    this.#probes = new Map(this.#servers.map((server) => [name(), server]));
    // Whether it is answered says nothing, only whether it comes back.
    for (const [name, server] of this.#probes)
      this.#exchange(server, { name, type: "TXT" }, TRY_MS).catch(() => undefined);
  }

  #leaveOut(ring: Server): Answer {
    if (this.#servers.includes(ring)) {
      this.#servers = this.#servers.filter((server) => server !== ring);
      this.options.onLoop?.(ring);
    }
    return bare("REFUSED");
  }

  async #askServers(question: Question): Promise<{ answer: Answer; size: number }> {
    for (const server of this.#inTurn()) {
      // Silence or garbage: the next one may know. That none did is the answer's to say.
      const reply = await this.#exchange(server, question, TRY_MS).catch(() => undefined);
      const rcode = reply?.rcode;
      if (reply && (rcode === "NOERROR" || rcode === "NXDOMAIN")) {
        this.#failedAt.delete(server);
        return { answer: answerOf(reply, rcode), size: reply.size };
      }
      // A failure may be this one name's; a server that is silent or refuses would do so for the next one too.
      if (rcode !== "SERVFAIL") this.#failedAt.set(server, this.options.now());
    }
    return { answer: bare("SERVFAIL"), size: 1 };
  }

  /** Those that answer, then those that lately did not, each in the order of the node's own file. */
  #inTurn(): Server[] {
    const now = this.options.now();
    const isAvoided = (server: Server) => (this.#failedAt.get(server) ?? -AVOID_MS) + AVOID_MS > now;
    const [only] = this.#servers;
    if (only && this.#servers.length === 1) return isAvoided(only) ? [only] : Array(TRIES_OF_ONE).fill(only);
    return [...this.#servers.filter((server) => !isAvoided(server)), ...this.#servers.filter(isAvoided)];
  }
}

const keyOf = ({ name, type }: Question) => `${type} ${name}`;

function answerOf(reply: Reply, rcode: "NOERROR" | "NXDOMAIN"): Answer {
  const plain = (records: readonly Record[]) =>
    records.map(({ name, type, ttl, data }) => ({
      name: name.toLowerCase(),
      type,
      ttl: Math.min(ttl, 2 ** 31 - 1),
      data,
    }));
  const authorities = plain(reply.authorities).filter(({ type }) => type === "SOA");
  return { ...bare(rcode), answers: plain(reply.answers), authorities };
}

/** How long the answer may be kept, in seconds. https://www.rfc-editor.org/rfc/rfc2308#section-5 */
function lifetime({ rcode, answers, authorities }: Answer): number {
  if (rcode === "SERVFAIL") return FAILURE_TTL;
  if (rcode === "NOERROR" && answers.length > 0) return Math.min(MAX_TTL, ...answers.map(({ ttl }) => ttl));
  const [soa] = authorities;
  return soa ? Math.min(MAX_NEGATIVE_TTL, soa.ttl, (soa.data as { minimum: number }).minimum) : 0;
}

function aged({ answer, at }: Cached, now: number): Answer {
  const seconds = Math.floor((now - at) / 1000);
  const older = (records: readonly Record[]) =>
    seconds === 0 ? records : records.map((record) => ({ ...record, ttl: Math.max(0, record.ttl - seconds) }));
  return { ...answer, answers: older(answer.answers), authorities: older(answer.authorities) };
}
