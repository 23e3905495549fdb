/**
 * Bootstrap tokens `<id>.<secret>`, kept as Secrets `bootstrap-token-<id>` in kube-system, which `kubectl` can list and
 * delete. https://kubernetes.io/docs/reference/access-authn-authz/bootstrap-tokens/
 */
import { randomInt, timingSafeEqual } from "node:crypto";
import type { Secret } from "#api/generated/types.js";
import type { Draft } from "#api/object.js";
import { secrets } from "#api/refs.js";
import type { UserInfo } from "#resources/kind.js";
import type { ClusterReader } from "../cluster-reader.js";
import { authenticated, BOOTSTRAPPERS } from "./groups.js";

export const BOOTSTRAP_TOKEN_NAMESPACE = "kube-system";
export const BOOTSTRAP_TOKEN_TYPE = "bootstrap.kubernetes.io/token";
const FORM = /^([a-z0-9]{6})\.([a-z0-9]{16})$/;
const ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyz";

/** The user a token stands for; undefined when it has not the form of one, is unknown, wrong, or has expired. */
export function bootstrapUser(token: string, reader: ClusterReader, now: number): UserInfo | undefined {
  const [, id, secret] = FORM.exec(token) ?? [];
  if (!id || !secret) return undefined;
  const stored = reader.get(secrets, `bootstrap-token-${id}`, BOOTSTRAP_TOKEN_NAMESPACE);
  if (stored?.type !== BOOTSTRAP_TOKEN_TYPE || stored.metadata.deletionTimestamp) return undefined;
  const field = (name: string) => Buffer.from(stored.data?.[name] ?? "", "base64").toString("utf8");
  if (field("token-id") !== id || !sameText(field("token-secret"), secret)) return undefined;
  const expiration = field("expiration");
  // An expiration that cannot be read counts as passed.
  if (expiration && !(Date.parse(expiration) > now)) return undefined;
  if (field("usage-bootstrap-authentication") !== "true") return undefined;
  const extra = field("auth-extra-groups").split(",").filter(Boolean);
  return authenticated({ name: `system:bootstrap:${id}`, groups: [BOOTSTRAPPERS, ...extra] });
}

function sameText(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length === right.length && timingSafeEqual(left, right);
}

export function newBootstrapToken(): { id: string; secret: string } {
  const letters = (count: number) => Array.from({ length: count }, () => ALPHABET[randomInt(ALPHABET.length)]).join("");
  return { id: letters(6), secret: letters(16) };
}

/** @param expires milliseconds since the epoch; absent: never */
export function bootstrapTokenSecret(token: { id: string; secret: string }, expires?: number): Draft<Secret> {
  const values: Record<string, string> = {
    "token-id": token.id,
    "token-secret": token.secret,
    "usage-bootstrap-authentication": "true",
    description: "Made by `berth token create` to join nodes",
  };
  if (expires !== undefined) values["expiration"] = new Date(expires).toISOString().replace(/\.\d+Z$/, "Z");
  return {
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name: `bootstrap-token-${token.id}`, namespace: BOOTSTRAP_TOKEN_NAMESPACE },
    type: BOOTSTRAP_TOKEN_TYPE,
    data: Object.fromEntries(Object.entries(values).map(([k, v]) => [k, Buffer.from(v).toString("base64")])),
  };
}
