/**
 * A kind is a value: routes, discovery, OpenAPI, storage keys, authorization names and table columns derive from it.
 * A plain kind is a file with a literal of this type, under 60 lines, registered in `index.ts`.
 */
import type { FieldError } from "#api/field-error.js";
import type { Draft, KubeObject } from "#api/object.js";
import type { ResourceRef } from "#api/resource.js";

export interface Kind<T extends KubeObject = KubeObject> extends ResourceRef<T> {
  readonly singular: string;
  readonly shortNames?: readonly string[];
  readonly categories?: readonly string[];
  /** Name of the type in the generated schema: "Pod", "CoreV1Event". */
  readonly schema: string;
  /** Which rule `metadata.name` follows. */
  readonly nameRule: "dns-subdomain" | "dns-label" | "dns-1035-label" | "path-segment" | "ip-address";

  /** Objects of this kind are made from those of another, of the same names, and are not stored themselves (`readOnly`). */
  readonly view?: View<T>;
  /** Objects of this kind are worked out when they are asked for: stored nowhere, to be got and listed, not watched (`readOnly`). */
  readonly computed?: true;

  /** Fills defaults, in place. Runs on every write, after decoding and before admission and validation. */
  defaults?(object: T): void;
  /** Clears what a client may not set on creation (status), sets initial values. `metadata` is done generically. */
  prepareForCreate?(object: T): void;
  /**
   * Carries over what an update of the main resource may not change (status), in place. When absent, the generic rule
   * holds: `status` is kept from `old` if the kind has a status subresource.
   */
  prepareForUpdate?(object: T, old: T): void;
  /** The object as it will be stored. `old` is absent on creation. */
  validate?(object: T, old?: T): FieldError[];
  /** Rules about the change itself (immutable fields). `validate` has run on `object` before. */
  validateUpdate?(object: T, old: T): FieldError[];
  /** Non-fatal advice, sent as HTTP `Warning` headers. */
  warnings?(object: T): string[];
  /** Work that needs the rest of the cluster: allocation of addresses, references that must exist. May throw StatusError. */
  readonly admission?: AdmissionHooks<T>;

  /** True when a change of anything but metadata and status raises `metadata.generation`. */
  readonly hasGeneration?: boolean;
  /** Values for field selectors beyond metadata.name and metadata.namespace; unknown selectors are refused by name. */
  selectableFields?(object: T): Record<string, string>;
  /** Indexes that the API server keeps for admission: what an object is listed under in each (`AdmissionContext.index`). */
  readonly indexes?: Readonly<Record<string, Indexer<T>>>;
  readonly columns?: readonly Column<T>[];
  readonly subresources?: Subresources<T>;
  /**
   * Grace period of a delete in seconds, for kinds that die slowly (Pod): the object stays with a deletionTimestamp until
   * its agent deletes it with grace 0. Undefined or 0: removed at once (finalizers permitting).
   */
  gracePeriod?(object: T, requested: number | undefined): number | undefined;
  /**
   * Finalizers kept outside `metadata.finalizers` (Namespace: spec.finalizers): while any is left, a delete only sets
   * deletionTimestamp, and the object goes with the write that removes the last of both lists.
   */
  finalizers?(object: T): readonly string[];
  /** When the API server removes the object by itself, in ms since the epoch (Event: an hour after it was seen last). */
  expiresAt?(object: T): number;
  /** Runs in the write that sets deletionTimestamp, in place (Namespace: status.phase becomes Terminating). */
  prepareForDelete?(object: T): void;
}

/** Also of a version that is not the stored one. */
export const isWritable = ({ readOnly, view }: Kind): boolean => !readOnly || view?.accept !== undefined;

export interface View<T extends KubeObject> {
  readonly of: ResourceRef;
  /** What is shown of an object, without `apiVersion` and `kind`. A change of nothing that is shown reaches no watcher. */
  project(source: KubeObject): Omit<Draft<T>, "apiVersion" | "kind">;
  /**
   * Makes of this kind another version of the one it is made from: what a write of it is to that one. Absent: nobody writes it.
   * @param source as it is stored; absent on creation
   */
  accept?(object: T, source: KubeObject | undefined): KubeObject;
}

/** `kubectl get` column, as in a Table's columnDefinitions. */
export interface Column<T> {
  name: string;
  type: "string" | "integer" | "boolean" | "date";
  format?: string;
  description: string;
  /** 0 is always shown; 1 only with `-o wide`. */
  priority?: 0 | 1;
  /** A date column returns the RFC 3339 time; the renderer turns it into an age. `now` is in ms since the epoch. */
  value(object: T, now: number): string | number | boolean | null | undefined;
}

export interface Indexer<T extends KubeObject> {
  /** Each at most once. */
  values(object: T): readonly string[];
}

/** The keys (`keyOf`) of the objects that carry each value. */
export type Holders = ReadonlyMap<string, ReadonlySet<string>>;

export interface AdmissionContext {
  readonly operation: "CREATE" | "UPDATE" | "DELETE";
  readonly user: UserInfo;
  readonly dryRun: boolean;
  readonly subresource?: string;
  /** Reads from the API server's own cache: current, synchronous, deep-frozen. */
  get<O extends KubeObject>(ref: ResourceRef<O>, name: string, namespace?: string): O | undefined;
  list<O extends KubeObject>(ref: ResourceRef<O>, namespace?: string): readonly O[];
  /** One of a kind's `indexes`, as current as what `get` reads. */
  index(ref: ResourceRef, name: string): Holders;
  readonly cluster: ClusterConfig;
  /** Signs service account tokens. The API server's shell supplies it; absent in a server without a signing key. */
  issueToken?(request: TokenOrder): Promise<IssuedToken>;
}

