import type { IPBlock, NetworkPolicy } from "#api/generated/types.js";
import { formatRange, parseRange } from "./cidr.js";

/** Whoever writes `10.0.0.5/8` may have meant one address or all of them: he is told which one he got. */
function ambiguity(field: string, text: string): string[] {
  const range = parseRange(text);
  if (!range || range.address.toString() === range.network.toString()) return [];
  const one = `${range.address}/${range.address.kind() === "ipv4" ? 32 : 128}`;
  const choice = `(should be ${JSON.stringify(formatRange(range))} or ${JSON.stringify(one)}?)`;
  return [`${field}: CIDR value ${JSON.stringify(text)} is ambiguous in this context ${choice}`];
}

function blockWarnings(at: string, { cidr, except = [] }: IPBlock): string[] {
  return [...ambiguity(`${at}.cidr`, cidr), ...except.flatMap((text, i) => ambiguity(`${at}.except[${i}]`, text))];
}

export function networkPolicyWarnings({ spec }: NetworkPolicy): string[] {
  const rules = [
    ...(spec.ingress ?? []).map(({ from = [] }, i) => [`spec.ingress[${i}].from`, from] as const),
    ...(spec.egress ?? []).map(({ to = [] }, i) => [`spec.egress[${i}].to`, to] as const),
  ];
  return rules.flatMap(([path, peers]) =>
    peers.flatMap(({ ipBlock }, i) => (ipBlock ? blockWarnings(`${path}[${i}].ipBlock`, ipBlock) : [])),
  );
}
