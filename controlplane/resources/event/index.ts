import type { CoreV1Event } from "#api/generated/types.js";
import { events } from "#api/refs.js";
import type { Column, Kind } from "../kind.js";
import { validateEvent } from "./validate.js";

const firstSeen = (event: CoreV1Event) => event.firstTimestamp ?? event.eventTime;
const lastSeen = (event: CoreV1Event) => event.series?.lastObservedTime ?? event.lastTimestamp ?? firstSeen(event);

function target({ involvedObject: { kind = "", name } }: CoreV1Event): string {
  return name ? `${kind.toLowerCase()}/${name}` : kind.toLowerCase();
}

function source(event: CoreV1Event): string {
  const component = event.source?.component || event.reportingComponent || "";
  const host = event.source?.component ? event.source.host : event.reportingInstance;
  return host ? `${component}, ${host}` : component;
}

const columns: readonly Column<CoreV1Event>[] = [
  { name: "Last Seen", type: "date", description: "When it happened last.", value: lastSeen },
  { name: "Type", type: "string", description: "Normal or Warning.", value: (event) => event.type },
  { name: "Reason", type: "string", description: "Why, in one word.", value: (event) => event.reason },
  { name: "Object", type: "string", description: "What it happened to.", value: target },
  {
    name: "Subobject",
    type: "string",
    priority: 1,
    description: "Which part of the object.",
    value: (event) => event.involvedObject.fieldPath ?? "",
  },
  { name: "Source", type: "string", priority: 1, description: "Who reports it.", value: source },
  { name: "Message", type: "string", description: "What happened.", value: (event) => event.message?.trim() ?? "" },
  { name: "First Seen", type: "date", priority: 1, description: "When it happened first.", value: firstSeen },
  {
    name: "Count",
    type: "string",
    priority: 1,
    description: "How often it happened.",
    value: (event) => event.series?.count ?? (event.count || 1),
  },
  {
    name: "Name",
    type: "string",
    priority: 1,
    format: "name",
    description: "Name of the event.",
    value: (event) => event.metadata.name,
  },
];

const LIFETIME_MS = 3_600_000;

/** As the core group has it, in which they are stored; see `events-v1.ts`. */
export const event: Kind<CoreV1Event> = {
  ...events,
  singular: "event",
  shortNames: ["ev"],
  schema: "CoreV1Event",
  nameRule: "dns-subdomain",
  columns,
  validate: validateEvent,
  expiresAt(object) {
    const seen = Date.parse(String(lastSeen(object) ?? ""));
    return (Number.isNaN(seen) ? Date.parse(String(object.metadata.creationTimestamp)) : seen) + LIFETIME_MS;
  },
  selectableFields: ({ involvedObject: object, ...rest }) => ({
    "involvedObject.kind": object.kind ?? "",
    "involvedObject.namespace": object.namespace ?? "",
    "involvedObject.name": object.name ?? "",
    "involvedObject.uid": object.uid ?? "",
    "involvedObject.apiVersion": object.apiVersion ?? "",
    "involvedObject.resourceVersion": object.resourceVersion ?? "",
    "involvedObject.fieldPath": object.fieldPath ?? "",
    reason: rest.reason ?? "",
    reportingComponent: rest.reportingComponent ?? "",
    source: rest.source?.component || rest.reportingComponent || "",
    type: rest.type ?? "",
  }),
};
