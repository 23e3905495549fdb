/** What makes a policy valid. https://kubernetes.io/docs/reference/kubernetes-api/policy-resources/network-policy-v1/ */
import { type FieldError, forbidden, invalid, notSupported, required } from "#api/field-error.js";
import type { IPBlock, NetworkPolicy, NetworkPolicyPeer, NetworkPolicyPort } from "#api/generated/types.js";
import { validateLabelSelector } from "#api/validation/labels.js";
import { invalidEach } from "#api/validation/names.js";
import { cidr, portName, portNumber } from "#api/validation/network.js";
import { formatRange, isStrictlyWithin, parseRange } from "./cidr.js";

const PROTOCOLS = ["TCP", "UDP", "SCTP"];
const TYPES = ["Ingress", "Egress"];

function validatePort(at: string, { protocol, port, endPort }: NetworkPolicyPort): FieldError[] {
  const errors: FieldError[] = [];
  if (protocol !== undefined && !PROTOCOLS.includes(protocol))
    errors.push(notSupported(`${at}.protocol`, protocol, PROTOCOLS));
  if (typeof port === "number") {
    errors.push(...invalidEach(`${at}.port`, port, portNumber(port)));
    if (endPort === undefined) return errors;
    if (endPort < port) errors.push(invalid(`${at}.endPort`, port, "must be greater than or equal to `port`"));
    return [...errors, ...invalidEach(`${at}.endPort`, endPort, portNumber(endPort))];
  }
  if (endPort !== undefined) {
    const why = port === undefined ? "`port` is not specified" : "`port` is non-numeric";
    errors.push(invalid(`${at}.endPort`, endPort, `may not be specified when ${why}`));
  }
  return port === undefined ? errors : [...errors, ...invalidEach(`${at}.port`, port, portName(port))];
}

function validateBlock(at: string, block: IPBlock): FieldError[] {
  if (!block.cidr) return [required(`${at}.cidr`)];
  const errors = invalidEach(`${at}.cidr`, block.cidr, cidr(block.cidr));
  const range = parseRange(block.cidr);
  if (!range) return errors;
  block.except?.forEach((text, i) => {
    const field = `${at}.except[${i}]`;
    errors.push(...invalidEach(field, text, cidr(text)));
    const except = parseRange(text);
    if (except && !isStrictlyWithin(except, range))
      errors.push(invalid(field, formatRange(except), "must be a strict subset of `cidr`"));
  });
  return errors;
}

function validatePeer(at: string, { podSelector, namespaceSelector, ipBlock }: NetworkPolicyPeer): FieldError[] {
  const errors = [
    ...validateLabelSelector(`${at}.podSelector`, podSelector),
    ...validateLabelSelector(`${at}.namespaceSelector`, namespaceSelector),
    ...(ipBlock ? validateBlock(`${at}.ipBlock`, ipBlock) : []),
  ];
  if (!podSelector && !namespaceSelector && !ipBlock) errors.push(required(at, "must specify a peer"));
  else if (ipBlock && (podSelector || namespaceSelector))
    errors.push(forbidden(at, "may not specify both ipBlock and another peer"));
  return errors;
}

function validateRule(
  at: string,
  ports: readonly NetworkPolicyPort[] = [],
  peers: readonly NetworkPolicyPeer[] = [],
  peersField: "from" | "to",
): FieldError[] {
  return [
    ...ports.flatMap((port, i) => validatePort(`${at}.ports[${i}]`, port)),
    ...peers.flatMap((peer, i) => validatePeer(`${at}.${peersField}[${i}]`, peer)),
  ];
}

function validateTypes(at: string, types: readonly string[] = []): FieldError[] {
  if (types.length > TYPES.length) return [invalid(at, types, "may not specify more than two policyTypes")];
  return types.flatMap((type, i) => (TYPES.includes(type) ? [] : [notSupported(`${at}[${i}]`, type, TYPES)]));
}

export function validateNetworkPolicy({ spec }: NetworkPolicy): FieldError[] {
  return [
    ...validateLabelSelector("spec.podSelector", spec.podSelector),
    ...(spec.ingress ?? []).flatMap((rule, i) => validateRule(`spec.ingress[${i}]`, rule.ports, rule.from, "from")),
    ...(spec.egress ?? []).flatMap((rule, i) => validateRule(`spec.egress[${i}]`, rule.ports, rule.to, "to")),
    ...validateTypes("spec.policyTypes", spec.policyTypes),
  ];
}
