/** What a security context asks of the kernel's security modules, in the engine's words. */
import type { AppArmorProfile, Container, Pod, SELinuxOptions } from "#api/generated/types.js";
import { ContainerConfigError } from "./container-env.js";

/**
 * The container's own settings win over the Pod's. Nothing said means the engine's defaults, which are what RuntimeDefault
 * means. @throws ContainerConfigError for a seccomp profile from a file of the node
 */
export function securityOptions(pod: Pod, { securityContext: own, name }: Container): string[] {
  const shared = pod.spec.securityContext;
  const seccomp = own?.seccompProfile ?? shared?.seccompProfile;
  if (seccomp?.type === "Localhost")
    throw new ContainerConfigError(
      `container ${name}: securityContext.seccompProfile of type Localhost (${seccomp.localhostProfile}) is not supported`,
    );
  return [
    ...(own?.allowPrivilegeEscalation === false ? ["no-new-privileges"] : []),
    ...(seccomp?.type === "Unconfined" ? ["seccomp=unconfined"] : []),
    ...appArmor(own?.appArmorProfile ?? shared?.appArmorProfile),
    ...seLinux(own?.seLinuxOptions ?? shared?.seLinuxOptions),
  ];
}

function appArmor(profile: AppArmorProfile | undefined): string[] {
  if (profile?.type === "Unconfined") return ["apparmor=unconfined"];
  return profile?.type === "Localhost" ? [`apparmor=${profile.localhostProfile}`] : [];
}

function seLinux(options: SELinuxOptions | undefined): string[] {
  return (["user", "role", "type", "level"] as const).flatMap((part) =>
    options?.[part] ? [`label=${part}:${options[part]}`] : [],
  );
}
