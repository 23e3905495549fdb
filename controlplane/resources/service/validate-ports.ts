import { duplicate, type FieldError, forbidden, invalid, required } from "#api/field-error.js";
import type { Service, ServicePort } from "#api/generated/types.js";
import { dns1123Label, invalidEach, qualifiedName } from "#api/validation/names.js";
import { portNumber } from "#api/validation/network.js";
import { oneOf } from "../field-rules.js";
import { validatePort } from "../pod/validate-probes.js";
import { isHeadless } from "./needs.js";

const KUBELET_PORT = 10250;
const protocols = ["SCTP", "TCP", "UDP"];

function validateOne(at: string, port: ServicePort, needsName: boolean, names: Set<string>): FieldError[] {
  const errors: FieldError[] = [];
  if (!port.name) {
    if (needsName) errors.push(required(`${at}.name`));
  } else {
    errors.push(...invalidEach(`${at}.name`, port.name, dns1123Label(port.name)));
    if (names.has(port.name)) errors.push(duplicate(`${at}.name`, port.name));
    names.add(port.name);
  }
  errors.push(...invalidEach(`${at}.port`, port.port ?? 0, portNumber(port.port)));
  errors.push(...oneOf(`${at}.protocol`, port.protocol, protocols));
  if (port.targetPort) errors.push(...validatePort(`${at}.targetPort`, port.targetPort));
  if (port.appProtocol !== undefined)
    errors.push(...invalidEach(`${at}.appProtocol`, port.appProtocol, qualifiedName(port.appProtocol)));
  return errors;
}

/** Node ports and ports are each unique within one protocol. */
function validateUnique(path: string, ports: readonly ServicePort[]): FieldError[] {
  const nodePorts = new Set<string>();
  const numbers = new Set<string>();
  const errors: FieldError[] = [];
  ports.forEach(({ protocol, nodePort }, i) => {
    const key = `${protocol}/${nodePort}`;
    if (nodePort && nodePorts.has(key)) errors.push(duplicate(`${path}[${i}].nodePort`, nodePort));
    nodePorts.add(key);
  });
  ports.forEach(({ protocol, port }, i) => {
    const key = `${protocol}/${port}`;
    if (numbers.has(key)) errors.push(duplicate(`${path}[${i}]`, { protocol, port, targetPort: 0 }));
    numbers.add(key);
  });
  return errors;
}

function validateForType(path: string, service: Service, ports: readonly ServicePort[]): FieldError[] {
  const { type } = service.spec;
  return ports.flatMap((port, i) => {
    if (type === "ClusterIP" && port.nodePort)
      return [forbidden(`${path}[${i}].nodePort`, "may not be used when `type` is 'ClusterIP'")];
    if (type === "LoadBalancer" && port.port === KUBELET_PORT) {
      const text = `may not expose port ${KUBELET_PORT} externally since it is used by kubelet`;
      return [invalid(`${path}[${i}].port`, port.port, text)];
    }
    return [];
  });
}

export function validatePorts(path: string, service: Service): FieldError[] {
  const ports = service.spec.ports ?? [];
  if (ports.length === 0) return isHeadless(service) || service.spec.type === "ExternalName" ? [] : [required(path)];
  const names = new Set<string>();
  return [
    ...ports.flatMap((port, i) => validateOne(`${path}[${i}]`, port, ports.length > 1, names)),
    ...validateForType(path, service, ports),
    ...validateUnique(path, ports),
  ];
}
