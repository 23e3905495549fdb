import type { Ingress, IngressRule } from "#api/generated/types.js";
import { ageColumn, nameColumn } from "../columns.js";
import type { Column } from "../kind.js";
import { CLASS_ANNOTATION } from "./default-class.js";

const SHOWN_HOSTS = 3;

/** The first hosts; what follows is counted in rules, as upstream does. */
function hosts(rules: readonly IngressRule[]): string {
  const named = rules.flatMap(({ host }, rule) => (host ? [{ host, rule }] : []));
  const shown = named.slice(0, SHOWN_HOSTS);
  if (shown.length === 0) return "*";
  const text = shown.map(({ host }) => host).join(",");
  const full = shown.length === SHOWN_HOSTS && (shown.at(-1)?.rule ?? 0) < rules.length - 1;
  return full ? `${text} + ${rules.length - SHOWN_HOSTS} more...` : text;
}

export const ingressColumns: readonly Column<Ingress>[] = [
  nameColumn,
  {
    name: "Class",
    type: "string",
    description: "Which kind of proxy serves it.",
    value: ({ metadata, spec }) => spec?.ingressClassName ?? metadata.annotations?.[CLASS_ANNOTATION] ?? "<none>",
  },
  {
    name: "Hosts",
    type: "string",
    description: "Host names it has rules for.",
    value: ({ spec }) => hosts(spec?.rules ?? []),
  },
  {
    name: "Address",
    type: "string",
    description: "Where it is reached from outside.",
    value: ({ status }) =>
      (status?.loadBalancer?.ingress ?? [])
        .map(({ ip, hostname }) => ip || hostname || "")
        .filter(Boolean)
        .join(","),
  },
  {
    name: "Ports",
    type: "string",
    description: "Ports it is served on.",
    value: ({ spec }) => (spec?.tls?.length ? "80, 443" : "80"),
  },
  ageColumn,
];
