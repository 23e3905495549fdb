/** Containers of all three sorts. https://kubernetes.io/docs/concepts/containers/ */
import { duplicate, type FieldError, forbidden, invalid, required } from "#api/field-error.js";
import type { Container, ContainerPort, PodSpec } from "#api/generated/types.js";
import { dns1123Label, invalidEach } from "#api/validation/names.js";
import { portName, portNumber } from "#api/validation/network.js";
import { oneOf } from "../field-rules.js";
import { validateEnv, validateEnvFrom } from "./validate-env.js";
import { validateDevices, validateMounts } from "./validate-mounts.js";
import { validateProbes } from "./validate-probes.js";
import { validateResizePolicy, validateResources } from "./validate-resources.js";
import { validateRestart } from "./validate-restart.js";
import { validateSecurityContext } from "./validate-security.js";

const protocols = ["SCTP", "TCP", "UDP"];
const pullPolicies = ["Always", "IfNotPresent", "Never"];
const messagePolicies = ["File", "FallbackToLogsOnError"];

function validatePorts(path: string, ports: readonly ContainerPort[]): FieldError[] {
  const names = new Set<string>();
  return ports.flatMap((port, i) => {
    const at = `${path}[${i}]`;
    const errors: FieldError[] = [];
    if (port.name) {
      errors.push(...invalidEach(`${at}.name`, port.name, portName(port.name)));
      if (errors.length === 0 && names.has(port.name)) errors.push(duplicate(`${at}.name`, port.name));
      names.add(port.name);
    }
    if (!port.containerPort) errors.push(required(`${at}.containerPort`));
    else errors.push(...invalidEach(`${at}.containerPort`, port.containerPort, portNumber(port.containerPort)));
    if (port.hostPort) errors.push(...invalidEach(`${at}.hostPort`, port.hostPort, portNumber(port.hostPort)));
    return [...errors, ...oneOf(`${at}.protocol`, port.protocol, protocols)];
  });
}

/** @param seen host ports taken so far: "TCP/0.0.0.0/80" */
function validateHostPorts(path: string, container: Container, seen: Set<string>): FieldError[] {
  const errors: FieldError[] = [];
  container.ports?.forEach((port, i) => {
    if (!port.hostPort) return;
    const key = `${port.protocol}/${port.hostIP ?? ""}/${port.hostPort}`;
    if (seen.has(key)) errors.push(duplicate(`${path}.ports[${i}].hostPort`, key));
    seen.add(key);
  });
  return errors;
}

export function validateImage(field: string, image: string | undefined): FieldError[] {
  if (!image) return [required(field)];
  return image === image.trim() ? [] : [invalid(field, image, "must not have leading or trailing whitespace")];
}

/** What holds for containers of all three sorts. */
export function validateContainer(
  path: string,
  container: Container,
  { volumes = [], hostUsers }: Pick<PodSpec, "volumes" | "hostUsers">,
): FieldError[] {
  const { name } = container;
  const errors = name ? invalidEach(`${path}.name`, name, dns1123Label(name)) : [required(`${path}.name`)];
  errors.push(
    ...validateImage(`${path}.image`, container.image),
    ...oneOf(`${path}.terminationMessagePolicy`, container.terminationMessagePolicy, messagePolicies),
  );
  if (container.ports) errors.push(...validatePorts(`${path}.ports`, container.ports));
  if (container.env) errors.push(...validateEnv(`${path}.env`, container.env, volumes));
  if (container.envFrom) errors.push(...validateEnvFrom(`${path}.envFrom`, container.envFrom));
  if (container.volumeMounts) errors.push(...validateMounts(`${path}.volumeMounts`, container, volumes));
  if (container.volumeDevices) errors.push(...validateDevices(`${path}.volumeDevices`, container, volumes));
  errors.push(
    ...oneOf(`${path}.imagePullPolicy`, container.imagePullPolicy, pullPolicies),
    ...validateResources(`${path}.resources`, container.resources),
    ...validateResizePolicy(`${path}.resizePolicy`, container.resizePolicy),
  );
  if (container.securityContext)
    errors.push(...validateSecurityContext(`${path}.securityContext`, container.securityContext, hostUsers));
  return errors;
}

function validateMain(path: string, spec: PodSpec): FieldError[] {
  if (!spec.containers?.length) return [required(path)];
  const errors: FieldError[] = [];
  const names = new Set<string>();
  const hostPorts = new Set<string>();
  spec.containers.forEach((container, i) => {
    const at = `${path}[${i}]`;
    errors.push(...validateContainer(at, container, spec));
    if (names.has(container.name)) errors.push(duplicate(`${at}.name`, container.name));
    names.add(container.name);
    errors.push(...validateProbes(at, container, spec.terminationGracePeriodSeconds ?? 0));
    errors.push(...validateRestart(at, container, false));
    errors.push(...validateHostPorts(at, container, hostPorts));
  });
  return errors;
}

/** Init containers run to their end; only those that restart always (sidecars) may have probes and hooks. */
function validateInit(path: string, spec: PodSpec): FieldError[] {
  const errors: FieldError[] = [];
  const names = new Set(spec.containers?.map((c) => c.name));
  spec.initContainers?.forEach((container, i) => {
    const at = `${path}[${i}]`;
    errors.push(...validateContainer(at, container, spec));
    if (names.has(container.name)) errors.push(duplicate(`${at}.name`, container.name));
    names.add(container.name);
    errors.push(...validateHostPorts(at, container, new Set()));
    const sidecar = container.restartPolicy === "Always";
    errors.push(...validateRestart(at, container, sidecar));
    if (sidecar) errors.push(...validateProbes(at, container, spec.terminationGracePeriodSeconds ?? 0));
    else
      for (const field of ["lifecycle", "livenessProbe", "readinessProbe", "startupProbe"] as const)
        if (container[field])
          errors.push(forbidden(`${at}.${field}`, "may not be set for init containers without restartPolicy=Always"));
  });
  return errors;
}

export function validateContainers(path: string, spec: PodSpec): FieldError[] {
  return [...validateMain(`${path}.containers`, spec), ...validateInit(`${path}.initContainers`, spec)];
}
