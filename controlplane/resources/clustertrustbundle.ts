import { X509Certificate } from "node:crypto";
import { type FieldError, invalid, required } from "#api/field-error.js";
import type { V1beta1ClusterTrustBundle } from "#api/generated/types.js";
import { clusterTrustBundles } from "#api/refs.js";
import { ageColumn, nameColumn } from "./columns.js";
import { immutable } from "./field-rules.js";
import type { Kind } from "./kind.js";

const BUNDLE = "spec.trustBundle";

/** https://kubernetes.io/docs/reference/access-authn-authz/certificate-signing-requests/#cluster-trust-bundles */
export const clusterTrustBundle: Kind<V1beta1ClusterTrustBundle> = {
  ...clusterTrustBundles,
  singular: "clustertrustbundle",
  schema: "V1beta1ClusterTrustBundle",
  nameRule: "path-segment",
  columns: [
    nameColumn,
    { name: "SignerName", type: "string", description: "Whose certificates.", value: ({ spec }) => spec.signerName },
    ageColumn,
  ],
  selectableFields: ({ spec }) => ({ "spec.signerName": spec.signerName ?? "" }),
  validate: ({ metadata, spec }) => [
    ...validateName(metadata.name, spec.signerName ?? ""),
    ...validateBundle(spec.trustBundle),
  ],
  validateUpdate: ({ spec }, old) => immutable("spec.signerName", spec.signerName, old.spec.signerName),
};

/** A bundle of a signer says so in its name. */
function validateName(name: string, signer: string): FieldError[] {
  const prefix = `${signer.replaceAll("/", ":")}:`;
  if (signer && !name.startsWith(prefix))
    return [
      invalid("metadata.name", name, `ClusterTrustBundle for signerName ${signer} must be named with prefix ${prefix}`),
    ];
  if (!signer && name.includes(":"))
    return [invalid("metadata.name", name, 'ClusterTrustBundle without signer name must not have ":" in its name')];
  return [];
}

function validateBundle(text = ""): FieldError[] {
  if (text === "") return [required(BUNDLE)];
  const blocks = text.match(/-----BEGIN [^-]+-----[^-]*-----END [^-]+-----/g) ?? [];
  const problem = (why: string) => [invalid(BUNDLE, "<value omitted>", why)];
  if (blocks.length === 0) return problem("at least one trust anchor must be provided");
  const seen = new Set<string>();
  for (const [i, block] of blocks.entries()) {
    const certificate = parse(block);
    if (!certificate) return problem(`entry ${i} does not parse as X.509`);
    if (!certificate.ca) return problem(`entry ${i} does not have the CA bit set`);
    if (seen.has(certificate.fingerprint256)) return problem("the same trust anchor is there twice");
    seen.add(certificate.fingerprint256);
  }
  return [];
}

function parse(pem: string): X509Certificate | undefined {
  try {
    return new X509Certificate(pem);
  } catch {
    return undefined;
  }
}
