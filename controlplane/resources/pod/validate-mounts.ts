/** Where a container sees the pod's volumes. */
import { type FieldError, forbidden, invalid, notFound, notSupported, required } from "#api/field-error.js";
import type { Container, Volume, VolumeMount } from "#api/generated/types.js";
import { hasBackstep, validateDescendingPath } from "./validate-path.js";

const propagations = ["Bidirectional", "HostToContainer", "None"];

function validatePropagation(field: string, mount: VolumeMount, container: Container): FieldError[] {
  const mode = mount.mountPropagation;
  if (mode === undefined) return [];
  if (!propagations.includes(mode)) return [notSupported(field, mode, propagations)];
  if (mode !== "Bidirectional" || container.securityContext?.privileged) return [];
  return [forbidden(field, "Bidirectional mount propagation is available only to privileged containers")];
}

const recursions = ["Disabled", "Enabled", "IfPossible"];

function validateRecursion(
  field: string,
  { recursiveReadOnly, readOnly, mountPropagation }: VolumeMount,
): FieldError[] {
  if (recursiveReadOnly === undefined || recursiveReadOnly === "Disabled") return [];
  if (!recursions.includes(recursiveReadOnly)) return [notSupported(field, recursiveReadOnly, recursions)];
  const errors = readOnly ? [] : [forbidden(field, "may only be specified when readOnly is true")];
  if ((mountPropagation ?? "None") !== "None")
    errors.push(forbidden(field, "may only be specified when mountPropagation is None or not specified"));
  return errors;
}

const hasVolume = (volumes: readonly Volume[], name: string) => volumes.some((volume) => volume.name === name);

/** Claims a container has as raw devices. https://kubernetes.io/docs/concepts/storage/persistent-volumes/#raw-block-volume-support */
export function validateDevices(path: string, container: Container, volumes: readonly Volume[]): FieldError[] {
  const errors: FieldError[] = [];
  const [names, paths] = [new Set<string>(), new Set<string>()];
  container.volumeDevices?.forEach(({ name, devicePath }, i) => {
    const at = `${path}[${i}]`;
    if (!name) errors.push(required(`${at}.name`));
    if (names.has(name)) errors.push(invalid(`${at}.name`, name, "must be unique"));
    names.add(name);
    if (!hasVolume(volumes, name)) errors.push(notFound(`${at}.name`, name ?? ""));
    else if (!volumes.some((v) => v.name === name && (v.persistentVolumeClaim || v.ephemeral)))
      errors.push(
        invalid(
          `${at}.name`,
          name,
          "can only use volume source type of PersistentVolumeClaim or Ephemeral for block mode",
        ),
      );
    const field = `${at}.devicePath`;
    if (!devicePath) errors.push(required(field));
    else if (hasBackstep(devicePath)) errors.push(invalid(field, devicePath, "can not contain backsteps ('..')"));
    if (paths.has(devicePath)) errors.push(invalid(field, devicePath, "must be unique"));
    paths.add(devicePath);
    if (container.volumeMounts?.some((mount) => mount.name === name))
      errors.push(invalid(`${at}.name`, name, "must not already exist in volumeMounts"));
  });
  return errors;
}

export function validateMounts(path: string, container: Container, volumes: readonly Volume[]): FieldError[] {
  const errors: FieldError[] = [];
  const mountPaths = new Set<string>();
  container.volumeMounts?.forEach((mount, i) => {
    const at = `${path}[${i}]`;
    if (!mount.name) errors.push(required(`${at}.name`));
    if (!hasVolume(volumes, mount.name)) errors.push(notFound(`${at}.name`, mount.name ?? ""));
    if (!mount.mountPath) errors.push(required(`${at}.mountPath`));
    if (mountPaths.has(mount.mountPath)) errors.push(invalid(`${at}.mountPath`, mount.mountPath, "must be unique"));
    mountPaths.add(mount.mountPath);
    if (mount.subPath) errors.push(...validateDescendingPath(`${at}.subPath`, mount.subPath));
    if (mount.subPathExpr) {
      const field = `${at}.subPathExpr`;
      if (mount.subPath)
        errors.push(invalid(field, mount.subPathExpr, "subPathExpr and subPath are mutually exclusive"));
      errors.push(...validateDescendingPath(field, mount.subPathExpr));
    }
    errors.push(...validatePropagation(`${at}.mountPropagation`, mount, container));
    errors.push(...validateRecursion(`${at}.recursiveReadOnly`, mount));
  });
  return errors;
}
