/**
 * Questions about users and their rights: answered, never stored. `kubectl auth whoami` and `can-i` ask them.
 * https://kubernetes.io/docs/reference/access-authn-authz/authorization/#checking-api-access
 */
import type {
  PolicyRule,
  SelfSubjectAccessReview,
  SelfSubjectReview,
  SelfSubjectRulesReview,
  SubjectAccessReview,
  TokenReview,
  UserInfo as WireUser,
} from "#api/generated/types.js";
import { badRequest, isStatus } from "#api/status-error.js";
import type { UserInfo } from "#resources/kind.js";
import { MASTERS, nodeNameOf } from "../authn/groups.js";
import type { AccessRequest, Authorize } from "../authz/access.js";
import type { VirtualResource } from "../resource-table.js";

export interface ReviewOptions {
  readonly authorize: Authorize;
  /** What roles give the user in a namespace. */
  rulesOf(user: UserInfo, namespace: string): readonly PolicyRule[];
  /** @throws StatusError 401 when the token does not hold, or was not made for that audience */
  tokenUser(token: string, audience: string): Promise<UserInfo>;
  readonly issuer: string;
  now(): number;
}

const AUTHENTICATION = { group: "authentication.k8s.io", version: "v1", namespaced: false } as const;
const AUTHORIZATION = { group: "authorization.k8s.io", version: "v1", namespaced: false } as const;

/** A review is no stored object: its metadata is all but empty. */
type Reviewed<R> = Omit<R, "metadata"> & { metadata: { creationTimestamp: string } };
type AccessSpec = SelfSubjectAccessReview["spec"];

export function reviewResources(options: ReviewOptions): VirtualResource[] {
  return [
    {
      ...AUTHENTICATION,
      plural: "selfsubjectreviews",
      singular: "selfsubjectreview",
      kind: "SelfSubjectReview",
      create: (_object, user): Reviewed<SelfSubjectReview> => ({
        kind: "SelfSubjectReview",
        apiVersion: "authentication.k8s.io/v1",
        metadata: { creationTimestamp: new Date(options.now()).toISOString().replace(/\.\d+Z$/, "Z") },
        status: { userInfo: wireUser(user) },
      }),
    },
    {
      ...AUTHENTICATION,
      plural: "tokenreviews",
      singular: "tokenreview",
      kind: "TokenReview",
      create: (object) => reviewToken(options, object as unknown as TokenReview),
    },
    {
      ...AUTHORIZATION,
      plural: "selfsubjectaccessreviews",
      singular: "selfsubjectaccessreview",
      kind: "SelfSubjectAccessReview",
      create: (object, user) => reviewAccess(options, object as unknown as SelfSubjectAccessReview, user),
    },
    {
      ...AUTHORIZATION,
      plural: "subjectaccessreviews",
      singular: "subjectaccessreview",
      kind: "SubjectAccessReview",
      create: (object) => reviewSubject(options, object as unknown as SubjectAccessReview),
    },
    {
      ...AUTHORIZATION,
      namespaced: true,
      plural: "localsubjectaccessreviews",
      singular: "localsubjectaccessreview",
      kind: "LocalSubjectAccessReview",
      create: (object, _user, namespace) => reviewLocally(options, object as unknown as SubjectAccessReview, namespace),
    },
    {
      ...AUTHORIZATION,
      plural: "selfsubjectrulesreviews",
      singular: "selfsubjectrulesreview",
      kind: "SelfSubjectRulesReview",
      create: (object, user) => reviewRules(options, object as unknown as SelfSubjectRulesReview, user),
    },
  ];
}

function reviewSubject(options: ReviewOptions, review: SubjectAccessReview): object {
  const { user: name = "", groups = [], uid } = review.spec ?? {};
  return reviewAccess(options, review, { name, groups, uid });
}

/** Of what lies in one namespace, so that the right to ask can be given for it alone. */
function reviewLocally(options: ReviewOptions, review: SubjectAccessReview, namespace: string | undefined): object {
  const { resourceAttributes, nonResourceAttributes } = review.spec ?? {};
  if (nonResourceAttributes) throw badRequest("spec.nonResourceAttributes: disallowed on this kind of request");
  if (resourceAttributes?.namespace !== namespace)
    throw badRequest("spec.resourceAttributes.namespace: must match metadata.namespace");
  return reviewSubject(options, review);
}

function reviewAccess<R extends { spec: AccessSpec }>(options: ReviewOptions, review: R, user: UserInfo): object {
  const { allowed, reason } = options.authorize(accessOf(review.spec ?? {}, user));
  return { ...review, status: { allowed, ...(reason && { reason }) } };
}

function accessOf({ resourceAttributes, nonResourceAttributes }: AccessSpec, user: UserInfo): AccessRequest {
  if (resourceAttributes) {
    const { verb = "", group = "", resource: plural = "", subresource, namespace, name } = resourceAttributes;
    const resource = { group, plural, subresource: subresource || undefined, name: name || undefined };
    return { user, verb, resource: { ...resource, namespace: namespace || undefined } };
  }
  if (!nonResourceAttributes) {
    throw badRequest("spec: exactly one of nonResourceAttributes or resourceAttributes must be specified");
  }
  return { user, verb: nonResourceAttributes.verb ?? "", path: nonResourceAttributes.path ?? "" };
}

/** The token holds if it was made for one of the audiences that are asked for; by default for this server. */
async function reviewToken({ tokenUser, issuer }: ReviewOptions, review: TokenReview): Promise<object> {
  const { token = "", audiences } = review.spec ?? {};
  const wanted = audiences?.length ? audiences : [issuer];
  const held: string[] = [];
  let user: UserInfo | undefined;
  for (const audience of wanted) {
    try {
      user = await tokenUser(token, audience);
      held.push(audience);
    } catch (error) {
      if (!isStatus(error, 401)) throw error;
    }
  }
  if (!user) return { ...review, status: { user: {}, error: "invalid bearer token" } };
  return { ...review, status: { authenticated: true, user: wireUser(user), audiences: held } };
}

function wireUser({ name, uid, groups, extra }: UserInfo): WireUser {
  const copied = Object.entries(extra ?? {}).map(([key, values]) => [key, [...values]]);
  return {
    username: name,
    ...(uid && { uid }),
    groups: [...groups],
    ...(copied.length > 0 && { extra: Object.fromEntries(copied) as Record<string, string[]> }),
  };
}

/** What roles say. A node's rights depend on its Pods, which no rule can tell. */
function reviewRules({ rulesOf }: ReviewOptions, review: SelfSubjectRulesReview, user: UserInfo): object {
  const { namespace } = review.spec ?? {};
  if (!namespace) throw badRequest("no namespace on request");
  const everything = { verbs: ["*"], apiGroups: ["*"], resources: ["*"] };
  const rules: readonly PolicyRule[] = user.groups.includes(MASTERS)
    ? [everything, { verbs: ["*"], nonResourceURLs: ["*"] }]
    : rulesOf(user, namespace);
  const resourceRules = rules.flatMap(({ verbs, apiGroups, resources, resourceNames }) =>
    resources?.length ? [{ verbs, apiGroups, resources, resourceNames }] : [],
  );
  const nonResourceRules = rules.flatMap(({ verbs, nonResourceURLs }) =>
    nonResourceURLs?.length ? [{ verbs, nonResourceURLs }] : [],
  );
  const incomplete = nodeNameOf(user) !== undefined;
  return { ...review, status: { resourceRules, nonResourceRules, incomplete } };
}
