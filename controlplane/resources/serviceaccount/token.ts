/**
 * POST serviceaccounts/token: a signed token for the account, for as long as is asked, bound to a Pod, Secret or Node if
 * one is named. https://kubernetes.io/docs/reference/kubernetes-api/authentication-resources/token-request-v1/
 */
import { type FieldError, invalid } from "#api/field-error.js";
import type {
  AuthenticationV1TokenRequest,
  BoundObjectReference,
  Pod,
  ServiceAccount,
  TokenRequestSpec,
} from "#api/generated/types.js";
import type { KubeObject } from "#api/object.js";
import { nodes, pods, secrets } from "#api/refs.js";
import type { ResourceRef } from "#api/resource.js";
import { badRequest, conflict, internalError, invalidObject, notFoundError } from "#api/status-error.js";
import type { ActionSubresource, AdmissionContext, TokenOrder } from "../kind.js";

const DEFAULT_SECONDS = 3600;
const MIN_SECONDS = 600;
const MAX_SECONDS = 2 ** 32;
const subject = { group: "authentication.k8s.io", plural: "tokenrequests", kind: "TokenRequest" };
const bindable: Readonly<Record<string, ResourceRef<KubeObject>>> = { Pod: pods, Secret: secrets, Node: nodes };

export const tokenAction: ActionSubresource<ServiceAccount> = {
  bodySchema: "AuthenticationV1TokenRequest",
  bodyGroup: "authentication.k8s.io",
  bodyVersion: "v1",
  bodyKind: "TokenRequest",
  effect: "none",
  async apply(account, body, context) {
    const request = body as AuthenticationV1TokenRequest;
    const order = tokenOrder(account, request, context);
    if (!context.issueToken) throw internalError("this server has no key to sign service account tokens");
    const { token, expirationTimestamp, audiences } = await context.issueToken(order);
    return {
      apiVersion: "authentication.k8s.io/v1",
      kind: "TokenRequest",
      metadata: { ...request.metadata, name: account.metadata.name, namespace: account.metadata.namespace },
      spec: { ...request.spec, audiences: [...audiences], expirationSeconds: order.expirationSeconds },
      status: { token, expirationTimestamp },
    };
  },
};

function tokenOrder(
  account: ServiceAccount,
  { metadata, spec }: AuthenticationV1TokenRequest,
  context: AdmissionContext,
): TokenOrder {
  const { name, namespace = "", uid = "" } = account.metadata;
  if (metadata?.name && metadata.name !== name)
    throw badRequest("the name in URL does not match the name in TokenRequest object");
  const seconds = spec?.expirationSeconds ?? DEFAULT_SECONDS;
  const errors = validateSeconds(seconds);
  if (errors.length > 0) throw invalidObject(subject, metadata?.name ?? "", errors);
  return {
    namespace,
    serviceAccount: { name, uid },
    audiences: (spec as TokenRequestSpec | undefined)?.audiences ?? [],
    expirationSeconds: seconds,
    boundObject: spec?.boundObjectRef && boundObject(spec.boundObjectRef, account, context),
  };
}

function validateSeconds(seconds: number): FieldError[] {
  const field = "spec.expirationSeconds";
  if (seconds < MIN_SECONDS) return [invalid(field, seconds, "may not specify a duration less than 10 minutes")];
  return seconds > MAX_SECONDS ? [invalid(field, seconds, "may not specify a duration larger than 2^32 seconds")] : [];
}

function boundObject(wanted: BoundObjectReference, account: ServiceAccount, context: AdmissionContext) {
  const { kind = "", name = "", apiVersion = "v1" } = wanted;
  const ref = bindable[kind];
  if (!ref || apiVersion !== "v1") throw badRequest(`cannot bind token to object of type ${apiVersion}, Kind=${kind}`);
  const object = context.get(ref, name, ref.namespaced ? account.metadata.namespace : undefined);
  if (!object) throw notFoundError(ref, name);
  const { uid = "" } = object.metadata;
  if (wanted.uid && wanted.uid !== uid) {
    const why =
      `the UID in the bound object reference (${wanted.uid}) does not match the UID in record. ` +
      "The object might have been deleted and then recreated";
    throw conflict(ref, name, why);
  }
  if (kind === "Pod") assertRunsAs(object as Pod, account.metadata.name);
  return { kind, apiVersion, name, uid };
}

function assertRunsAs({ spec }: Pod, name: string): void {
  if (spec.serviceAccountName === name) return;
  const other = spec.serviceAccountName ?? "";
  throw badRequest(
    `cannot bind token for serviceaccount "${name}" to pod running with different serviceaccount name "${other}"`,
  );
}
