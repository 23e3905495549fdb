/** What the proxies are to do, free of Kubernetes' objects and of nginx' syntax. */
import type { Ingress } from "#api/generated/types.js";

export interface Model {
  /** Hosts with rules of their own, and last the one named "": every request that none of the others takes. */
  readonly hosts: readonly Host[];
  readonly upstreams: readonly Upstream[];
  /** File name → certificates and key, in PEM. */
  readonly certificates: ReadonlyMap<string, string>;
}

export interface Host {
  /** "shop.example.com", "*.example.com" (one label, any), or "": any host. */
  readonly name: string;
  /** No two for one path and way of matching. A request that none of them matches is answered 404. */
  readonly routes: readonly Route[];
  /** File with the certificate; absent: the default one. */
  readonly certificate?: string;
  /** Plain requests are sent to HTTPS. */
  readonly redirect: boolean;
}

export interface Route extends PathMatch {
  readonly backend: Backend;
  readonly timeouts: Timeouts;
}

export interface PathMatch {
  /** Decoded, with a leading slash; without one at the end, but for "/" itself and exact ones. */
  readonly path: string;
  /** Just this path; else all paths below it too, element by element. */
  readonly exact: boolean;
}

/** Seconds; absent ones are the proxy's defaults. */
export interface Timeouts {
  readonly connect?: number;
  readonly read?: number;
  readonly send?: number;
}

/** Undefined: nobody is there to answer, which is said with 503. */
export type Backend = { readonly upstream: string; readonly https: boolean } | undefined;

export interface Upstream {
  readonly name: string;
  /** "10.96.0.7:80": the address of a Service, or for a headless one those of its endpoints. */
  readonly servers: readonly string[];
}

/** Something an Ingress asks for that it does not get: becomes an Event about it. */
export interface Problem {
  readonly ingress: Ingress;
  readonly reason: string;
  readonly message: string;
}
