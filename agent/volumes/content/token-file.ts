import type { Container, Pod, ServiceAccountTokenProjection } from "#api/generated/types.js";
import type { VolumeContext } from "../plugin.js";
import type { Content } from "./content.js";

/**
 * A token of the Pod's service account. It is for the one user that all containers run as, or for the Pod's fsGroup,
 * where there is such a one; else for all.
 */
export async function tokenFile(
  projection: ServiceAccountTokenProjection,
  defaultMode: number,
  context: VolumeContext,
): Promise<Content> {
  const data = Buffer.from(await context.token(projection));
  const owner = onlyUser(context.pod);
  const narrow = owner !== undefined || context.pod.spec.securityContext?.fsGroup !== undefined;
  return { files: new Map([[projection.path, { data, mode: narrow ? 0o600 : defaultMode, owner }]]), settled: false };
}

/** The user id that the Pod says all its containers run as. */
function onlyUser({ spec }: Pod): number | undefined {
  const userOf = ({ securityContext }: Container) => securityContext?.runAsUser ?? spec.securityContext?.runAsUser;
  const users = new Set([...spec.containers, ...(spec.initContainers ?? [])].map(userOf));
  return users.size === 1 ? [...users][0] : undefined;
}
