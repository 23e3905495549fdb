/** Security contexts of pods and containers. */
import { type FieldError, forbidden, invalid, notSupported, required } from "#api/field-error.js";
import type { AppArmorProfile, PodSpec, SeccompProfile, SecurityContext } from "#api/generated/types.js";
import { invalidEach } from "#api/validation/names.js";
import { userId } from "#api/validation/network.js";
import { validateDescendingPath } from "./validate-path.js";
import { validateSysctls } from "./validate-sysctls.js";

const validateId = (field: string, id: number | undefined) =>
  id === undefined ? [] : invalidEach(field, id, userId(id));

function validateSeccomp(path: string, profile: SeccompProfile | undefined): FieldError[] {
  if (!profile) return [];
  const types = ["Localhost", "RuntimeDefault", "Unconfined"];
  if (!types.includes(profile.type)) return [notSupported(`${path}.type`, profile.type ?? "", types)];
  if (profile.type === "Localhost")
    return profile.localhostProfile
      ? validateDescendingPath(`${path}.localhostProfile`, profile.localhostProfile)
      : [required(`${path}.localhostProfile`, "must be set when seccomp type is Localhost")];
  if (profile.localhostProfile === undefined) return [];
  return [
    invalid(`${path}.localhostProfile`, profile.localhostProfile, "can only be set when seccomp type is Localhost"),
  ];
}

function validateAppArmor(path: string, profile: AppArmorProfile | undefined): FieldError[] {
  if (!profile) return [];
  const { type, localhostProfile: name } = profile;
  const types = ["Localhost", "RuntimeDefault", "Unconfined"];
  if (!type) return [required(`${path}.type`, "type is required when appArmorProfile is set")];
  if (!types.includes(type)) return [notSupported(`${path}.type`, type, types)];
  const field = `${path}.localhostProfile`;
  if (type !== "Localhost")
    return name === undefined ? [] : [invalid(field, name, "can only be set when AppArmor type is Localhost")];
  if (name !== name?.trim()) return [invalid(field, name, "must not be padded with whitespace")];
  return name ? [] : [required(field, "must be set when AppArmor type is Localhost")];
}

/** @param hostUsers false: the container has users of its own */
export function validateSecurityContext(
  path: string,
  context: SecurityContext,
  hostUsers: boolean | undefined,
): FieldError[] {
  const errors = [
    ...validateId(`${path}.runAsUser`, context.runAsUser),
    ...validateId(`${path}.runAsGroup`, context.runAsGroup),
    ...validateSeccomp(`${path}.seccompProfile`, context.seccompProfile),
    ...validateAppArmor(`${path}.appArmorProfile`, context.appArmorProfile),
  ];
  const { procMount } = context;
  if (procMount !== undefined && procMount !== "Default" && procMount !== "Unmasked")
    errors.push(notSupported(`${path}.procMount`, procMount, ["Default", "Unmasked"]));
  if (procMount === "Unmasked" && hostUsers !== false)
    errors.push(invalid(`${path}.procMount`, procMount, "`hostUsers` must be false to use `Unmasked`"));
  if (context.allowPrivilegeEscalation !== false) return errors;
  if (context.privileged)
    errors.push(invalid(path, context, "cannot set `allowPrivilegeEscalation` to false and `privileged` to true"));
  if (context.capabilities?.add?.includes("CAP_SYS_ADMIN"))
    errors.push(
      invalid(path, context, "cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN"),
    );
  return errors;
}

/** Host ports of a pod on the host's network are its container ports: there is no translation in between. */
function validateHostNetworkPorts(path: string, spec: PodSpec): FieldError[] {
  if (!spec.hostNetwork) return [];
  const check = (list: "containers" | "initContainers") =>
    (spec[list] ?? []).flatMap((container, i) =>
      (container.ports ?? []).flatMap(({ hostPort, containerPort }, j) =>
        !hostPort || hostPort === containerPort
          ? []
          : [
              invalid(
                `${path}.${list}[${i}].ports[${j}].containerPort`,
                containerPort,
                "must match `hostPort` when `hostNetwork` is true",
              ),
            ],
      ),
    );
  return [...check("containers"), ...check("initContainers")];
}

/** Users of its own and the host's namespaces do not go together. */
function validateHostUsers(path: string, spec: PodSpec): FieldError[] {
  if (spec.hostUsers !== false) return [];
  const shared = { hostNetwork: spec.hostNetwork, HostPID: spec.hostPID, HostIPC: spec.hostIPC };
  return Object.entries(shared)
    .filter(([, set]) => set)
    .map(([name]) => forbidden(`${path}.${name}`, "when `pod.Spec.HostUsers` is false"));
}

export function validatePodSecurity(path: string, spec: PodSpec): FieldError[] {
  const errors = validateHostNetworkPorts(path, spec);
  const context = spec.securityContext;
  const at = `${path}.securityContext`;
  if (spec.shareProcessNamespace && spec.hostPID)
    errors.push(
      invalid(
        `${path}.shareProcessNamespace`,
        spec.shareProcessNamespace,
        "ShareProcessNamespace and HostPID cannot both be enabled",
      ),
    );
  errors.push(...validateHostUsers(at, spec));
  if (!context) return errors;
  errors.push(...validateId(`${at}.fsGroup`, context.fsGroup), ...validateId(`${at}.runAsUser`, context.runAsUser));
  errors.push(...validateId(`${at}.runAsGroup`, context.runAsGroup));
  context.supplementalGroups?.forEach((id, i) => {
    errors.push(...validateId(`${at}.supplementalGroups[${i}]`, id));
  });
  const policies = ["Always", "OnRootMismatch"];
  if (context.fsGroupChangePolicy !== undefined && !policies.includes(context.fsGroupChangePolicy))
    errors.push(notSupported(`${at}.fsGroupChangePolicy`, context.fsGroupChangePolicy, policies));
  const groupPolicies = ["Merge", "Strict"];
  if (context.supplementalGroupsPolicy !== undefined && !groupPolicies.includes(context.supplementalGroupsPolicy))
    errors.push(notSupported(`${at}.supplementalGroupsPolicy`, context.supplementalGroupsPolicy, groupPolicies));
  errors.push(...validateSysctls(`${at}.sysctls`, spec));
  errors.push(...validateAppArmor(`${at}.appArmorProfile`, context.appArmorProfile));
  return [...errors, ...validateSeccomp(`${at}.seccompProfile`, context.seccompProfile)];
}
