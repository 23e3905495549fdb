/** What a verb works with. */
import { notFoundError, StatusError } from "#api/status-error.js";
import type { AdmissionContext, ClusterConfig, Kind } from "#resources/kind.js";
import type { Backend } from "#storage/backend.js";
import { negotiate } from "./negotiate.js";
import type { Write } from "./prepare-write.js";
import type { Registry } from "./registry.js";
import type { RenderOptions } from "./render.js";
import type { ApiRequest } from "./request.js";
import type { ResourceStore } from "./resource-store.js";
import type { StoredObject } from "./stored-object.js";
import type { WriteOptions } from "./write-options.js";

/** The same for all requests. */
export interface ServerContext {
  readonly registry: Registry;
  readonly backend: Backend;
  readonly cluster: ClusterConfig;
  /** Milliseconds since the epoch. */
  now(): number;
  readonly issueToken?: AdmissionContext["issueToken"];
}

export interface VerbContext {
  readonly request: ApiRequest;
  readonly kind: Kind;
  readonly store: ResourceStore;
  readonly server: ServerContext;
}

export function renderOptions({ request, kind, server }: VerbContext): RenderOptions {
  return { kind, representation: negotiate(request), direct: request.direct, now: server.now() };
}

export function admissionOf(
  { request, server }: VerbContext,
  operation: AdmissionContext["operation"],
  dryRun: boolean,
): AdmissionContext {
  const { registry, cluster, issueToken } = server;
  return {
    operation,
    user: request.user,
    dryRun,
    subresource: request.subresource,
    get: (ref, name, namespace) => registry.get(ref, name, namespace),
    list: (ref, namespace) => registry.list(ref, namespace),
    index: (ref, name) => registry.store(ref).cache.index(name),
    cluster,
    issueToken,
  };
}

/** @param warnings is added to */
export function writeOf(
  context: VerbContext,
  operation: AdmissionContext["operation"],
  { dryRun, fieldManager }: WriteOptions,
  warnings: string[],
): Write {
  const { kind, server, request } = context;
  const admission = admissionOf(context, operation, dryRun);
  return { kind, admission, fieldManager, now: server.now(), warnings, subresource: request.subresource };
}

/** The object the request names. @throws StatusError 404 */
export function target({ request, kind, store }: VerbContext): StoredObject {
  const { name = "", namespace } = request;
  const stored = store.find(name, namespace);
  if (!stored) throw notFoundError(kind, name);
  return stored;
}

/** @throws StatusError 504, as upstream answers a resourceVersion that does not exist yet */
export function refuseFutureRevision(requested: number, current: number): void {
  if (requested <= current) return;
  const message = `Timeout: Too large resource version: ${requested}, current: ${current}`;
  const causes = [{ reason: "ResourceVersionTooLarge", message: "Too large resource version" }];
  throw new StatusError(504, "Timeout", message, { causes, retryAfterSeconds: 1 });
}