/** What the signer of service account tokens is asked for. */
export interface TokenOrder {
  readonly namespace: string;
  readonly serviceAccount: { readonly name: string; readonly uid: string };
  /** Empty: the API server's own audience. */
  readonly audiences: readonly string[];
  readonly expirationSeconds: number;
  /** The object whose deletion ends the token. */
  readonly boundObject?: {
    readonly kind: string;
    readonly apiVersion: string;
    readonly name: string;
    readonly uid: string;
  };
}

export interface IssuedToken {
  readonly token: string;
  /** RFC 3339. */
  readonly expirationTimestamp: string;
  readonly audiences: readonly string[];
}

export interface AdmissionHooks<T extends KubeObject> {
  /**
   * Runs after defaults and before validation; may change the object in place. `old` is absent on CREATE. It may wait
   * (Pod: for the default ServiceAccount of a new namespace): call it before taking the write lock.
   */
  beforeWrite?(object: T, old: T | undefined, context: AdmissionContext): void | Promise<void>;
  /**
   * Runs inside the API server's write lock, right before the commit: what is read here cannot change until the commit
   * is in the cache. For allocation (ClusterIP, NodePort). Throwing gives up the write.
   */
  allocate?(object: T, old: T | undefined, context: AdmissionContext): void;
  beforeDelete?(object: T, context: AdmissionContext): void;
}

export interface ClusterConfig {
  /** CIDR lists, one per address family. */
  readonly podCIDRs: readonly string[];
  readonly serviceCIDRs: readonly string[];
  /** [first, last], inclusive. */
  readonly nodePortRange: readonly [number, number];
  readonly clusterDomain: string;
  readonly clusterDNS: string;
  /** leaseDurationSeconds of every node's Lease. Default 40. */
  readonly nodeLeaseSeconds?: number;
  /** How long Pods that say nothing about it stay on a node that is not ready or unreachable. Default 300. */
  readonly tolerationSeconds?: number;
  /** The tunnel between nodes that share no network; its fields are told in `api/join.ts`. */
  readonly vxlan?: { readonly id: number; readonly port: number; readonly always: boolean };
}

export interface UserInfo {
  readonly name: string;
  readonly groups: readonly string[];
  readonly uid?: string;
  readonly extra?: Readonly<Record<string, readonly string[]>>;
}

export interface Subresources<T extends KubeObject> {
  /** GET, PUT, PATCH on /status: only `status` changes (and it never changes on the main resource). */
  readonly status?: true | StatusSubresource<T>;
  /** GET, PUT, PATCH of the whole object, of which only a part is taken: pods/resize, pods/ephemeralcontainers. */
  readonly parts?: Readonly<Record<string, PartSubresource<T>>>;
  /** GET, PUT, PATCH on /scale as autoscaling/v1 Scale. */
  readonly scale?: ScaleSubresource<T>;
  /** POST of another kind that changes this object: pods/binding. */
  readonly actions?: Readonly<Record<string, ActionSubresource<T>>>;
  /** Streams proxied to the kubelet; they have no object. Verb names as RBAC sees them. */
  readonly connect?: readonly ("log" | "exec" | "attach" | "portforward" | "proxy")[];
}

export interface StatusSubresource<T extends KubeObject> {
  /** Labels and annotations change with the status too, as Kubernetes lets them for some kinds. */
  readonly withMetadata?: true;
  prepare?(object: T, old: T): void;
  validate?(object: T, old: T): FieldError[];
}

export interface PartSubresource<T extends KubeObject> {
  /** Takes the part from what was sent into `object`, a copy of the current state, in place. */
  take(object: T, sent: T): void;
  /** The whole change, the part's rules and those of the object it makes. */
  validate(object: T, old: T): FieldError[];
}

export interface ScaleSubresource<T extends KubeObject> {
  replicas(object: T): number;
  statusReplicas(object: T): number;
  /** The label selector in string form. */
  selector(object: T): string;
  /** Sets the wanted number of replicas, in place. */
  setReplicas(object: T, replicas: number): void;
}

export interface ActionSubresource<T extends KubeObject> {
  /** Schema of the body: "Binding", "Eviction", "AuthenticationV1TokenRequest". */
  readonly bodySchema: string;
  readonly bodyGroup: string;
  readonly bodyVersion: string;
  readonly bodyKind: string;
  /** True when what it sets was open so far and is no change of what is wanted: `metadata.generation` stays. */
  readonly keepsGeneration?: true;
  /** How clients call it; POST unless said otherwise (namespaces/finalize is a PUT). */
  readonly method?: "POST" | "PUT";
  /**
   * What follows `apply`. "update" (when absent): the changed object is committed. "none": nothing is written
   * (serviceaccounts/token). "evict": the Pod is deleted, with the body's `deleteOptions`, if its budget allows it.
   */
  readonly effect?: "update" | "none" | "evict";
  /**
   * Changes a copy of the object in place and returns what the client receives: undefined for a Success Status, the
   * very object it was given for the object as committed, anything else as it is.
   * Runs under optimistic concurrency and is retried when the object changed meanwhile: it must be free of side effects.
   */
  apply(object: T, body: unknown, context: AdmissionContext): object | undefined | Promise<object | undefined>;
}
