/** https://kubernetes.io/docs/tasks/administer-cluster/sysctl-cluster/ */
import { duplicate, type FieldError, invalid, required } from "#api/field-error.js";
import type { PodSpec } from "#api/generated/types.js";

const SEGMENT = "[a-z0-9]([-_a-z0-9]*[a-z0-9])?";
const NAME = `(${SEGMENT}[\\./])*${SEGMENT}`;
const MAX_LENGTH = 253;

/** Which sysctls are safe is the node's to say; here they are looked at as names, and against what the Pod shares with its host. */
export function validateSysctls(path: string, { securityContext, hostNetwork, hostIPC }: PodSpec): FieldError[] {
  const names = new Set<string>();
  return (securityContext?.sysctls ?? []).flatMap(({ name }, i) => {
    const field = `${path}[${i}].name`;
    if (!name) return [required(field)];
    const errors: FieldError[] = [];
    if (names.has(name)) errors.push(duplicate(field, name));
    names.add(name);
    if (name.length > MAX_LENGTH || !new RegExp(`^${NAME}$`).test(name))
      return [...errors, invalid(field, name, `must have at most ${MAX_LENGTH} characters and match regex ^${NAME}$`)];
    const dotted = name.replaceAll("/", ".");
    if (hostNetwork && dotted.startsWith("net."))
      errors.push(invalid(field, name, "may not be specified when 'hostNetwork' is true"));
    if (hostIPC && /^(kernel\.(shm|msg|sem)|fs\.mqueue\.)/.test(dotted))
      errors.push(invalid(field, name, "may not be specified when 'hostIPC' is true"));
    return errors;
  });
}
