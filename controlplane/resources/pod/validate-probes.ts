/** Probes and lifecycle handlers. */
import { type FieldError, forbidden, invalid, notSupported, required } from "#api/field-error.js";
import type { Container, HTTPGetAction, LifecycleHandler, Probe } from "#api/generated/types.js";
import { invalidEach } from "#api/validation/names.js";
import { portName, portNumber } from "#api/validation/network.js";

const HEADER_NAME = "[-A-Za-z0-9]+";
const headerText =
  "a valid HTTP header must consist of alphanumeric characters or '-' " +
  `(e.g. 'X-Header-Name', regex used for validation is '${HEADER_NAME}')`;

type Handlers = LifecycleHandler & Pick<Probe, "grpc">;

export function validatePort(field: string, port: number | string | undefined): FieldError[] {
  if (typeof port === "string") return invalidEach(field, port, portName(port));
  return invalidEach(field, port ?? 0, portNumber(port ?? 0));
}

function validateHttpGet(path: string, action: HTTPGetAction): FieldError[] {
  const errors = action.path ? [] : [required(`${path}.path`)];
  errors.push(...validatePort(`${path}.port`, action.port));
  if (action.scheme !== "HTTP" && action.scheme !== "HTTPS")
    errors.push(notSupported(`${path}.scheme`, action.scheme ?? "", ["HTTP", "HTTPS"]));
  for (const { name } of action.httpHeaders ?? [])
    if (!new RegExp(`^${HEADER_NAME}$`).test(name ?? "")) errors.push(invalid(`${path}.httpHeaders`, name, headerText));
  return errors;
}

const rules: Readonly<
  Record<keyof Handlers, (path: string, handlers: Handlers, graceSeconds: number) => FieldError[]>
> = {
  exec: (path, { exec }) => (exec?.command?.length ? [] : [required(`${path}.command`)]),
  httpGet: (path, { httpGet }) => (httpGet ? validateHttpGet(path, httpGet) : []),
  tcpSocket: (path, { tcpSocket }) => validatePort(`${path}.port`, tcpSocket?.port),
  grpc: (path, { grpc }) => validatePort(`${path}.port`, grpc?.port),
  sleep(path, { sleep }, grace) {
    const seconds = sleep?.seconds ?? 0;
    if (seconds >= 0 && seconds <= grace) return [];
    const text = `must be non-negative and less than terminationGracePeriodSeconds (${grace})`;
    return [invalid(path, seconds, text)];
  },
};

function validateHandlers(path: string, handlers: Handlers, graceSeconds: number): FieldError[] {
  const errors: FieldError[] = [];
  let found = 0;
  for (const type of ["exec", "httpGet", "tcpSocket", "grpc", "sleep"] as const) {
    if (!handlers[type]) continue;
    if (found++ > 0) errors.push(forbidden(`${path}.${type}`, "may not specify more than 1 handler type"));
    else errors.push(...rules[type](`${path}.${type}`, handlers, graceSeconds));
  }
  return found === 0 ? [required(path, "must specify a handler type")] : errors;
}

const counters = [
  "initialDelaySeconds",
  "timeoutSeconds",
  "periodSeconds",
  "successThreshold",
  "failureThreshold",
] as const;

function validateProbe(path: string, probe: Probe): FieldError[] {
  const errors = validateHandlers(path, probe, 0);
  for (const counter of counters) {
    const value = probe[counter] ?? 0;
    if (value < 0) errors.push(invalid(`${path}.${counter}`, value, "must be greater than or equal to 0"));
  }
  const grace = probe.terminationGracePeriodSeconds;
  if (grace !== undefined && grace <= 0)
    errors.push(invalid(`${path}.terminationGracePeriodSeconds`, grace, "must be greater than 0"));
  return errors;
}

/** A failing liveness or startup probe restarts the container: one success must be enough to count as alive. */
function validateRestartingProbe(path: string, probe: Probe | undefined): FieldError[] {
  if (!probe) return [];
  const errors = validateProbe(path, probe);
  if (probe.successThreshold !== 1)
    errors.push(invalid(`${path}.successThreshold`, probe.successThreshold, "must be 1"));
  return errors;
}

function validateReadinessProbe(path: string, probe: Probe | undefined): FieldError[] {
  if (!probe) return [];
  const errors = validateProbe(path, probe);
  const grace = probe.terminationGracePeriodSeconds;
  if (grace !== undefined)
    errors.push(invalid(`${path}.terminationGracePeriodSeconds`, grace, "must not be set for readinessProbes"));
  return errors;
}

/** Probes and hooks of a container that lives as long as its pod. @param graceSeconds the pod's, for `sleep` */
export function validateProbes(path: string, container: Container, graceSeconds: number): FieldError[] {
  const { lifecycle } = container;
  const errors = [
    ...validateRestartingProbe(`${path}.livenessProbe`, container.livenessProbe),
    ...validateReadinessProbe(`${path}.readinessProbe`, container.readinessProbe),
    ...validateRestartingProbe(`${path}.startupProbe`, container.startupProbe),
  ];
  for (const hook of ["postStart", "preStop"] as const)
    if (lifecycle?.[hook]) errors.push(...validateHandlers(`${path}.lifecycle.${hook}`, lifecycle[hook], graceSeconds));
  return errors;
}
