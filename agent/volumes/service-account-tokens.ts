import { createHash } from "node:crypto";
import type { AuthenticationV1TokenRequest, Pod, ServiceAccountTokenProjection } from "#api/generated/types.js";
import { serviceAccounts } from "#api/refs.js";
import type { Client } from "#client/client.js";
import type { Clock } from "#client/clock.js";

interface Entry {
  token: string;
  asked: Moment;
  /** Milliseconds after which it is replaced, and has ended. */
  renewAfter: number;
  lifetime: number;
}

/**
 * On both clocks: one may be set back, the other stands still while the machine is suspended. What either says is over is
 * over: renewing a token too soon costs nothing.
 */
interface Moment {
  now: number;
  monotonic: number;
}

/** Part of its life after which a token is replaced; none is used for longer than a day. */
const RENEW_AFTER = 0.8;
const LONGEST = 24 * 3_600_000;
const DEFAULT_SECONDS = 3_600;

/**
 * Tokens of the service accounts that Pods run as, asked of the API server and held in memory only. Each is bound to its
 * Pod, and ends with it.
 * https://kubernetes.io/docs/tasks/configure-pod-container/configure-service-account/#serviceaccount-token-volume-projection
 */
export class ServiceAccountTokens {
  readonly #entries = new Map<string, Map<string, Entry>>();

  constructor(
    private readonly client: Client,
    private readonly clock: Pick<Clock, "now" | "monotonic">,
  ) {}

  /** The same token until it has to be renewed; then a new one, or the old one for as long as none is to be had. */
  async tokenFor(pod: Pod, { audience, expirationSeconds }: ServiceAccountTokenProjection): Promise<string> {
    const seconds = expirationSeconds ?? DEFAULT_SECONDS;
    const key = JSON.stringify([audience ?? "", seconds]);
    const known = this.#entries.get(pod.metadata.uid)?.get(key);
    if (known && this.#since(known.asked) < known.renewAfter) return known.token;
    try {
      const fresh = await this.#request(pod, audience, seconds);
      const ofPod = this.#entries.get(pod.metadata.uid) ?? new Map<string, Entry>();
      this.#entries.set(pod.metadata.uid, ofPod.set(key, fresh));
      return fresh.token;
    } catch (error) {
      if (known && this.#since(known.asked) < known.lifetime) return known.token;
      throw new Error(`failed to fetch token: ${(error as Error).message}`, { cause: error });
    }
  }

  #since(then: Moment): number {
    return Math.max(this.clock.now() - then.now, this.clock.monotonic() - then.monotonic);
  }

  forget(podUid: string): void {
    this.#entries.delete(podUid);
  }

  async #request({ metadata, spec }: Pod, audience: string | undefined, seconds: number): Promise<Entry> {
    const { name, uid, namespace = "" } = metadata;
    const body = {
      apiVersion: "authentication.k8s.io/v1",
      kind: "TokenRequest",
      spec: {
        audiences: audience ? [audience] : [],
        expirationSeconds: seconds,
        boundObjectRef: { apiVersion: "v1", kind: "Pod", name, uid },
      },
    };
    const asked = { now: this.clock.now(), monotonic: this.clock.monotonic() };
    const account = spec.serviceAccountName || "default";
    const { status } = await this.client.createSubresource<AuthenticationV1TokenRequest>(
      serviceAccounts,
      account,
      namespace,
      "token",
      body,
    );
    if (!status) throw new Error("the API server sent none");
    // By our own clock: the server's may differ, the length of the token's life does not.
    const renewAfter = Math.min(seconds * 1_000 * RENEW_AFTER, LONGEST) * spread(uid);
    return { token: status.token, asked, renewAfter, lifetime: seconds * 1_000 };
  }
}

/** 0.9 to 1, the same for one Pod: Pods that start together do not renew together. */
function spread(uid: string): number {
  return 0.9 + (createHash("sha1").update(uid).digest().readUInt16BE() / 0xffff) * 0.1;
}
