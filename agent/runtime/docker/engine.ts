/** The connection to one Docker engine: its socket, the API version both sides speak, and how its errors read. */
import { Agent } from "node:http";
import { inspect } from "node:util";
import type Docker from "dockerode";
import type { Logger } from "pino";
import { type LogRotation, RuntimeError } from "../runtime.js";
import type { Slots } from "../slots.js";
import { newDocker } from "./dockerode.js";
import { inTime } from "./patience.js";

/** The newest engine API this code was written against, and the oldest it can do with (engine 20.10). */
const NEWEST_API = "1.51";
const OLDEST_API = "1.41";

export interface Engine {
  readonly docker: Docker;
  readonly nodeName: string;
  readonly sandboxImage: string;
  readonly logger: Logger;
  readonly containerLogs: LogRotation;
  /** Containers made, started and removed at a time: more gain nothing, the engine serialises most of it. */
  readonly slots: Slots;
  readonly cgroupDriver: "cgroupfs" | "systemd";
  /** Ids of containers in which something was killed for want of memory: told by an event, which may come after their end. */
  readonly outOfMemory: Set<string>;
  /** False once the host has refused a negative oom_score_adj (no CAP_SYS_RESOURCE): it is then left out. */
  canLowerOomScore: boolean;
}

export function dialEngine(socketPath: string): Docker {
  // The type of dockerode's options does not know the connection pool, its HTTP layer does.
  return newDocker({ socketPath, agent: new EngineConnections({ keepAlive: true }) });
}

/**
 * The pool of connections. dockerode's HTTP layer prints each request in full for its debug log, whether or not there is
 * one: with the pool in it that took most of our time.
 */
class EngineConnections extends Agent {
  [inspect.custom](): string {
    return "EngineConnections";
  }
}

/** Numeric comparison of "1.9" and "1.41": positive when `a` is newer. */
export function compareApiVersions(a: string, b: string): number {
  const [majorA = 0, minorA = 0] = a.split(".").map(Number);
  const [majorB = 0, minorB = 0] = b.split(".").map(Number);
  return majorA - majorB || minorA - minorB;
}

/** @throws RuntimeError when the engine is too old for us or no longer speaks what we know */
export function chooseApiVersion(newestOfEngine: string, oldestOfEngine: string): string {
  const chosen = compareApiVersions(newestOfEngine, NEWEST_API) < 0 ? newestOfEngine : NEWEST_API;
  if (compareApiVersions(chosen, OLDEST_API) < 0)
    throw new RuntimeError(`the Docker engine offers API ${newestOfEngine}; Berth needs ${OLDEST_API} (Docker 20.10)`);
  if (compareApiVersions(chosen, oldestOfEngine) < 0)
    throw new RuntimeError(`the Docker engine refuses API versions below ${oldestOfEngine}; Berth knows ${NEWEST_API}`);
  return chosen;
}

/** Agrees on an API version; again after the engine was restarted, since it may have been upgraded. */
export async function negotiate(docker: Docker): Promise<void> {
  const modem = docker.modem as { version?: string };
  // Asked without a version, which an engine could refuse; what else goes on meanwhile keeps its own.
  const asking = newDocker({ ...modem, version: undefined });
  try {
    const version = (await inTime(() => asking.version())) as { ApiVersion: string; MinAPIVersion?: string };
    modem.version = `v${chooseApiVersion(version.ApiVersion, version.MinAPIVersion ?? "1.12")}`;
  } catch (error) {
    throw asRuntimeError(error);
  }
}

/**
 * Runs one engine call and turns what it throws into a RuntimeError with the engine's own words.
 * @param patienceMs until the answer (of a stream: its beginning) has to be there; default {@link PATIENCE}
 */
export async function call<T>(request: () => Promise<T>, patienceMs?: number): Promise<T> {
  try {
    return await inTime(request, patienceMs);
  } catch (error) {
    throw asRuntimeError(error);
  }
}

/** As {@link call}, but a status in `fine` counts as success (304: already so; 404: already gone). */
export async function callUnless(
  fine: readonly number[],
  request: () => Promise<unknown>,
  patienceMs?: number,
): Promise<void> {
  try {
    await inTime(request, patienceMs);
  } catch (error) {
    const failure = asRuntimeError(error);
    if (!fine.includes(failure.code)) throw failure;
  }
}

/** Undefined instead of an error when the engine says 404. */
export async function callOrUndefined<T>(request: () => Promise<T>): Promise<T | undefined> {
  try {
    return await inTime(request);
  } catch (error) {
    const failure = asRuntimeError(error);
    if (failure.code === 404) return undefined;
    throw failure;
  }
}

export function asRuntimeError(error: unknown): RuntimeError {
  if (error instanceof RuntimeError) return error;
  const { statusCode, json, message } = error as { statusCode?: number; json?: { message?: string }; message?: string };
  if (statusCode === undefined) return new RuntimeError(`cannot reach the Docker engine: ${message ?? String(error)}`);
  const stripped = (message ?? "").replace(/^\(HTTP code \d+\) [^-]*- /, "").trim();
  return new RuntimeError(`Error response from daemon: ${json?.message ?? stripped}`, statusCode);
}
