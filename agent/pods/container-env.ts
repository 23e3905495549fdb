/** The environment of a container, from values, fields of the Pod, ConfigMaps and Secrets. */
import type { Container, EnvFromSource, EnvVarSource, FileKeySelector, Pod } from "#api/generated/types.js";
import { fieldValue, type NodeCapacity, type PodAddresses, resourceFieldValue } from "./downward-fields.js";
import { expandVariables } from "./variable-expansion.js";

export interface EnvSources {
  addresses: PodAddresses;
  capacity: NodeCapacity;
  configMap(name: string): Promise<{ data?: Record<string, string> } | undefined>;
  /** Values in base64, as stored. */
  secret(name: string): Promise<{ data?: Record<string, string> } | undefined>;
  /** Variables of a file in a volume of the Pod; undefined when there is none. Rejects when it cannot be read as such. */
  envFile(volume: string, path: string): Promise<ReadonlyMap<string, string> | undefined>;
  /** Where Services are. */
  services: ReadonlyMap<string, string>;
}

/** Something the container's configuration refers to is missing: the Pod waits with CreateContainerConfigError. */
export class ContainerConfigError extends Error {
  override name = "ContainerConfigError";
}

/**
 * `env` wins over `envFrom`, that over Services, later over earlier. A value may use variables of `env` that stand before it,
 * and those of Services.
 * @throws ContainerConfigError
 */
export async function containerEnv(pod: Pod, container: Container, sources: EnvSources): Promise<Map<string, string>> {
  const result = new Map(sources.services);
  for (const source of container.envFrom ?? []) {
    for (const [key, value] of Object.entries(await valuesFrom(source, sources))) {
      result.set((source.prefix ?? "") + key, value);
    }
  }
  const own = new Map<string, string>();
  for (const variable of container.env ?? []) {
    const value = variable.valueFrom
      ? await valueFrom(pod, container, variable.valueFrom, sources)
      : expandVariables(variable.value ?? "", (name) => own.get(name) ?? sources.services.get(name));
    if (value === undefined) continue;
    own.set(variable.name, value);
    result.set(variable.name, value);
  }
  return result;
}

async function valuesFrom(
  { configMapRef, secretRef }: EnvFromSource,
  sources: EnvSources,
): Promise<Record<string, string>> {
  if (configMapRef) {
    const found = await sources.configMap(configMapRef.name ?? "");
    if (!found && !configMapRef.optional) throw new ContainerConfigError(`configmap "${configMapRef.name}" not found`);
    return found?.data ?? {};
  }
  if (!secretRef) return {};
  const found = await sources.secret(secretRef.name ?? "");
  if (!found && !secretRef.optional) throw new ContainerConfigError(`secret "${secretRef.name}" not found`);
  return Object.fromEntries(Object.entries(found?.data ?? {}).map(([key, value]) => [key, fromBase64(value)]));
}

/** Undefined: the variable is optional and its source is not there. */
async function valueFrom(
  pod: Pod,
  container: Container,
  source: EnvVarSource,
  sources: EnvSources,
): Promise<string | undefined> {
  const { fieldRef, resourceFieldRef, configMapKeyRef, secretKeyRef, fileKeyRef } = source;
  try {
    if (fieldRef) return fieldValue(pod, fieldRef.fieldPath, sources.addresses);
    if (resourceFieldRef) return resourceFieldValue(pod, container, resourceFieldRef, sources.capacity);
  } catch (error) {
    throw new ContainerConfigError((error as Error).message);
  }
  const namespace = pod.metadata.namespace ?? "";
  if (configMapKeyRef) {
    const { name = "", key, optional } = configMapKeyRef;
    const found = await sources.configMap(name);
    if (!found && !optional) throw new ContainerConfigError(`configmap "${name}" not found`);
    const value = found?.data?.[key];
    if (value === undefined && !optional)
      throw new ContainerConfigError(`couldn't find key ${key} in ConfigMap ${namespace}/${name}`);
    return value;
  }
  if (secretKeyRef) {
    const { name = "", key, optional } = secretKeyRef;
    const found = await sources.secret(name);
    if (!found && !optional) throw new ContainerConfigError(`secret "${name}" not found`);
    const value = found?.data?.[key];
    if (value === undefined && !optional)
      throw new ContainerConfigError(`couldn't find key ${key} in Secret ${namespace}/${name}`);
    return value === undefined ? undefined : fromBase64(value);
  }
  if (fileKeyRef) return fromFile(fileKeyRef, sources);
  throw new ContainerConfigError(`unsupported source of a variable: ${Object.keys(source).join(", ")}`);
}

async function fromFile(
  { volumeName, path, key, optional }: FileKeySelector,
  sources: EnvSources,
): Promise<string | undefined> {
  const file = `file "${path}" of volume "${volumeName}"`;
  const variables = await sources.envFile(volumeName, path).catch((error) => {
    throw new ContainerConfigError(`couldn't parse ${file}: ${error.message}`);
  });
  const value = variables?.get(key);
  if (value === undefined && !optional)
    throw new ContainerConfigError(variables ? `couldn't find key ${key} in ${file}` : `${file} not found`);
  return value;
}

function fromBase64(value: string): string {
  return Buffer.from(value, "base64").toString();
}
