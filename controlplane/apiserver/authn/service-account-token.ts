/**
 * Service account tokens: JWTs with the issuer and claims of upstream's projected tokens, signed by the cluster's own key.
 * https://kubernetes.io/docs/reference/access-authn-authz/service-accounts-admin/
 */
import { createPrivateKey, createPublicKey, randomUUID } from "node:crypto";
import { errors, jwtVerify, SignJWT } from "jose";
import type { Pod } from "#api/generated/types.js";
import { pods, secrets, serviceAccounts } from "#api/refs.js";
import type { IssuedToken, TokenOrder, UserInfo } from "#resources/kind.js";
import type { ClusterReader } from "../cluster-reader.js";
import { authenticated, serviceAccountGroups, serviceAccountName } from "./groups.js";

const ALGORITHM = "ES256";

/** What a verified token says; whether its account and Pod still exist is asked again on every use. */
interface VerifiedToken {
  readonly namespace: string;
  readonly serviceAccount: BoundObject;
  readonly pod?: BoundObject;
  readonly secret?: BoundObject;
  readonly id?: string;
  readonly node?: { readonly name: string };
  readonly audiences: readonly string[];
  /** Milliseconds since the epoch. */
  readonly expires: number;
}

interface BoundObject {
  readonly name: string;
  readonly uid: string;
}

/** The private claim of upstream's tokens. */
interface Claims {
  readonly namespace: string;
  readonly serviceaccount: BoundObject;
  readonly pod?: BoundObject;
  readonly secret?: BoundObject;
  readonly node?: { readonly name: string };
}

export class ServiceAccountTokens {
  private readonly privateKey;
  private readonly publicKey;
  // By their text: checking a signature costs a tenth of a millisecond, and agents come often.
  private readonly verified = new Map<string, VerifiedToken>();

  constructor(
    keyPem: string,
    private readonly issuer: string,
  ) {
    this.privateKey = createPrivateKey(keyPem);
    this.publicKey = createPublicKey(this.privateKey);
  }

  /** @param nodeName where the Pod runs that the token is bound to */
  async issue(order: TokenOrder, now: number, nodeName?: string): Promise<IssuedToken> {
    const issued = Math.floor(now / 1000);
    const expires = issued + order.expirationSeconds;
    const { namespace, serviceAccount, boundObject } = order;
    const audiences = order.audiences.length > 0 ? [...order.audiences] : [this.issuer];
    const claims = {
      namespace,
      serviceaccount: serviceAccount,
      ...(boundObject && { [boundObject.kind.toLowerCase()]: { name: boundObject.name, uid: boundObject.uid } }),
      ...(nodeName && { node: { name: nodeName } }),
    };
    const token = await new SignJWT({ "kubernetes.io": claims })
      .setProtectedHeader({ alg: ALGORITHM, typ: "JWT" })
      .setIssuer(this.issuer)
      .setSubject(serviceAccountName(namespace, serviceAccount.name))
      .setAudience(audiences)
      .setIssuedAt(issued)
      .setNotBefore(issued)
      .setExpirationTime(expires)
      .setJti(randomUUID())
      .sign(this.privateKey);
    const expirationTimestamp = new Date(expires * 1000).toISOString().replace(/\.\d+Z$/, "Z");
    return { token, expirationTimestamp, audiences };
  }

  /**
   * The service account's user; undefined when the token is not valid here, or its account or Pod is gone.
   * @param audience for whom it must have been made; absent: for this server
   */
  async user(token: string, reader: ClusterReader, now: number, audience = this.issuer): Promise<UserInfo | undefined> {
    const claims = await this.verify(token, now);
    if (!claims || claims.expires <= now) return undefined;
    if (!claims.audiences.includes(audience)) return undefined;
    const account = reader.get(serviceAccounts, claims.serviceAccount.name, claims.namespace);
    if (account?.metadata.uid !== claims.serviceAccount.uid) return undefined;
    const extra: Record<string, string[]> = {};
    if (claims.id) extra["authentication.kubernetes.io/credential-id"] = [`JTI=${claims.id}`];
    if (claims.pod) {
      const pod = reader.get(pods, claims.pod.name, claims.namespace);
      if (pod?.metadata.uid !== claims.pod.uid) return undefined;
      Object.assign(extra, podExtra(pod, claims.node?.name));
    }
    if (claims.secret) {
      const secret = reader.get(secrets, claims.secret.name, claims.namespace);
      if (secret?.metadata.uid !== claims.secret.uid) return undefined;
    }
    return authenticated({
      name: serviceAccountName(claims.namespace, claims.serviceAccount.name),
      uid: claims.serviceAccount.uid,
      groups: serviceAccountGroups(claims.namespace),
      extra,
    });
  }

  private async verify(token: string, now: number): Promise<VerifiedToken | undefined> {
    const known = this.verified.get(token);
    if (known) return known;
    try {
      const options = {
        issuer: this.issuer,
        algorithms: [ALGORITHM],
        currentDate: new Date(now),
      };
      const { payload } = await jwtVerify(token, this.publicKey, options);
      const { serviceaccount, ...bound } = payload["kubernetes.io"] as Claims;
      const expires = (payload.exp ?? 0) * 1000;
      const audiences = [payload.aud ?? []].flat();
      const verified = { ...bound, serviceAccount: serviceaccount, id: payload.jti, audiences, expires };
      if (this.verified.size >= 1000) this.verified.clear();
      this.verified.set(token, verified);
      return verified;
    } catch (error) {
      if (error instanceof errors.JOSEError) return undefined;
      throw error;
    }
  }
}

function podExtra(pod: Pod, nodeName: string | undefined): Record<string, string[]> {
  return {
    ...(nodeName && { "authentication.kubernetes.io/node-name": [nodeName] }),
    "authentication.kubernetes.io/pod-name": [pod.metadata.name],
    "authentication.kubernetes.io/pod-uid": [pod.metadata.uid],
  } as Record<string, string[]>;
}
