import type { Container, Pod } from "#api/generated/types.js";
import { ContainerConfigError } from "./container-env.js";

/** What the security contexts of Pod and container say about the process's identity; the container's wins. */
export interface ContainerUser {
  /** "uid" or "uid:gid"; absent: the image's. */
  user?: string;
  groupAdd: string[];
}

/** @param imageUser the image's configured user, "" when none. @throws ContainerConfigError when it would have to be root */
export function containerUser(pod: Pod, container: Container, imageUser: string): ContainerUser {
  const own = container.securityContext;
  const shared = pod.spec.securityContext;
  const uid = own?.runAsUser ?? shared?.runAsUser;
  const gid = own?.runAsGroup ?? shared?.runAsGroup;
  if (own?.runAsNonRoot ?? shared?.runAsNonRoot) refuseRoot(pod, container, uid, imageUser);
  if (shared?.supplementalGroupsPolicy === "Strict" && gid === undefined)
    throw new ContainerConfigError(
      "supplementalGroupsPolicy Strict needs runAsGroup on this node: without it the engine adds the image's groups",
    );
  const groups = [...(shared?.supplementalGroups ?? []), ...(shared?.fsGroup === undefined ? [] : [shared.fsGroup])];
  return { user: userText(uid, gid, imageUser), groupAdd: groups.map(String) };
}

function userText(uid: number | undefined, gid: number | undefined, imageUser: string): string | undefined {
  if (uid === undefined && gid === undefined) return undefined;
  const user = uid ?? (imageUser.split(":")[0] || "0");
  return gid === undefined ? String(user) : `${user}:${gid}`;
}

function refuseRoot(pod: Pod, container: Container, uid: number | undefined, imageUser: string): void {
  const where = `(pod: "${pod.metadata.name}_${pod.metadata.namespace}(${pod.metadata.uid})", container: ${container.name})`;
  if (uid === 0) throw new ContainerConfigError(`container's runAsUser breaks non-root policy ${where}`);
  if (uid !== undefined) return;
  const name = imageUser.split(":")[0] ?? "";
  if (name === "" || name === "root" || name === "0")
    throw new ContainerConfigError(`container has runAsNonRoot and image will run as root ${where}`);
  if (!/^\d+$/.test(name))
    throw new ContainerConfigError(
      `container has runAsNonRoot and image has non-numeric user (${name}), cannot verify user is non-root ${where}`,
    );
}
