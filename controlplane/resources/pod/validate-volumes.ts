/** Volumes: exactly one source each, and what the sources Berth's agent knows must say. */
import { duplicate, type FieldError, forbidden, invalid, notSupported, required } from "#api/field-error.js";
import type { DownwardAPIVolumeFile, KeyToPath, ProjectedVolumeSource, Volume } from "#api/generated/types.js";
import { compareQuantities } from "#api/quantity.js";
import { dns1123Label, invalidEach } from "#api/validation/names.js";
import { validateFieldRef, validateResourceFieldRef, volumeFields } from "./validate-env.js";

const FILE_MODE_TEXT = "must be a number between 0 and 0777 (octal), both inclusive";
const ONE_TYPE = "may not specify more than 1 volume type";
const hostPathTypes = [
  "",
  "BlockDevice",
  "CharDevice",
  "Directory",
  "DirectoryOrCreate",
  "File",
  "FileOrCreate",
  "Socket",
];

const hasBackstep = (path: string) => path.split("/").includes("..");

/** A path inside a volume: relative, and going down only. */
export function validateDescendingPath(field: string, path: string): FieldError[] {
  const errors: FieldError[] = [];
  if (path.startsWith("/")) errors.push(invalid(field, path, "must be a relative path"));
  if (hasBackstep(path)) errors.push(invalid(field, path, "must not contain '..'"));
  return errors;
}

/** Where a key's file goes. Names with two leading dots belong to the kubelet's atomic writer. */
function validateFilePath(field: string, path: string | undefined): FieldError[] {
  if (!path) return [required(field)];
  const errors = validateDescendingPath(field, path);
  if (path.startsWith("..") && !path.startsWith("../")) errors.push(invalid(field, path, "must not start with '..'"));
  return errors;
}

function validateMode(field: string, mode: number | undefined): FieldError[] {
  return mode === undefined || (mode >= 0 && mode <= 0o777) ? [] : [invalid(field, mode, FILE_MODE_TEXT)];
}

function validateItems(path: string, items: readonly KeyToPath[] = []): FieldError[] {
  return items.flatMap((item, i) => {
    const at = `${path}.items[${i}]`;
    const errors = item.key ? [] : [required(`${at}.key`)];
    return [...errors, ...validateFilePath(`${at}.path`, item.path), ...validateMode(`${at}.mode`, item.mode)];
  });
}

function validateDownwardItems(path: string, items: readonly DownwardAPIVolumeFile[] = []): FieldError[] {
  return items.flatMap((item, i) => {
    const at = `${path}.items[${i}]`;
    const errors = validateFilePath(`${at}.path`, item.path);
    const { fieldRef, resourceFieldRef } = item;
    if (fieldRef) errors.push(...validateFieldRef(`${at}.fieldRef`, fieldRef, volumeFields));
    if (resourceFieldRef) errors.push(...validateResourceFieldRef(`${at}.resourceFieldRef`, resourceFieldRef, true));
    if (fieldRef && resourceFieldRef)
      errors.push(invalid(at, "resource", "fieldRef and resourceFieldRef can not be specified simultaneously"));
    if (!fieldRef && !resourceFieldRef) errors.push(required(at, "one of fieldRef and resourceFieldRef is required"));
    return [...errors, ...validateMode(`${at}.mode`, item.mode)];
  });
}

function validateProjected(path: string, volume: ProjectedVolumeSource): FieldError[] {
  const errors = validateMode(`${path}.defaultMode`, volume.defaultMode);
  volume.sources?.forEach((source, i) => {
    const at = `${path}.sources[${i}]`;
    if (Object.values(source).filter(Boolean).length > 1) errors.push(forbidden(at, ONE_TYPE));
    for (const type of ["secret", "configMap"] as const) {
      const projection = source[type];
      if (!projection) continue;
      if (!projection.name) errors.push(required(`${at}.${type}.name`));
      errors.push(...validateItems(`${at}.${type}`, projection.items));
    }
    errors.push(...validateDownwardItems(`${at}.downwardAPI`, source.downwardAPI?.items));
    const token = source.serviceAccountToken;
    if (!token) return;
    if (!token.path) errors.push(required(`${at}.serviceAccountToken.path`));
    if ((token.expirationSeconds ?? 3600) < 600)
      errors.push(
        invalid(
          `${at}.serviceAccountToken.expirationSeconds`,
          token.expirationSeconds,
          "may not specify a duration less than 10 minutes",
        ),
      );
  });
  return errors;
}

