/** What the shell's own routes (discovery, health, logs, ...) answer, besides what the verbs do. */

import type { IncomingHttpHeaders } from "node:http";
import type { Readable } from "node:stream";
import type { UserInfo } from "#resources/kind.js";
import type { ApiResponse, ApiStream } from "./request.js";
import type { RequestInfo } from "./request-info.js";

export interface Reply extends ApiResponse {
  readonly headers?: Readonly<Record<string, string>>;
}

/** An answer passed on as it comes, at the speed of the slower side. Destroyed when the client goes. */
export interface PipedReply {
  readonly status: number;
  readonly contentType: string;
  readonly body: Readable;
  readonly headers?: Readonly<Record<string, string>>;
}

export type AnyReply = Reply | PipedReply | ApiStream;

/** A request for something that is not a stored object. It has passed the chain. */
export interface RouteRequest {
  readonly info: RequestInfo;
  readonly user: UserInfo;
  readonly headers: IncomingHttpHeaders;
  readonly body?: Buffer;
}

export type Route = (request: RouteRequest) => AnyReply | Promise<AnyReply>;

export function jsonReply(value: unknown, status = 200, headers?: Readonly<Record<string, string>>): Reply {
  return { status, contentType: "application/json", chunks: [Buffer.from(JSON.stringify(value))], headers };
}

export function textReply(text: string, status = 200): Reply {
  return { status, contentType: "text/plain; charset=utf-8", chunks: [Buffer.from(text)] };
}
