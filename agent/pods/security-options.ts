/** What a security context asks of the kernel's security modules, in the engine's words. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { AppArmorProfile, Container, Pod, SELinuxOptions, SeccompProfile } from "#api/generated/types.js";
import { ContainerConfigError } from "./container-env.js";

/**
 * The container's own settings win over the Pod's. Nothing said means the engine's defaults, which are what RuntimeDefault
 * means.
 * @param profiles the folder of the node's own seccomp profiles
 * @throws ContainerConfigError for a profile that is not there or no JSON
 */
export async function securityOptions(
  pod: Pod,
  { securityContext: own }: Container,
  profiles: string,
): Promise<string[]> {
  const shared = pod.spec.securityContext;
  return [
    ...(own?.allowPrivilegeEscalation === false ? ["no-new-privileges"] : []),
    ...(await seccomp(own?.seccompProfile ?? shared?.seccompProfile, profiles)),
    ...appArmor(own?.appArmorProfile ?? shared?.appArmorProfile),
    ...seLinux(own?.seLinuxOptions ?? shared?.seLinuxOptions),
  ];
}

/** The engine takes a profile's text, not its path: it may run elsewhere. https://kubernetes.io/docs/tutorials/security/seccomp/ */
async function seccomp(profile: SeccompProfile | undefined, profiles: string): Promise<string[]> {
  if (profile?.type === "Unconfined") return ["seccomp=unconfined"];
  if (profile?.type !== "Localhost") return [];
  const path = join(profiles, profile.localhostProfile ?? "");
  try {
    return [`seccomp=${JSON.stringify(JSON.parse(await readFile(path, "utf8")))}`];
  } catch (error) {
    throw new ContainerConfigError(`cannot load seccomp profile "${path}": ${(error as Error).message}`);
  }
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