type SourceRule = (path: string, volume: Volume) => FieldError[];
const need = (field: string, value: string | undefined) => (value ? [] : [required(field)]);

/** Sources without an entry are only checked for standing alone. */
const sourceRules: Readonly<Partial<Record<keyof Volume, SourceRule>>> = {
  hostPath(path, { hostPath }) {
    const errors = need(`${path}.path`, hostPath?.path);
    if (hostPath?.path && hasBackstep(hostPath.path))
      errors.push(invalid(`${path}.path`, hostPath.path, "must not contain '..'"));
    if (!hostPathTypes.includes(hostPath?.type ?? ""))
      errors.push(notSupported(`${path}.type`, hostPath?.type, hostPathTypes));
    return errors;
  },
  emptyDir(path, { emptyDir }) {
    if (emptyDir?.sizeLimit === undefined || compareQuantities(emptyDir.sizeLimit, "0") >= 0) return [];
    return [forbidden(`${path}.sizeLimit`, "SizeLimit field must be a valid resource quantity")];
  },
  secret: (path, { secret }) => [
    ...need(`${path}.secretName`, secret?.secretName),
    ...validateMode(`${path}.defaultMode`, secret?.defaultMode),
    ...validateItems(path, secret?.items),
  ],
  configMap: (path, { configMap }) => [
    ...need(`${path}.name`, configMap?.name),
    ...validateMode(`${path}.defaultMode`, configMap?.defaultMode),
    ...validateItems(path, configMap?.items),
  ],
  downwardAPI: (path, { downwardAPI }) => [
    ...validateMode(`${path}.defaultMode`, downwardAPI?.defaultMode),
    ...validateDownwardItems(path, downwardAPI?.items),
  ],
  projected: (path, { projected }) => (projected ? validateProjected(path, projected) : []),
  persistentVolumeClaim: (path, { persistentVolumeClaim: claim }) => need(`${path}.claimName`, claim?.claimName),
  nfs(path, { nfs }) {
    const errors = [...need(`${path}.server`, nfs?.server), ...need(`${path}.path`, nfs?.path)];
    if (nfs?.path && !nfs.path.startsWith("/"))
      errors.push(invalid(`${path}.path`, nfs.path, "must be an absolute path"));
    return errors;
  },
  csi: (path, { csi }) => need(`${path}.driver`, csi?.driver),
};

function validateSource(path: string, volume: Volume): FieldError[] {
  const types = (Object.keys(volume) as (keyof Volume)[]).filter((key) => key !== "name" && volume[key] !== undefined);
  if (types.length === 0) return [required(path, "must specify a volume type")];
  return types.flatMap((type, i) =>
    i === 0 ? (sourceRules[type]?.(`${path}.${type}`, volume) ?? []) : [forbidden(`${path}.${type}`, ONE_TYPE)],
  );
}

export function validateVolumes(path: string, volumes: readonly Volume[] = []): FieldError[] {
  const names = new Set<string>();
  return volumes.flatMap((volume, i) => {
    const at = `${path}[${i}]`;
    const errors = validateSource(at, volume);
    if (!volume.name) return [...errors, required(`${at}.name`)];
    errors.push(...invalidEach(`${at}.name`, volume.name, dns1123Label(volume.name)));
    if (names.has(volume.name)) errors.push(duplicate(`${at}.name`, volume.name));
    names.add(volume.name);
    return errors;
  });
}
