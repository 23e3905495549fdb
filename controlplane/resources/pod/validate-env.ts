/** Environment variables and what they may be taken from. */
import { type FieldError, invalid, notFound, notSupported, required } from "#api/field-error.js";
import type {
  EnvFromSource,
  EnvVar,
  FileKeySelector,
  ObjectFieldSelector,
  ResourceFieldSelector,
  Volume,
} from "#api/generated/types.js";
import { configMapKey, dns1123Subdomain, envVarName, invalidEach, qualifiedName } from "#api/validation/names.js";
import { validateDescendingPath } from "./validate-path.js";

/** Fields of the pod an environment variable may show. */
export const envFields = [
  "metadata.name",
  "metadata.namespace",
  "metadata.uid",
  "spec.nodeName",
  "spec.serviceAccountName",
  "status.hostIP",
  "status.hostIPs",
  "status.podIP",
  "status.podIPs",
];

/** Fields of the pod a file may show. */
export const volumeFields = [
  "metadata.annotations",
  "metadata.labels",
  "metadata.name",
  "metadata.namespace",
  "metadata.uid",
];

const knownFields = new Set([
  ...envFields,
  ...volumeFields,
  "spec.restartPolicy",
  "spec.schedulerName",
  "status.phase",
]);

const resourceFields = ["cpu", "ephemeral-storage", "memory"]
  .flatMap((name) => [`limits.${name}`, `requests.${name}`])
  .sort();
const byteDivisors = ["1", "1k", "1M", "1G", "1T", "1P", "1E", "1Ki", "1Mi", "1Gi", "1Ti", "1Pi", "1Ei"];
const divisors: Readonly<Record<string, { values: readonly string[]; text: string }>> = {
  cpu: { values: ["1m", "1"], text: "only divisor's values 1m and 1 are supported with the cpu resource" },
  memory: {
    values: byteDivisors,
    text: `only divisor's values ${byteDivisors.join(", ")} are supported with the memory resource`,
  },
  "ephemeral-storage": {
    values: byteDivisors,
    text: `only divisor's values ${byteDivisors.join(", ")} are supported with the local ephemeral storage resource`,
  },
};

export function validateFieldRef(path: string, ref: ObjectFieldSelector, allowed: readonly string[]): FieldError[] {
  if (!ref.apiVersion) return [required(`${path}.apiVersion`)];
  if (!ref.fieldPath) return [required(`${path}.fieldPath`)];
  const subscripted = /^(.+)\['([^']*)'\]$/.exec(ref.fieldPath);
  if (subscripted) {
    const [, field, key] = subscripted as unknown as [string, string, string];
    if (field === "metadata.annotations") return invalidEach(path, key, qualifiedName(key.toLowerCase()));
    if (field === "metadata.labels") return invalidEach(path, key, qualifiedName(key));
    return [invalid(path, field, "does not support subscript")];
  }
  if (allowed.includes(ref.fieldPath)) return [];
  if (knownFields.has(ref.fieldPath)) return [notSupported(`${path}.fieldPath`, ref.fieldPath, allowed)];
  const text = `error converting fieldPath: field label not supported: ${ref.fieldPath}`;
  return [invalid(`${path}.fieldPath`, ref.fieldPath, text)];
}

/** @param ofVolume a volume's file must say which container it speaks of */
export function validateResourceFieldRef(path: string, ref: ResourceFieldSelector, ofVolume: boolean): FieldError[] {
  if (ofVolume && !ref.containerName) return [required(`${path}.containerName`)];
  if (!ref.resource) return [required(`${path}.resource`)];
  if (/^(limits|requests)\.hugepages-/.test(ref.resource)) return [];
  if (!resourceFields.includes(ref.resource)) return [notSupported(`${path}.resource`, ref.resource, resourceFields)];
  const rule = divisors[ref.resource.slice(ref.resource.indexOf(".") + 1)];
  const divisor = ref.divisor ?? "0";
  if (!rule || divisor === "0" || rule.values.includes(divisor)) return [];
  return [invalid(`${path}.divisor`, divisor, rule.text)];
}

