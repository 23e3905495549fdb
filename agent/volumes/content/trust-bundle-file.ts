import type { ClusterTrustBundleProjection, V1beta1ClusterTrustBundle } from "#api/generated/types.js";
import { clusterTrustBundles } from "#api/refs.js";
import { formatLabelSelector } from "#api/selectors.js";
import { type VolumeContext, VolumeError } from "../plugin.js";
import type { Content } from "./content.js";

/** Certificates of a ClusterTrustBundle, or of all that a signer and labels select, each once, in a steady order. */
export async function trustBundleFile(
  projection: ClusterTrustBundleProjection,
  mode: number,
  context: VolumeContext,
): Promise<Content> {
  const bundles = await selected(projection, context);
  const certificates = bundles.flatMap(({ spec }) => spec.trustBundle.match(CERTIFICATE) ?? []);
  if (certificates.length === 0 && !projection.optional)
    throw new VolumeError(`no ClusterTrustBundle is ${wanted(projection)}`);
  const data = Buffer.from(
    [...new Set(certificates)]
      .sort()
      .map((pem) => `${pem}\n`)
      .join(""),
  );
  return { files: new Map([[projection.path, { data, mode }]]), settled: false };
}

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g;

async function selected(
  { name, signerName, labelSelector }: ClusterTrustBundleProjection,
  { get, list }: VolumeContext,
): Promise<readonly V1beta1ClusterTrustBundle[]> {
  if (name) {
    const found = await get(clusterTrustBundles, name);
    return found ? [found] : [];
  }
  // Without a selector none is meant; an empty one means all.
  if (!labelSelector) return [];
  const query = { fieldSelector: `spec.signerName=${signerName ?? ""}` };
  return list(clusterTrustBundles, { ...query, labelSelector: formatLabelSelector(labelSelector) });
}

function wanted({ name, signerName }: ClusterTrustBundleProjection): string {
  return name ? `called "${name}"` : `selected for signer "${signerName ?? ""}"`;
}
