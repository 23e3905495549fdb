import type { UserInfo } from "#resources/kind.js";

/** One question to the authorizer: may this user do this? As in a SubjectAccessReview. */
export interface AccessRequest {
  readonly user: UserInfo;
  /** A Kubernetes verb, or for a path the lower-case HTTP method. */
  readonly verb: string;
  /** Absent: the question is about `path`. */
  readonly resource?: {
    readonly group: string;
    readonly plural: string;
    readonly subresource?: string;
    readonly namespace?: string;
    readonly name?: string;
    /** The fieldSelector of a list, watch or deletecollection. */
    readonly fieldSelector?: string;
  };
  readonly path?: string;
}

export interface Decision {
  readonly allowed: boolean;
  /** Why, in words for a person. */
  readonly reason?: string;
}

/** Second link of the request chain. The static policy is one, RBAC another. Denies what it does not know. */
export type Authorize = (access: AccessRequest) => Decision;
