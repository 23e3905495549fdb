/** Which keys each built-in type of Secret must have. https://kubernetes.io/docs/concepts/configuration/secret/#secret-types */
import { type FieldError, invalid, required } from "#api/field-error.js";
import type { Secret } from "#api/generated/types.js";

type Rule = (secret: Secret) => FieldError[];

const has = ({ data }: Secret, key: string) => data?.[key] !== undefined;
const need = (secret: Secret, ...keys: string[]) =>
  keys.filter((key) => !has(secret, key)).map((key) => required(`data[${key}]`));

/** The value is never quoted: it is a secret. */
function needJson(secret: Secret, key: string): FieldError[] {
  const text = secret.data?.[key];
  if (text === undefined) return need(secret, key);
  const problem = [invalid(`data[${key}]`, "<secret contents redacted>", "must be a JSON object")];
  try {
    const value: unknown = JSON.parse(Buffer.from(text, "base64").toString());
    return typeof value === "object" && value !== null && !Array.isArray(value) ? [] : problem;
  } catch {
    return problem;
  }
}

const rules: Readonly<Record<string, Rule>> = {
  "kubernetes.io/service-account-token"({ metadata }) {
    const key = "kubernetes.io/service-account.name";
    return metadata.annotations?.[key] ? [] : [required(`metadata.annotations[${key}]`)];
  },
  "kubernetes.io/dockercfg": (secret) => needJson(secret, ".dockercfg"),
  "kubernetes.io/dockerconfigjson": (secret) => needJson(secret, ".dockerconfigjson"),
  "kubernetes.io/basic-auth": (secret) =>
    has(secret, "username") || has(secret, "password") ? [] : need(secret, "username", "password"),
  "kubernetes.io/ssh-auth": (secret) => (secret.data?.["ssh-privatekey"] ? [] : [required("data[ssh-privatekey]")]),
  "kubernetes.io/tls": (secret) => need(secret, "tls.crt", "tls.key"),
};

export const requiredBySecretType: Rule = (secret) => rules[secret.type ?? ""]?.(secret) ?? [];
