/** Advice that goes out as HTTP `Warning` headers: kubectl prints it beside the answer. */
import type { Container, PodSpec, Volume } from "#api/generated/types.js";

const NOT_YET = "is stored, but this version of Berth does not act on it yet";

/** What a later milestone will honour. Whoever implements one takes it out here. */
const notYetHonoured: readonly ((spec: PodSpec) => string | false | undefined)[] = [
  ({ resourceClaims }) => (resourceClaims?.length ?? 0) > 0 && "resourceClaims",
  ({ securityContext }) => securityContext?.windowsOptions && "securityContext.windowsOptions",
];

const servedVolumes = new Set([
  ...["configMap", "downwardAPI", "emptyDir", "ephemeral", "hostPath"],
  ...["image", "persistentVolumeClaim", "projected", "secret"],
]);
const servedSources = new Set(["clusterTrustBundle", "configMap", "downwardAPI", "secret", "serviceAccountToken"]);

/** The Pod will wait, and say so in Events; that is known already. */
function volumeWarnings(path: string, volume: Volume): string[] {
  const fields = Object.keys(volume).filter((key) => key !== "name" && !servedVolumes.has(key));
  const medium = volume.emptyDir?.medium ?? "";
  if (medium !== "" && medium !== "Memory") fields.push("emptyDir.medium");
  volume.projected?.sources?.forEach((source, i) => {
    for (const key of Object.keys(source)) if (!servedSources.has(key)) fields.push(`projected.sources[${i}].${key}`);
  });
  return fields.map((field) => `${path}.${field}: ${NOT_YET}`);
}

function containerWarnings(path: string, container: Container): string[] {
  const warnings: string[] = [];
  const names = new Set<string>();
  container.env?.forEach(({ name }, i) => {
    if (names.has(name))
      warnings.push(`${path}.env[${i}]: hides previous definition of "${name}", which may be dropped when using apply`);
    names.add(name);
  });
  if (container.volumeDevices?.length) warnings.push(`${path}.volumeDevices: ${NOT_YET}`);
  return warnings;
}

/** @param path of the spec: "spec" or "spec.template.spec" */
export function podSpecWarnings(path: string, spec: PodSpec | undefined): string[] {
  if (!spec) return [];
  const warnings: string[] = [];
  for (const field of notYetHonoured.map((check) => check(spec)))
    if (field) warnings.push(`${path}.${field}: ${NOT_YET}`);
  if ((spec.terminationGracePeriodSeconds ?? 0) < 0)
    warnings.push(
      `${path}.terminationGracePeriodSeconds: must be >= 0; negative values are invalid and will be treated as 1`,
    );
  spec.volumes?.forEach((volume, i) => {
    warnings.push(...volumeWarnings(`${path}.volumes[${i}]`, volume));
  });
  for (const list of ["initContainers", "containers"] as const)
    spec[list]?.forEach((container, i) => {
      warnings.push(...containerWarnings(`${path}.${list}[${i}]`, container));
    });
  return warnings;
}
