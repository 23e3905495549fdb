/** Volumes: exactly one source each, and what the sources Berth's agent knows must say. */
import { duplicate, type FieldError, forbidden, invalid, required } from "#api/field-error.js";
import type { Volume } from "#api/generated/types.js";
import { compareQuantities } from "#api/quantity.js";
import { dns1123Label, invalidEach } from "#api/validation/names.js";
import { driverName, need, oneOf } from "../field-rules.js";
import { validateEphemeral } from "./validate-ephemeral-volume.js";
import { validateHostPath } from "./validate-host-path.js";
import { ONE_TYPE, validateProjected } from "./validate-projected.js";
import { validateDownwardItems, validateItems, validateMode } from "./validate-volume-files.js";

type SourceRule = (path: string, volume: Volume) => FieldError[];

/** Sources without an entry are only checked for standing alone. */
const sourceRules: Readonly<Partial<Record<keyof Volume, SourceRule>>> = {
  hostPath: (path, { hostPath }) => validateHostPath(path, hostPath),
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
  ephemeral: (path, { ephemeral }) => validateEphemeral(path, ephemeral),
  persistentVolumeClaim: (path, { persistentVolumeClaim: claim }) => need(`${path}.claimName`, claim?.claimName),
  nfs(path, { nfs }) {
    const errors = [...need(`${path}.server`, nfs?.server), ...need(`${path}.path`, nfs?.path)];
    if (nfs?.path && !nfs.path.startsWith("/"))
      errors.push(invalid(`${path}.path`, nfs.path, "must be an absolute path"));
    return errors;
  },
  image: (path, { image }) => [
    ...need(`${path}.reference`, image?.reference),
    ...oneOf(`${path}.pullPolicy`, image?.pullPolicy, ["Always", "IfNotPresent", "Never"]),
  ],
  csi(path, { csi }) {
    const { driver, nodePublishSecretRef: secret } = csi ?? {};
    const errors = driverName(`${path}.driver`, driver);
    return secret ? [...errors, ...need(`${path}.nodePublishSecretRef.name`, secret.name)] : errors;
  },
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
