/** What a pod may say depends on the operating system it is for. https://kubernetes.io/docs/concepts/workloads/pods/#pod-os */
import { type FieldError, forbidden, notSupported, required } from "#api/field-error.js";
import type { Container, PodSpec } from "#api/generated/types.js";

const ofLinux = {
  spec: ["hostPID", "hostIPC", "shareProcessNamespace"],
  pod: [
    ...["appArmorProfile", "seLinuxOptions", "seccompProfile", "fsGroup", "fsGroupChangePolicy", "sysctls"],
    ...["supplementalGroups", "supplementalGroupsPolicy", "runAsUser", "runAsGroup"],
  ],
  container: [
    ...["appArmorProfile", "seLinuxOptions", "seccompProfile", "capabilities", "readOnlyRootFilesystem", "privileged"],
    ...["allowPrivilegeEscalation", "procMount", "runAsUser", "runAsGroup"],
  ],
} as const;
const ofWindows = ["windowsOptions"];

type Os = "linux" | "windows";
const FOREIGN: Record<Os, string> = {
  linux: "windows options cannot be set for a linux pod",
  windows: "cannot be set for a windows pod",
};

/** POSIX names, and the two ends of the real-time range with steps from both. */
const LINUX_SIGNALS = [
  ...["ABRT", "ALRM", "BUS", "CHLD", "CLD", "CONT", "FPE", "HUP", "ILL", "INT", "IO", "IOT", "KILL", "PIPE", "POLL"],
  ...["PROF", "PWR", "QUIT", "SEGV", "STKFLT", "STOP", "SYS", "TERM", "TRAP", "TSTP", "TTIN", "TTOU", "URG", "USR1"],
  ...["USR2", "VTALRM", "WINCH", "XCPU", "XFSZ", "RTMIN", "RTMAX"],
  ...Array.from({ length: 15 }, (_, i) => `RTMIN+${i + 1}`),
  ...Array.from({ length: 14 }, (_, i) => `RTMAX-${i + 1}`),
].map((name) => `SIG${name}`);
const WINDOWS_SIGNALS = ["SIGKILL", "SIGTERM"];

function fieldsSet(path: string, of: object | undefined, fields: readonly string[], os: Os): FieldError[] {
  const set = (of ?? {}) as Record<string, unknown>;
  return fields
    .filter((field) => set[field] !== undefined && set[field] !== false)
    .map((field) => forbidden(`${path}.${field}`, FOREIGN[os]));
}

function validateSignal(path: string, { lifecycle }: Container, os: string | undefined): FieldError[] {
  const signal = lifecycle?.stopSignal;
  if (signal === undefined) return [];
  const field = `${path}.lifecycle.stopSignal`;
  if (!os) return [forbidden(field, "may not be set for containers with empty `spec.os.name`")];
  const known = os === "windows" ? WINDOWS_SIGNALS : LINUX_SIGNALS;
  return known.includes(signal) ? [] : [notSupported(field, signal, known)];
}

/** @param path of the pod's spec */
export function validateOs(path: string, spec: PodSpec): FieldError[] {
  const os = spec.os?.name as Os | undefined;
  if (spec.os && !os) return [required(`${path}.os.name`)];
  if (os !== undefined && os !== "linux" && os !== "windows")
    return [notSupported(`${path}.os.name`, os, ["linux", "windows"])];
  const errors: FieldError[] = [];
  if (os === "windows") errors.push(...fieldsSet(path, spec, ofLinux.spec, os));
  if (os) {
    const pod = os === "windows" ? ofLinux.pod : ofWindows;
    errors.push(...fieldsSet(`${path}.securityContext`, spec.securityContext, pod, os));
  }
  for (const list of ["containers", "initContainers"] as const)
    spec[list]?.forEach((container, i) => {
      const at = `${path}.${list}[${i}]`;
      const own = os === "windows" ? ofLinux.container : ofWindows;
      if (os) errors.push(...fieldsSet(`${at}.securityContext`, container.securityContext, own, os));
      errors.push(...validateSignal(at, container, os));
    });
  return errors;
}
