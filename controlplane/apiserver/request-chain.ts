/**
 * The chain every request passes, whichever way it came in (Express or `upgrade`): identify, authorize, and for audit a
 * line in the log. Plain functions: nothing here knows how an answer is written.
 */
import type { IncomingHttpHeaders } from "node:http";
import type { TLSSocket } from "node:tls";
import type { Logger } from "pino";
import type { UserInfo } from "#resources/kind.js";
import { type Credentials, identify } from "./authn/identify.js";
import { impersonate } from "./authn/impersonate.js";
import type { AccessRequest, Authorize } from "./authz/access.js";
import { denial } from "./authz/denial.js";
import type { RequestMetrics } from "./metrics.js";
import type { RequestInfo } from "./request-info.js";

export interface ChainOptions {
  readonly credentials: Credentials;
  readonly authorize: Authorize;
  readonly metrics: RequestMetrics;
  readonly logger: Logger;
}

const READS = new Set(["get", "list", "watch", "head"]);

export class RequestChain {
  constructor(private readonly options: ChainOptions) {}

  /**
   * Who asks, after it was found that they may.
   * @throws StatusError 401, 403
   */
  async admit(socket: TLSSocket, headers: IncomingHttpHeaders, info: RequestInfo): Promise<UserInfo> {
    const identity = identify(this.options.credentials, socket, headers);
    const { authorize } = this.options;
    const user = impersonate(identity instanceof Promise ? await identity : identity, headers, authorize);
    const access = accessRequest(user, info);
    const decision = authorize(access);
    if (!decision.allowed) throw denial(access, decision.reason);
    return user;
  }

  /** @param seconds how long the answer took; for a stream, until it began */
  audit(info: RequestInfo, user: UserInfo | undefined, status: number, seconds: number): void {
    this.options.metrics.observe(info, status, seconds);
    const { logger } = this.options;
    if (!logger.isLevelEnabled("debug")) return;
    const line = { user: user?.name, verb: info.verb, path: info.path, status, ms: Math.round(seconds * 1e4) / 10 };
    if (READS.has(info.verb)) logger.trace(line, "request");
    else logger.debug(line, "request");
  }
}

function accessRequest(user: UserInfo, info: RequestInfo): AccessRequest {
  const { resource, verb, path, query } = info;
  if (!resource) return { user, verb, path };
  const fieldSelector = resource.name === undefined ? query.get("fieldSelector") : null;
  return { user, verb, path, resource: fieldSelector === null ? resource : { ...resource, fieldSelector } };
}
