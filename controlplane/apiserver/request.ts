/**
 * The seam inside the API server. In front of it: sockets, TLS, the request chain (identify, authorize, audit, limit),
 * discovery. Behind it: `resource-handler.ts` and the verbs, which know nothing of HTTP but what stands here.
 * The direct transport enters here too, with an explicit user.
 */
import type { KubeObject, WatchEvent } from "#api/object.js";
import type { Kind, UserInfo } from "#resources/kind.js";

export type Verb = "get" | "list" | "watch" | "create" | "update" | "patch" | "delete" | "deletecollection";

export interface ApiRequest {
  readonly verb: Verb;
  readonly kind: Kind;
  readonly namespace?: string;
  readonly name?: string;
  readonly subresource?: string;
  readonly query: URLSearchParams;
  readonly user: UserInfo;
  /** The product part of User-Agent ("kubectl"): the field manager when the client names none. */
  readonly userAgent: string;
  /** Value of Accept; absent means JSON. */
  readonly accept?: string;
  readonly contentType?: string;
  /** The raw bytes of the body, at most 3 MiB. Absent when there is none. */
  readonly body?: Buffer;
  /** What `body` would hold, already as a value; from the direct transport. The server copies before it changes anything. */
  readonly object?: unknown;
  /** The caller is in this process and wants objects, not bytes: see `ApiResponse.object`, `StreamSink.writeEvents`. */
  readonly direct?: boolean;
}

/** A finished answer, as chunks that are written one after the other without being copied together. */
export interface ApiResponse {
  readonly status: number;
  readonly contentType: string;
  readonly chunks: readonly Buffer[];
  /** Texts for `Warning: 299 - "..."` headers. */
  readonly warnings?: readonly string[];
  /** Set instead of chunks for a direct request: the object, list ({ metadata, items }) or Status; deep-frozen, shared. */
  readonly object?: unknown;
}

/** An answer that goes on: a watch. */
export interface ApiStream {
  readonly contentType: string;
  /**
   * Starts the stream. `write` takes whole frames; it returns false when more than the buffer bound is waiting, and the
   * stream must then call `end`. `end` is called at most once. The returned function stops the stream (client is gone).
   */
  start(sink: StreamSink): () => void;
}

export interface StreamSink {
  write(chunk: Buffer): boolean;
  /** A direct request's sink has this, and gets events as objects (deep-frozen, shared) instead of frames. */
  writeEvents?(events: readonly WatchEvent<KubeObject>[]): boolean;
  /** Resolves when little is waiting to be sent: between slices of the initial events, which may exceed the bound. */
  drained?(): Promise<void>;
  end(): void;
}

export type ApiResult = ApiResponse | ApiStream;
