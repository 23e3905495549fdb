/** Parts of one volume: each of one type, and no two of them at one path. */
import { type FieldError, forbidden, invalid, required } from "#api/field-error.js";
import type {
  ClusterTrustBundleProjection,
  ProjectedVolumeSource,
  ServiceAccountTokenProjection,
  VolumeProjection,
} from "#api/generated/types.js";
import { validateLabelSelector } from "#api/validation/labels.js";
import { validateFilePath } from "./validate-path.js";
import { validateDownwardItems, validateItems, validateMode } from "./validate-volume-files.js";

export const ONE_TYPE = "may not specify more than 1 volume type";
const MIN_SECONDS = 600;
const MAX_SECONDS = 2 ** 32;

function validateToken(path: string, { path: file, expirationSeconds = 3600 }: ServiceAccountTokenProjection) {
  const errors = validateFilePath(`${path}.path`, file);
  const field = `${path}.expirationSeconds`;
  if (expirationSeconds < MIN_SECONDS)
    errors.push(invalid(field, expirationSeconds, "may not specify a duration less than 10 minutes"));
  if (expirationSeconds > MAX_SECONDS)
    errors.push(invalid(field, expirationSeconds, "may not specify a duration larger than 2^32 seconds"));
  return errors;
}

function validateTrustBundle(path: string, bundle: ClusterTrustBundleProjection): FieldError[] {
  const errors = validateFilePath(`${path}.path`, bundle.path);
  if (bundle.name && bundle.signerName) errors.push(invalid(path, "", "only one of name and signerName may be used"));
  if (!bundle.name && !bundle.signerName) errors.push(required(path, "either name or signerName must be specified"));
  if (bundle.name && bundle.labelSelector)
    errors.push(invalid(`${path}.labelSelector`, "", "labelSelector must be unset if name is specified"));
  return [...errors, ...validateLabelSelector(`${path}.labelSelector`, bundle.labelSelector)];
}

function validateSource(path: string, source: VolumeProjection): FieldError[] {
  const errors: FieldError[] = [];
  for (const type of ["secret", "configMap"] as const) {
    const projection = source[type];
    if (!projection) continue;
    if (!projection.name) errors.push(required(`${path}.${type}.name`));
    errors.push(...validateItems(`${path}.${type}`, projection.items));
  }
  errors.push(...validateDownwardItems(`${path}.downwardAPI`, source.downwardAPI?.items));
  if (source.serviceAccountToken)
    errors.push(...validateToken(`${path}.serviceAccountToken`, source.serviceAccountToken));
  if (source.clusterTrustBundle)
    errors.push(...validateTrustBundle(`${path}.clusterTrustBundle`, source.clusterTrustBundle));
  if (Object.values(source).filter(Boolean).length > 1) errors.push(forbidden(path, ONE_TYPE));
  return errors;
}

/** What a source names itself, for the message, and the paths it says. */
function pathsOf({ secret, configMap, downwardAPI, serviceAccountToken, clusterTrustBundle }: VolumeProjection) {
  const items: { path: string }[] = [
    ...(secret?.items ?? []),
    ...(configMap?.items ?? []),
    ...(downwardAPI?.items ?? []),
    ...(serviceAccountToken ? [serviceAccountToken] : []),
    ...(clusterTrustBundle ? [clusterTrustBundle] : []),
  ];
  return { name: secret?.name ?? configMap?.name ?? "", paths: items.map(({ path }) => path).filter(Boolean) };
}

export function validateProjected(path: string, volume: ProjectedVolumeSource): FieldError[] {
  const errors = validateMode(`${path}.defaultMode`, volume.defaultMode);
  const taken = new Set<string>();
  volume.sources?.forEach((source, i) => {
    errors.push(...validateSource(`${path}.sources[${i}]`, source));
    const { name, paths } = pathsOf(source);
    for (const file of paths) {
      if (taken.has(file)) errors.push(invalid(path, name, "conflicting duplicate paths"));
      taken.add(file);
    }
  });
  return errors;
}