function validateKeyRef(path: string, ref: { name?: string; key: string }): FieldError[] {
  const errors = invalidEach(`${path}.name`, ref.name ?? "", dns1123Subdomain(ref.name ?? ""));
  if (!ref.key) return [...errors, required(`${path}.key`)];
  return [...errors, ...invalidEach(`${path}.key`, ref.key, configMapKey(ref.key))];
}

function validateFileKeyRef(path: string, ref: FileKeySelector, volumes: readonly Volume[]): FieldError[] {
  const { key, volumeName, path: file } = ref;
  const errors = key ? invalidEach(`${path}.key`, key, envVarName(key)) : [required(`${path}.key`)];
  const volume = volumes.find(({ name }) => name === volumeName);
  if (!volumeName) errors.push(required(`${path}.volumeName`));
  else if (!volume) errors.push(notFound(`${path}.volumeName`, volumeName));
  else if (!volume.emptyDir)
    errors.push(invalid(`${path}.volumeName`, volumeName, "referenced volume must be of type emptyDir"));
  if (!file) return [...errors, required(`${path}.path`)];
  return [...errors, ...validateDescendingPath(`${path}.path`, file)];
}

function validateValueFrom(path: string, variable: EnvVar, volumes: readonly Volume[]): FieldError[] {
  const { valueFrom: source = {}, value } = variable;
  const errors: FieldError[] = [];
  const { fieldRef, resourceFieldRef, configMapKeyRef, secretKeyRef, fileKeyRef } = source;
  if (fieldRef) errors.push(...validateFieldRef(`${path}.fieldRef`, fieldRef, envFields));
  if (resourceFieldRef) errors.push(...validateResourceFieldRef(`${path}.resourceFieldRef`, resourceFieldRef, false));
  if (configMapKeyRef) errors.push(...validateKeyRef(`${path}.configMapKeyRef`, configMapKeyRef));
  if (secretKeyRef) errors.push(...validateKeyRef(`${path}.secretKeyRef`, secretKeyRef));
  if (fileKeyRef) errors.push(...validateFileKeyRef(`${path}.fileKeyRef`, fileKeyRef, volumes));
  const given = [fieldRef, resourceFieldRef, configMapKeyRef, secretKeyRef, fileKeyRef].filter(Boolean).length;
  if (given === 0) {
    const text = "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef` or `secretKeyRef`";
    errors.push(invalid(path, "", text));
  } else if (value) errors.push(invalid(path, "", "may not be specified when `value` is not empty"));
  else if (given > 1) errors.push(invalid(path, "", "may not have more than one field specified at a time"));
  return errors;
}

/** @param volumes of the Pod */
export function validateEnv(path: string, env: readonly EnvVar[], volumes: readonly Volume[]): FieldError[] {
  const errors: FieldError[] = [];
  env.forEach((variable, i) => {
    const at = `${path}[${i}]`;
    if (!variable.name) errors.push(required(`${at}.name`));
    else errors.push(...invalidEach(`${at}.name`, variable.name, envVarName(variable.name)));
    if (variable.valueFrom) errors.push(...validateValueFrom(`${at}.valueFrom`, variable, volumes));
  });
  return errors;
}

export function validateEnvFrom(path: string, sources: readonly EnvFromSource[]): FieldError[] {
  return sources.flatMap(({ prefix, configMapRef, secretRef }, i) => {
    const at = `${path}[${i}]`;
    const errors = prefix ? invalidEach(`${at}.prefix`, prefix, envVarName(prefix)) : [];
    if (configMapRef && !configMapRef.name) errors.push(required(`${at}.configMapRef.name`));
    if (secretRef && !secretRef.name) errors.push(required(`${at}.secretRef.name`));
    if (!configMapRef && !secretRef) errors.push(invalid(at, "", "must specify one of: `configMapRef` or `secretRef`"));
    if (configMapRef && secretRef) errors.push(invalid(at, "", "may not have more than one field specified at a time"));
    return errors;
  });
}
